"""Ports for a program that takes a number and no socket."""

from __future__ import annotations

import os
import socket
from itertools import count


def free_port() -> int:
    """A port of this machine that nobody listens on now; whoever is quicker may have it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def free_row(length: int) -> int:
    """The first of so many ports in a row that nobody listens on.

    Below those that systems hand out to whoever asks for any, so no other test gets one of them meanwhile.
    """
    return next(first for first in count(20_000 + os.getpid() % 500 * 20, length) if _all_free(first, length))


def _all_free(first: int, length: int) -> bool:
    for port in range(first, first + length):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
