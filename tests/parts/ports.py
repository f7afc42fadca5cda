"""Ports for programs that take a number and no socket.

Each is one test's alone, on the whole machine, from before its program listens until long after: whoever
asks at a port that is somebody else's by now is answered, and wrongly. They lie below those that systems
hand out to whoever asks for any (Linux from 32768, macOS and Windows from 49152): no connection and no
other server has one by chance. Among tests, in whatever process, a lock on a file says whose it is; it goes
with its process.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections import deque
from pathlib import Path
from typing import Final

FIRST: Final = 20_000
#: The bus of a Redis Cluster's node, 10000 above its port, is below what systems hand out as well.
END: Final = 22_700
#: A process gives the oldest of so many back: no test uses more, and each holds a file open.
MOST: Final = 200


class Ports:
    """The ports that a process was given; it looks for the next one from `at` on."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._files: deque[int] = deque()

    def row(self, length: int) -> int:
        """The first of so many in a row that nobody listens on, and that no other test is given.

        Raises:
            RuntimeError: every port is taken.
        """
        for _ in range(FIRST, END):
            first = self._at if FIRST <= self._at <= END - length else FIRST
            self._at = first + 1
            if self._take(range(first, first + length)):
                self._at = first + length
                return first
        raise RuntimeError("no port is free")

    def _take(self, row: range) -> bool:
        files: list[int] = []
        for port in row:
            file = _locked(port)
            files += [] if file is None else [file]
            if file is None or not _is_free(port):
                for each in files:
                    os.close(each)
                return False
        self._files.extend(files)
        while len(self._files) > MOST:
            os.close(self._files.popleft())
        return True


def _locked(port: int) -> int | None:
    """The file that says whose it is, unless another test has it."""
    folder = Path(tempfile.gettempdir()) / f"sekisho-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    file = os.open(folder / str(port), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


# Processes that are started together begin to look in different places.
_ports = Ports(FIRST + os.getpid() * 20 % (END - FIRST))


def free_port() -> int:
    """A port of this machine that nobody listens on, and that no other test is given."""
    return free_row(1)


def free_row(length: int) -> int:
    """The first of so many such ports in a row."""
    return _ports.row(length)
