"""Clients with one kept-alive connection each, that ask again as soon as they are answered."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import msgspec
import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Conversation(Protocol):
    """What one client says next, given what it was answered last."""

    def ask(self) -> bytes:
        """The next request."""
        ...

    def hear(self, answer: dict[str, Any]) -> None:
        """The answer to it, which had status 200."""
        ...


class Speaker(Protocol):
    """A client that reads whole replies."""

    def ask(self) -> bytes:
        """The next request."""
        ...

    def heard(self, reply: Reply) -> None:
        """The reply to it. Raises for one that is not as it should be."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, the head as it came, and the body."""

    status: int
    head: bytes
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body; empty where there is none."""
        return _decode(self.body) if self.body else {}

    def cookie(self, name: str) -> str:
        """The value that this cookie is set to; empty where it is not."""
        found = re.search(rb"\r\nset-cookie: *" + name.encode() + rb"=([^;\r]*)", self.head, re.IGNORECASE)
        return found[1].decode() if found else ""


@dataclass(frozen=True, slots=True)
class Timed:
    """How long all of it took, and each request (seconds)."""

    seconds: float
    each: list[float]


def converse(port: int, clients: Sequence[Conversation], *, requests: int) -> None:
    """Send that many requests, divided among the clients; return when all are answered.

    Raises:
        RuntimeError: an answer was not 200.
    """
    exchange(port, [_InJson(client) for client in clients], requests=requests)


class _InJson:
    """A `Conversation` whose every answer has to be a good one."""

    def __init__(self, client: Conversation) -> None:
        self._client = client
        self.ask = client.ask

    def heard(self, reply: Reply) -> None:
        if reply.status // 10 != 20:
            raise RuntimeError(f"{reply.head.decode()}{reply.body.decode()}")
        self._client.hear(reply.json)


def exchange(port: int, speakers: Sequence[Speaker], *, requests: int) -> Timed:
    """Send that many requests, divided among as many connections as there are speakers."""
    each: list[float] = []

    async def everyone() -> float:
        links = [await _Link.to(port) for _ in speakers]
        share = requests // len(speakers)
        began = time.perf_counter()
        try:
            talks = (link.talk(speaker, share, each) for link, speaker in zip(links, speakers, strict=True))
            await asyncio.gather(*talks)
            return time.perf_counter() - began
        finally:
            for link in links:
                link.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return Timed(runner.run(everyone()), each)


class _Link(asyncio.Protocol):
    """One kept-alive connection. It reads no more than Content-Length, which everybody here sends."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._reply: asyncio.Future[Reply] | None = None
        self._transport: asyncio.Transport

    @classmethod
    async def to(cls, port: int) -> _Link:
        _, link = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(exc or ConnectionResetError("the server hung up"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or self._reply is None:
            return
        length = _LENGTH.search(head + b"\r\n")
        if len(body) >= (int(length[1]) if length else 0):
            self._received = b""
            self._reply.set_result(Reply(int(head[9:12]), head, body))

    async def talk(self, speaker: Speaker, requests: int, each: list[float]) -> None:
        for _ in range(requests):
            request = speaker.ask()
            self._reply = self._loop.create_future()
            began = time.perf_counter()
            self._transport.write(request)
            reply = await self._reply
            each.append(time.perf_counter() - began)
            speaker.heard(reply)

    def close(self) -> None:
        self._transport.close()


def post(path: str, body: dict[str, Any]) -> bytes:
    """A POST of JSON."""
    content = msgspec.json.encode(body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: sekisho-benchmarks\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def get(path: str, token: str) -> bytes:
    """A GET with a bearer token."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


class Once:
    """One request and its answer."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.answer: dict[str, Any] = {}

    def ask(self) -> bytes:
        """The request."""
        return self._request

    def hear(self, answer: dict[str, Any]) -> None:
        """Keep the answer."""
        self.answer = answer


def call(port: int, request: bytes) -> dict[str, Any]:
    """The answer to one request."""
    once = Once(request)
    converse(port, [once], requests=1)
    return once.answer
