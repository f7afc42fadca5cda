"""The one thread of a process that keeps what verifiers hold fresh, and what becomes of it at a fork.

The thread never waits for the network: it asks each upkeep what is due, and lends a short-lived thread to
whatever may take time. So an issuer that hangs holds up nobody else's keys. See docs/decisions/0004.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from contextlib import suppress
from math import isnan
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

THREAD_NAME: Final = "sekisho-upkeep"
LOCK: Final = threading.RLock()
"""Guards the state of every upkeep. Held for moments, never while anything waits.

One for all, because a fork takes it: no child is born amid a change, by a thread that it does not have, and
none finds it locked. Reentrant, because the garbage collector may run anybody's `__del__` beneath it.
"""

_MISTAKE_PAUSE: Final = 60.0
_log: Final = logging.getLogger("sekisho_verify.background")


def dice() -> float:
    """From 0 to 1, another one at each call and in each process."""
    return int.from_bytes(os.urandom(4)) / 2**32  # noqa: TID251 -- spreads the load of a fleet; not a secret


class Todo(NamedTuple):
    """What an upkeep wants: `run` on a thread of its own, now; and to be asked again `after` seconds."""

    after: float | None
    run: Callable[[], None] | None = None


class Upkeep(Protocol):
    """Something that is to be kept fresh."""

    def step(self) -> Todo | None:
        """What is due now; None if nobody uses it any more. Called under LOCK; does not wait."""
        ...

    def forked(self) -> None:
        """This process is a child now: no other thread has survived."""
        ...


class _Keeper:
    """The thread, and what it looks after."""

    def __init__(self) -> None:
        self.upkeeps: set[Upkeep] = set()
        self.thread: threading.Thread | None = None
        # Unlike an event, it may be put to from a weak reference's callback, wherever that interrupts.
        self.inbox: Final[queue.SimpleQueue[None]] = queue.SimpleQueue()

    def run(self) -> None:
        while True:
            with LOCK:
                after, work = self._ask_all()
                if not self.upkeeps:
                    self.thread = None
                    return
            for each in work:
                _lend_thread(each)
            del work
            with suppress(queue.Empty):
                self.inbox.get(timeout=after)
                # However many have called, once is enough: while an issuer is down, every request does.
                while True:
                    self.inbox.get_nowait()

    def _ask_all(self) -> tuple[float | None, list[Callable[[], None]]]:
        """Seconds until the next is due (None: until somebody wakes us), and what is due now."""
        pauses: list[float] = []
        work: list[Callable[[], None]] = []
        for upkeep in tuple(self.upkeeps):
            try:
                todo = upkeep.step()
            except Exception:  # noqa: BLE001 -- one upkeep's mistake must not end those of the others
                _log.exception("an upkeep failed; the others go on")
                todo = Todo(_MISTAKE_PAUSE)
            if todo is None:
                self.upkeeps.discard(upkeep)
                continue
            if todo.after is not None:
                # A clock that says NaN is one upkeep's mistake; to wait for NaN would end the thread of all.
                after = _MISTAKE_PAUSE if isnan(todo.after) else todo.after
                pauses.append(min(max(after, 0.0), threading.TIMEOUT_MAX))
            if todo.run is not None:
                work.append(todo.run)
        return min(pauses, default=None), work


_keeper = _Keeper()


def look_after(upkeep: Upkeep) -> None:
    """Ask `upkeep` what is due, now and from then on, until it says that nobody uses it. Called under LOCK.

    Raises:
        RuntimeError: no thread can be had.
    """
    _keeper.upkeeps.add(upkeep)
    if _keeper.thread is None:
        # A daemon: it holds nothing that an interpreter at its end would have to wait for.
        thread = threading.Thread(target=_keeper.run, name=THREAD_NAME, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            _keeper.upkeeps.discard(upkeep)
            raise
        _keeper.thread = thread
    wake()


def wake() -> None:
    """Have every upkeep asked anew, soon; from any place, a finalizer included."""
    _keeper.inbox.put(None)


def _lend_thread(work: Callable[[], None]) -> None:
    try:
        threading.Thread(target=_run, args=(work,), name=f"{THREAD_NAME}-work", daemon=True).start()
    except RuntimeError:
        # No more threads, or the interpreter is at its end: better late than never.
        _run(work)


def _run(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:  # noqa: BLE001 -- it may run on the thread of all, for want of another
        _log.exception("what an upkeep had to do failed; the others go on")


def _after_fork_in_child() -> None:
    global _keeper
    upkeeps, _keeper = _keeper.upkeeps, _Keeper()
    try:
        for upkeep in upkeeps:
            upkeep.forked()
    finally:
        LOCK.release()


if sys.platform != "win32":
    os.register_at_fork(
        before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=_after_fork_in_child
    )
