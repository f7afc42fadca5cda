"""A peer on the uvicorn that serves everybody else, run by the interpreter of the peers' environment.

Those that are WSGI too: uvicorn hands a request to one of ten threads, which took less CPU than gunicorn with
one worker and eight threads did (Django's session check 1.64 ms against 1.92).

    python -m benchmarks.peers.served KIND FD

FD is a listening socket that was inherited; "ready" goes to stdout once it is served.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import socket
import sys
from typing import Literal

import uvicorn
import uvloop

#: The module of each peer, and how it is talked to.
KINDS: dict[str, tuple[str, Literal["asgi3", "wsgi"]]] = {
    "fastapi-users": ("with_fastapi_users", "asgi3"),
    "django-asgi": ("with_django", "asgi3"),
    "django-wsgi": ("with_django", "wsgi"),
    "flask-security": ("with_flask_security", "wsgi"),
}


class _Server(uvicorn.Server):
    """Says when it is ready."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell."""
        await super().startup(sockets)
        print("ready", flush=True)


def serve(kind: str, listening: socket.socket) -> None:
    """Serve it until a signal asks to stop, with the options that `sekisho serve` sets as well."""
    module, interface = KINDS[kind]
    if interface == "wsgi":
        os.environ["PEER_WSGI"] = "1"
    application = importlib.import_module(f"benchmarks.peers.{module}").application
    config = uvicorn.Config(
        application,
        http="httptools",
        ws="none",
        # Django refuses the protocol, and has nothing to open.
        lifespan="on" if kind == "fastapi-users" else "off",
        interface=interface,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_Server(config).serve([listening]))


if __name__ == "__main__":
    serve(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
