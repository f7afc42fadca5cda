"""A small HTTP server on this machine, while it is needed: the issuer of a test, or a forger's site."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

_PATIENCE: Final = 5.0
"""Seconds that a caller may take to ask."""
_LOOK: Final = 0.02
"""Seconds between two looks at whether to end."""


class Document(NamedTuple):
    """What a path answers a GET with."""

    content_type: str
    body: bytes
    stream: Iterator[bytes] | None = None
    """What follows the body, piece by piece, for as long as somebody reads it."""


class Asked(NamedTuple):
    """A request: its path, its query, and where a reader of events has left off."""

    path: str
    query: str
    after: str


@contextmanager
def serving(find: Callable[[Asked], Document | None]) -> Generator[str]:
    """Answer GET on a free port of 127.0.0.1, in a thread, and give the URL of the server, without a path.

    Args:
        find: the document for a request, or None for 404. Called in the threads of the server, from which
            nothing else is done.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            document = find(Asked(path, query, self.headers.get("Last-Event-ID", "")))
            self.send_response(200 if document else 404)
            body = document.body if document else b""
            self.send_header("Content-Type", document.content_type if document else "text/plain")
            pieces = document.stream if document else None
            if pieces is None:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # whoever asked may be gone
                self.wfile.write(body)
                for piece in pieces or ():
                    self.wfile.write(piece)

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
