"""Clients with one kept-alive connection each, that ask again as soon as they are answered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Protocol

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


def converse(port: int, clients: Sequence[Conversation], *, requests: int) -> None:
    """Send that many requests, divided among the clients; return when all are answered.

    Raises:
        RuntimeError: an answer was not 200.
    """

    async def everyone() -> None:
        each = requests // len(clients)
        await asyncio.gather(*(_converse(port, client, each) for client in clients))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(everyone())


async def _converse(port: int, client: Conversation, requests: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for _ in range(requests):
            writer.write(client.ask())
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            if not head.startswith(b"HTTP/1.1 20"):
                raise RuntimeError(f"{head.decode()}{body.decode()}")
            client.hear(_decode(body))
    finally:
        writer.close()
        await writer.wait_closed()


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
