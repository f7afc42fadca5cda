"""The auth server in a process of its own, as `sekisho serve` runs it, with nothing else loaded.

    python -m benchmarks.ours KIND FD

FD is a listening socket that was inherited; "ready" goes to stdout once it is served.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Mapping

from benchmarks.serving import SIGNALS, ready, settings, stepping
from sekisho.adapters import session_lookups
from sekisho.cli.auth_server import serve_auth
from sekisho.ports import Clock
from sekisho.settings import read_settings


def sekisho(sockets: list[socket.socket], clock: Clock) -> None:
    """The auth server, exactly as `sekisho serve` runs it."""
    serve_auth(settings(), sockets, ready=ready, signals=SIGNALS, clock=clock)


def asking(sockets: list[socket.socket]) -> None:
    """The same, with a process that remembers no session: every check is a round trip."""
    session_lookups.REMEMBERED = 1
    sekisho(sockets, time.time)


KINDS: Mapping[str, Callable[[list[socket.socket]], None]] = {
    "sekisho": lambda sockets: sekisho(sockets, time.time),
    "sekisho-asking": asking,
    "sekisho-stepping": lambda sockets: sekisho(sockets, stepping()),
    "sekisho-hashing": lambda sockets: serve_auth(
        read_settings(os.environ), sockets, ready=ready, signals=SIGNALS, clock=time.time
    ),
}

if __name__ == "__main__":
    KINDS[sys.argv[1]]([socket.socket(fileno=int(sys.argv[2]))])
