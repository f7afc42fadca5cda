"""An issuer with a revocation feed on this machine, real to the last byte, that a test may let misbehave."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from sekisho_verify import SigningKey
from sekisho_verify.feed import THREAD_NAME
from sekisho_verify.issuer_metadata import METADATA_PATH
from sekisho_verify.revocations.entries import (
    Entry,
    Frame,
    Heartbeat,
    Snapshot,
    entry_key,
    read_rv,
    write_rv,
)
from sekisho_verify.revocations.sealed import seal, seal_time
from tests.verify.tokens import EC, claims
from tests.verify.tokens import seal as seal_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sekisho_verify import HmacKey
    from sekisho_verify.revocations.entries import Effect, Kind

PATIENCE: Final = 30.0
FEED: Final = "/v1/revocations"
EVERY: Final = 0.1
"""Seconds between heartbeats: fewer than a real issuer's, so that tests wait less."""


class Clock:
    """Two clocks that go on as real ones do, and further when a test says so: 1970's, and a steady one."""

    def __init__(self) -> None:
        self.shift = 0.0

    def wall(self) -> float:
        """Seconds since 1970."""
        return 1_800_000_000.0 + time.monotonic() % 1000 + self.shift

    def steady(self) -> float:
        """Seconds of a clock that never steps."""
        return time.monotonic() + self.shift


