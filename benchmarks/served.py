"""The servers that are compared, each in a process of its own, on one uvicorn with one set of options.

    python -m benchmarks.served KIND FD

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
from dataclasses import replace
from typing import Any

from benchmarks import api
from benchmarks.bare import Bare
from sekisho.adapters import session_lookups
from sekisho.adapters.password_hashes import CHEAPEST, PROFILES
from sekisho.cli.auth_server import serve_auth
from sekisho.cli.http_server import run, serve_http
from sekisho.ports import Clock
from sekisho.settings import Settings, read_settings

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


def bare(sockets: list[socket.socket], clock: Clock) -> None:
    """Refresh and login by hand."""

    async def opened() -> None:
        application = Bare(settings(), clock)
        async with application.open():
            await serve_http(application, sockets, lifespan="off", ready=ready, signals=SIGNALS)

    run(opened())


def plain(application: Any, sockets: list[socket.socket]) -> None:  # noqa: ANN401 - any ASGI application
    """An application that has nothing to open."""
    run(serve_http(application, sockets, lifespan="off", ready=ready, signals=SIGNALS))


KINDS: Mapping[str, Callable[[list[socket.socket]], None]] = {
    "sekisho": lambda sockets: sekisho(sockets, time.time),
    "sekisho-asking": asking,
    "sekisho-stepping": lambda sockets: sekisho(sockets, stepping()),
    "bare": lambda sockets: bare(sockets, time.time),
    "bare-stepping": lambda sockets: bare(sockets, stepping()),
    "guarded": lambda sockets: plain(api.guarded(), sockets),
    "by-hand": lambda sockets: plain(api.by_hand, sockets),
}

if __name__ == "__main__":
    KINDS[sys.argv[1]]([socket.socket(fileno=int(sys.argv[2]))])
