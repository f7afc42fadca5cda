"""A small HTTP server on this machine, while it is needed: the issuer of a test, or a forger's site."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_PATIENCE: Final = 5.0
"""Seconds that a caller may take to ask."""
_LOOK: Final = 0.02
"""Seconds between two looks at whether to end."""


class Document(NamedTuple):
    """What a path answers a GET with."""

    content_type: str
    body: bytes


@contextmanager
def serving(find: Callable[[str], Document | None]) -> Generator[str]:
    """Answer GET on a free port of 127.0.0.1, in a thread, and give the URL of the server, without a path.

    Args:
        find: the document at a path, or None for 404. Called in the threads of the server, from which
            nothing else is done.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE

        def do_GET(self) -> None:
            document = find(self.path.partition("?")[0])
            self.send_response(200 if document else 404)
            body = document.body if document else b""
            self.send_header("Content-Type", document.content_type if document else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
            """Write nothing to stderr, which belongs to the program that serves."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(
        target=server.serve_forever, args=(_LOOK,), name="sekisho-loopback", daemon=True
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
