"""A clock that the demo alone can move, shared by its processes through eight bytes of a file.

Waiting fifteen minutes for a token to expire is nothing to watch. No HTTP route moves this clock: whoever can
write the file, which is mode 0600 in the demo's own temporary directory, can.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

from sekisho.ports import Clock

_OFFSET = struct.Struct("=d")


class MovedClock:
    """The time of `base`, plus the seconds that the file says."""

    def __init__(self, path: Path, base: Clock) -> None:
        with path.open("rb") as file:
            # Eight aligned bytes are read and written in one piece by every processor that CPython runs on.
            self._shared = mmap.mmap(file.fileno(), _OFFSET.size, access=mmap.ACCESS_READ)
        self._base = base

    def __call__(self) -> float:
        """POSIX seconds."""
        offset: float = _OFFSET.unpack_from(self._shared)[0]
        return self._base() + offset


class ClockHand:
    """The hand that moves it: makes the file, and is held by the demo's own process alone."""

    def __init__(self, path: Path) -> None:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b") as file:
            file.write(_OFFSET.pack(0.0))
            file.flush()
            self._shared = mmap.mmap(file.fileno(), _OFFSET.size)

    def forward(self, seconds: float) -> None:
        """Let that many seconds pass, for every process at once."""
        _OFFSET.pack_into(self._shared, 0, _OFFSET.unpack_from(self._shared)[0] + seconds)
