"""A port for a program that takes a number and no socket."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A port of this machine that nobody listens on now; whoever is quicker may have it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
