"""A verifier of the revocation feed in the process of the server: real answers, real seals, no network."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from sekisho_verify.encoding import b64url_decode
from sekisho_verify.keysets import key_set_from_jwks
from sekisho_verify.revocations.entries import Frame, Heartbeat
from sekisho_verify.revocations.live import Applied, Revocations
from sekisho_verify.revocations.sealed import FeedSeals

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping

    from starlette.types import ASGIApp, Message

    from sekisho_verify.keys import VerificationKey
    from sekisho_verify.revocations.entries import Entry

#: Seconds after which a test is told that something never came.
PATIENCE = 30.0
STREAM = "/v1/revocations/stream"


class Got(NamedTuple):
    """A whole answer."""

    status: int
    headers: dict[str, str]
    text: str


class Event(NamedTuple):
    """One server-sent event."""

    id: str
    name: str
    data: str


def _scope(path: str, query: str, headers: Mapping[str, str], method: str) -> dict[str, Any]:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": raw,
        "client": ("127.0.0.1", 1),
    }


class Connection:
    """One request, whose answer is read as it comes.

    Args:
        taking: whether what is sent is taken; while it is cleared, sending waits.
    """

    def __init__(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        self.taking = asyncio.Event()
        self.taking.set()
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._to_app.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self._text = ""
        self._running = asyncio.ensure_future(app(scope, self._to_app.get, self._send))

    async def _send(self, message: Message) -> None:
        await self.taking.wait()
        self._sent.put_nowait(message)

    async def message(self) -> Message:
        """What the server sends next."""
        async with asyncio.timeout(PATIENCE):
            return await self._sent.get()

    async def event(self, name: str = "") -> Event:
        """The next event, or the next of that name. Raises `EOFError` where the stream has ended."""
        while True:
            while "\n\n" not in self._text:
                message = await self.message()
                self._text += message["body"].decode()
                if not message.get("more_body") and "\n\n" not in self._text:
                    raise EOFError
            block, _, self._text = self._text.partition("\n\n")
            fields = dict(line.split(": ", 1) for line in block.split("\n"))
            assert fields.keys() == {"id", "event", "data"}
            if name in {"", fields["event"]}:
                return Event(fields["id"], fields["event"], fields["data"])

    async def ended(self) -> None:
        """Read on until it has ended, in good order."""
        while True:
            try:
                await self.event()
            except EOFError:
                return

    async def given_up(self) -> None:
        """Wait until the server has left, whatever of it was taken."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([self._running])

    async def close(self) -> None:
        """Leave, and see that the server has noticed."""
        self.taking.set()
        self._to_app.put_nowait({"type": "http.disconnect"})
        async with asyncio.timeout(PATIENCE):
            await self._running


class FeedListener:
    """Reads the feed of an application."""

    def __init__(self, app: ASGIApp, *, issuer: str, token: str | None = None) -> None:
        self._app = app
        self._issuer = issuer
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.revocations = Revocations()
        self._seals: FeedSeals | None = None

    @property
    def seals(self) -> FeedSeals:
        """What opens the seals of this issuer."""
        assert self._seals is not None, "it knows no keys yet"
        return self._seals

    def know(self, keys: Iterable[VerificationKey]) -> None:
        """Take these keys."""
        self._seals = FeedSeals(keys, issuer=self._issuer, leaked=self.revocations.leaked)

    async def knowing_keys(self) -> Self:
        """Fetch the keys, as they are now; there are none where a secret is shared."""
        found = json.loads((await self.get("/.well-known/jwks.json")).text)
        if found["keys"]:
            self.know(key_set_from_jwks(found).keys)
        return self

    async def get(self, path: str, *, method: str = "GET", **headers: str) -> Got:
        """One whole answer."""
        path, _, query = path.partition("?")
        asked = self._headers | {name.replace("_", "-"): value for name, value in headers.items()}
        connection = Connection(self._app, _scope(path, query, asked, method))
        start, body = await connection.message(), await connection.message()
        await connection.close()
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return Got(start["status"], found, body["body"].decode())

    async def snapshot(self) -> None:
        """Read the snapshot and take it in."""
        news = self.seals.snapshot((await self.get("/v1/revocations")).text)
        self.revocations.apply(news)

    @asynccontextmanager
    async def stream(self, *, query: str = "", **headers: str) -> AsyncGenerator[Connection]:
        """A stream, from its first event on."""
        asked = self._headers | {name.replace("_", "-"): value for name, value in headers.items()}
        connection = Connection(self._app, _scope(STREAM, query, asked, "GET"))
        start = await connection.message()
        assert start["status"] == 200, await connection.message()
        assert dict(start["headers"])[b"content-type"] == b"text/event-stream"
        try:
            yield connection
        finally:
            await connection.close()

    async def news(self, connection: Connection, name: str = "") -> Frame | Heartbeat:
        """The next event of the stream, its seal opened; it is taken in."""
        event = await connection.event(name)
        open_seal = self.seals.frame if event.name == "frame" else self.seals.heartbeat
        news = open_seal(event.data)
        outcome = self.revocations.apply(news)
        assert isinstance(outcome, Applied), outcome
        last = news.last if isinstance(news, Frame) else news.head
        assert event.id == f"{news.epoch}.{last}"
        return news

    async def entries(self, connection: Connection, count: int) -> list[Entry]:
        """The next entries of the stream, that many."""
        found: list[Entry] = []
        while len(found) < count:
            news = await self.news(connection, "frame")
            assert isinstance(news, Frame)
            found += news.entries
        return found

    async def heartbeat(self, connection: Connection) -> Heartbeat:
        """The next heartbeat of the stream; the frames before it are taken in."""
        while not isinstance(news := await self.news(connection), Heartbeat):
            pass
        return news


def claims_of(jws: str) -> dict[str, Any]:
    """What a JWS says, its seal unopened."""
    claims: dict[str, Any] = json.loads(b64url_decode(jws.split(".")[1].encode()))
    return claims


def header_of(jws: str) -> dict[str, Any]:
    """What the header of a JWS says, its seal unopened."""
    header: dict[str, Any] = json.loads(b64url_decode(jws.partition(".")[0].encode()))
    return header
