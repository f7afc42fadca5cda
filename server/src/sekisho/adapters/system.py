"""The real clock and the real entropy: nowhere else, so that every test can bring its own."""

from __future__ import annotations

import os
import time


def clock() -> float:
    """POSIX seconds of this machine, whose clock NTP keeps; the threat model says how well it must."""
    return time.time()


def steady() -> float:
    """Seconds on a clock that only goes forward, whatever NTP does; it starts anywhere."""
    return time.monotonic()


def entropy(size: int) -> bytes:
    """That many bytes of the operating system's generator."""
    return os.urandom(size)
