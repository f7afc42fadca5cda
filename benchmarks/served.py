"""The servers that are compared, each in a process of its own, on one uvicorn with one set of options.

    python -m benchmarks.served KIND FD

FD is a listening socket that was inherited; "ready" goes to stdout once it is served. Each kind loads what it
is made of and nothing of the others: its memory is measured.
"""

from __future__ import annotations

import importlib
import socket
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from benchmarks.serving import SIGNALS, ready, settings, stepping
from sekisho.cli.http_server import run, serve_http
from sekisho.ports import Clock


def bare(sockets: list[socket.socket], clock: Clock) -> None:
    """Refresh, login, session check and logout by hand, on the database of the settings."""
    told = settings()
    if told.database_url.startswith("sqlite"):
        kind = _loaded("bare_sqlite").BareOnSqlite
    else:
        kind = _loaded("bare").Bare

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


def _loaded(name: str) -> Any:  # noqa: ANN401 -- a module, which has no narrower type
    return importlib.import_module(f"benchmarks.{name}")


KINDS: Mapping[str, Callable[[list[socket.socket]], None]] = {
    "bare": lambda sockets: bare(sockets, time.time),
    "bare-stepping": lambda sockets: bare(sockets, stepping()),
    "guarded": lambda sockets: plain(_loaded("api").guarded(), sockets, lifespan="on"),
    "guarded-fastapi": lambda sockets: plain(_loaded("api_fastapi").application, sockets, lifespan="on"),
    "by-hand": lambda sockets: plain(_loaded("api").by_hand, sockets),
}

if __name__ == "__main__":
    kind = sys.argv[1]
    run_kind = KINDS[kind] if kind in KINDS else _loaded("ours").KINDS[kind]
    run_kind([socket.socket(fileno=int(sys.argv[2]))])
