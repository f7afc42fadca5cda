"""Servers in processes of their own: started fresh, known to be ready, and never left behind.

Parent and child hold one end each of a pipe. The child says "ready" there once, and learns from it when its
parent ends: one that was killed outright closes its end too.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

_READY = b"ready"
_SAFE_PATH = "PYTHONSAFEPATH"


class Child:
    """A process that runs `serve(*arguments, ready=..., signals=...)`."""

    def __init__(self, serve: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401 - its own, pickled
        # A fresh interpreter: a fork would copy whatever threads and connections this process has made.
        context = multiprocessing.get_context("spawn")
        self.link, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(
            target=_live, args=(theirs, serve, arguments), daemon=True
        )
        self._ready = False
        with _safe_path():
            self.process.start()
        theirs.close()

    def is_ready(self, *, within: float = 0) -> bool:
        """Whether it has said so, waiting up to `within` seconds for it, or until it dies."""
        if not self._ready:
            try:
                self._ready = self.link.poll(within) and self.link.recv_bytes() == _READY
            except (EOFError, ConnectionResetError):
                self._ready = False
        return self._ready

    def stop(self) -> None:
        """Ask it to finish, and wait until it has."""
        stop_all([self])


@contextmanager
def _safe_path() -> Generator[None]:
    """What is started meanwhile looks for modules among Python's own alone.

    It is started by `python -c`, which would look first where we were started, and run what somebody has put
    there (CWE-427). There is no other way to say so; what else we start is none of this one's business.
    """
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


def stop_all(children: Sequence[Child]) -> None:
    """Ask all of them to finish, and wait until the last one has: no longer than for the slowest."""
    for child in children:
        child.process.terminate()
    for child in children:
        child.process.join()


def _live(link: Connection, serve: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """The child's whole life. Ctrl-C reaches every process of a terminal: only the parent acts on it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(link,), daemon=True).start()
    serve(*arguments, ready=lambda: link.send_bytes(_READY), signals=(signal.SIGTERM,))


def _end_with_parent(link: Connection) -> None:
    try:
        link.recv_bytes()
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)
