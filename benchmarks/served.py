"""The servers that are compared, each in a process of its own, on one uvicorn with one set of options.

    python -m benchmarks.served KIND FD

FD is a listening socket that was inherited; "ready" goes to stdout once it is served.
"""

from __future__ import annotations

import importlib
import socket
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from benchmarks import api, ours
from benchmarks.bare import Bare
from benchmarks.bare_sqlite import BareOnSqlite
from benchmarks.ours import SIGNALS, ready, settings, stepping
from sekisho.cli.http_server import run, serve_http
from sekisho.ports import Clock


def bare(sockets: list[socket.socket], clock: Clock) -> None:
    """Refresh, login, session check and logout by hand, on the database of the settings."""
    told = settings()
    kind = BareOnSqlite if told.database_url.startswith("sqlite") else Bare

    async def opened() -> None:
        application = kind(told, clock)
        async with application.open():
            await serve_http(application, sockets, lifespan="off", ready=ready, signals=SIGNALS)

    run(opened())


def plain(
    application: Any,  # noqa: ANN401 -- any ASGI application
    sockets: list[socket.socket],
    *,
    lifespan: Literal["on", "off"] = "off",
) -> None:
    """An application; most have nothing to open."""
    run(serve_http(application, sockets, lifespan=lifespan, ready=ready, signals=SIGNALS))


def in_fastapi(sockets: list[socket.socket]) -> None:
    """The guarded route in FastAPI, which none of the others is to load."""
    plain(importlib.import_module("benchmarks.api_fastapi").application, sockets, lifespan="on")


KINDS: Mapping[str, Callable[[list[socket.socket]], None]] = {
    **ours.KINDS,
    "bare": lambda sockets: bare(sockets, time.time),
    "bare-stepping": lambda sockets: bare(sockets, stepping()),
    "guarded": lambda sockets: plain(api.guarded(), sockets, lifespan="on"),
    "guarded-fastapi": in_fastapi,
    "by-hand": lambda sockets: plain(api.by_hand, sockets),
}

if __name__ == "__main__":
    KINDS[sys.argv[1]]([socket.socket(fileno=int(sys.argv[2]))])
