"""The auth server in a process of its own, as `sekisho serve` runs it, with nothing else loaded.

    python -m benchmarks.ours KIND FD

FD is a listening socket that was inherited; "ready" goes to stdout once it is served.
"""

from __future__ import annotations

import itertools
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from sekisho.adapters import session_lookups
from sekisho.adapters.password_hashes import PROFILES
from sekisho.cli.auth_server import serve_auth
from sekisho.ports import Clock
from sekisho.settings import Settings, read_settings
from tests.parts.cheapest_hash import CHEAPEST

SIGNALS = (signal.SIGTERM,)
#: Seconds that pass between two readings of the clock: above the refresh grace, so that each refresh rotates.
STEP = 20.0


def ready() -> None:
    """Tell the parent."""
    print("ready", flush=True)


def stepping() -> Clock:
    """A clock that goes on by `STEP` at each reading: clients need not wait for the grace to pass."""
    return itertools.count(time.time(), STEP).__next__


def settings() -> Settings:
    """The settings of the environment, with passwords that cost next to nothing: it is not they that count.

    No setting names that profile, since it is worth nothing against a thief.
    """
    PROFILES["CHEAPEST"] = CHEAPEST
    return replace(read_settings(os.environ), password_profile="CHEAPEST")


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