class FeedIssuer(ThreadingHTTPServer):
    """Metadata, keys, snapshot, time and stream, from a list of entries."""

    daemon_threads = True

    def __init__(
        self,
        *,
        key: HmacKey | SigningKey = EC,
        clock: Callable[[], float] = time.time,
        name: str | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = f"http://127.0.0.1:{self.server_port}"
        self.url = name or self.root
        self.key = key
        self.keys: tuple[SigningKey, ...] = (key,) if isinstance(key, SigningKey) else ()
        self.clock = clock
        self.changed = threading.Condition()
        self.epoch = 1
        self.entries: list[Entry] = []
        self.first_kept = 1
        self.ttl = 970.0
        self.token: str | None = None
        self.asked: list[str] = []
        self.streams = 0
        self.injected: list[bytes] = []
        self.hushed = False
        self.ended = 0
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.as_of: Callable[[], float] = clock
        self.gate = threading.Event()
        self.gate.set()

    @property
    def feed(self) -> str:
        """The URL of the feed."""
        return self.root + FEED

    @property
    def head(self) -> int:
        """The last number taken."""
        return len(self.entries)

    @property
    def rv(self) -> str:
        """The `rv` of a token that is minted now."""
        return write_rv(self.epoch, self.head)

    def access_token(self, **changes: object) -> str:
        """A good token of now, but for the changes in its claims."""
        now = int(self.clock())
        chosen = {"iss": self.url, "iat": now, "exp": now + 900, "rv": self.rv, **changes}
        return seal_token(
            {"alg": self.key.alg, "kid": self.key.kid, "typ": "at+jwt"}, claims(**chosen), self.key
        )

    def revoke(self, kind: Kind, name: str = "", effect: Effect = "revoked") -> None:
        """End something, and have the streams say it."""
        with self.changed:
            self.entries.append(Entry(self.head + 1, kind, entry_key(kind, name), effect))
            self.changed.notify_all()

    def restore(self, *, lost: int) -> None:
        """Come back from a backup without the last numbers, in a new epoch."""
        with self.changed:
            del self.entries[self.head - lost :]
            self.epoch += 1
            self.changed.notify_all()

    def inject(self, event: str, data: str) -> None:
        """Have every stream carry this too."""
        self.inject_bytes(f"event: {event}\ndata: {data}\n\n".encode())

    def inject_bytes(self, raw: bytes) -> None:
        """Have every stream carry these bytes too."""
        with self.changed:
            self.injected.append(raw)
            self.changed.notify_all()

    def hush(self, hushed: bool = True) -> None:  # noqa: FBT001, FBT002 -- the word says it
        """Say nothing more on the streams, and keep them open."""
        with self.changed:
            self.hushed = hushed
            self.changed.notify_all()

    def end_streams(self) -> None:
        """Close every stream that is open."""
        with self.changed:
            self.ended += 1
            self.changed.notify_all()

    def sealed(self, news: Snapshot | Frame | Heartbeat, **changes: Any) -> str:  # noqa: ANN401 -- of `seal`
        """News under the issuer's seal."""
        return seal(news, **{"issuer": self.url, "key": self.key, **changes})

    def snapshot(self) -> Snapshot:
        """All that is known."""
        return Snapshot(
            epoch=self.epoch, head=self.head, as_of=self.as_of(), ttl=self.ttl, entries=tuple(self.entries)
        )

    def heartbeat(self) -> Heartbeat:
        """Nothing new."""
        return Heartbeat(epoch=self.epoch, head=self.head, as_of=self.as_of())

    def frame(self, after: int) -> Frame:
        """What came after a number."""
        return Frame(
            epoch=self.epoch,
            first=after + 1,
            last=self.head,
            as_of=self.as_of(),
            entries=tuple(self.entries[after:]),
        )

    def count(self, path: str) -> int:
        """How often a path was asked for."""
        return self.asked.count(path)


class _Handler(BaseHTTPRequestHandler):
    server: FeedIssuer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        at, issuer = urlsplit(self.path), self.server
        issuer.asked.append(at.path)
        issuer.gate.wait(PATIENCE)
        self.close_connection = True
        page = issuer.pages.get(at.path)
        if page is not None:
            self._answer(page[2], status=page[0], headers=page[1])
        elif at.path == METADATA_PATH:
            document = {"issuer": issuer.url, "jwks_uri": f"{issuer.root}/keys"}
            document["sekisho_revocations_uri"] = issuer.feed
            self._answer(json.dumps(document).encode())
        elif at.path == "/keys":
            self._answer(json.dumps({"keys": [key.public.to_jwk() for key in issuer.keys]}).encode())
        elif not at.path.startswith(FEED):
            self._answer(b"", status=404)
        elif issuer.token is not None and self.headers["Authorization"] != f"Bearer {issuer.token}":
            self._answer(b"", status=401)
        elif at.path == FEED:
            self._answer(issuer.sealed(issuer.snapshot()).encode())
        elif at.path == f"{FEED}/time":
            nonce = parse_qs(at.query)["nonce"][0]
            sealed = seal_time(issuer.clock(), nonce=nonce, issuer=issuer.url, key=issuer.key)
            self._answer(sealed.encode())
        else:
            self._stream()

    def _answer(self, body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        sent = {"Content-Length": str(len(body)), **(headers or {})}
        for name, value in sent.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        issuer = self.server
        known = read_rv(self.headers["Last-Event-ID"] or "")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with issuer.changed:
            issuer.streams += 1
            began, injected = issuer.ended, len(issuer.injected)
        try:
            while True:
                with issuer.changed:
                    if issuer.ended != began:
                        return
                    pieces = issuer.injected[injected:]
                    injected = len(issuer.injected)
                    if not issuer.hushed:
                        pieces.append(self._news(known))
                        known = (issuer.epoch, issuer.head)
                for piece in pieces:
                    self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                self.wfile.flush()
                with issuer.changed:
                    issuer.changed.wait(EVERY)
        except OSError:
            return  # the reader is gone
        finally:
            with issuer.changed:
                issuer.streams -= 1

    def _news(self, known: tuple[int, int] | None) -> bytes:
        issuer = self.server
        if known and known[0] == issuer.epoch and issuer.first_kept - 1 <= known[1] < issuer.head:
            name, data = "frame", issuer.sealed(issuer.frame(known[1]))
        else:
            name, data = "heartbeat", issuer.sealed(issuer.heartbeat())
        return f"id: {issuer.rv}\nevent: {name}\ndata: {data}\n\n".encode()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Keep the test's output clean."""


@contextmanager
def running_feed(**options: Any) -> Iterator[FeedIssuer]:  # noqa: ANN401 -- of `FeedIssuer`
    """An issuer with a feed, for the time of a test."""
    server = FeedIssuer(**options)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        stop(server)
        thread.join()


def stop(server: FeedIssuer) -> None:
    """Let it die: every stream ends, and nobody is let in."""
    server.gate.set()
    server.shutdown()
    server.server_close()
    server.end_streams()


def feed_threads() -> list[threading.Thread]:
    """The threads that follow feeds, of this process."""
    return [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]


def wait_until_no_feed() -> None:
    """Until nobody follows a feed any more."""
    for thread in feed_threads():
        thread.join(PATIENCE)
        assert not thread.is_alive()
