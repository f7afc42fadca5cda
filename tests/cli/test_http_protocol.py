"""What a connection may send, and how slowly."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import uvicorn
from uvicorn.server import ServerState

from sekisho.cli.http_protocol import MAX_HEADERS, MAX_PIPELINED, MAX_REQUEST, BoundedProtocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.types import Receive, Scope, Send

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = HEAD + b"Content-Length: 2\r\n\r\nok"


class Impatient(BoundedProtocol):
    """The same, for a test that is to end soon."""

    patience = 0.2


class Patient(BoundedProtocol):
    """The same, for what must not end by waiting."""

    patience = 3600.0


class Gate:
    """Answers 204, once it is open, to whoever has sent a whole request."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.request":
            await self.open.wait()
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})


class Connection:
    """A client that says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, data: bytes) -> None:
        """Send it, in a piece of its own."""
        self._writer.write(data)
        await self._writer.drain()

    async def hear(self) -> bytes:
        """The head of the next answer; nothing once the server has ended the connection."""
        try:
            async with asyncio.timeout(60):
                return await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""

    async def rest(self) -> bytes:
        """Everything until the server ends the connection."""
        async with asyncio.timeout(60):
            return await self._reader.read()

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


class Site:
    """A server on loopback."""

    def __init__(self, port: int, gate: Gate) -> None:
        self.port = port
        self.gate = gate

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[Connection]:
        """One connection to it."""
        connection = Connection(*await asyncio.open_connection("127.0.0.1", self.port))
        try:
            yield connection
        finally:
            connection.close()


@asynccontextmanager
async def serving(protocol: type[BoundedProtocol]) -> AsyncGenerator[Site]:
    """Serve the gate by that protocol."""
    gate = Gate()
    config = uvicorn.Config(gate, lifespan="off", ws="none", log_config=None)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0)
    try:
        yield Site(server.sockets[0].getsockname()[1], gate)
    finally:
        server.close()


@pytest.mark.requirement("H6")
@pytest.mark.parametrize(
    "sent",
    [b"", b"\r\n", HEAD, HEAD + b"Content-Length: 2\r\n\r\no", CHUNKED],
    ids=["nothing", "a blank line", "half a head", "half a body", "no chunk"],
)
async def test_who_does_not_finish_a_request_is_cut_off(sent: bytes) -> None:
    """At the first request of a connection and at the second alike."""
    async with serving(Impatient) as site, site.connected() as first, site.connected() as second:
        site.gate.open.set()
        await second.say(WHOLE)
        assert b" 204 " in await second.hear()
        for connection in (first, second) if sent else (first,):
            await connection.say(sent)
            assert await connection.hear() == b""


async def test_who_waits_for_an_answer_is_not() -> None:
    """The time is for the request to arrive; the answer may take longer."""
    async with serving(Impatient) as site, site.connected() as slow, site.connected() as idle:
        await slow.say(WHOLE)
        assert await idle.hear() == b""
        async with site.connected() as later:
            assert await later.hear() == b""
        site.gate.open.set()
        assert b" 204 " in await slow.hear()


@pytest.mark.requirement("J1")
@pytest.mark.parametrize("begin", [HEAD, CHUNKED + b"0\r\n"], ids=["head", "trailers"])
async def test_a_line_without_end_is_cut_off(begin: bytes) -> None:
    """Long before it fills the memory: a few pieces, and the connection is gone."""
    async with serving(Patient) as site, site.connected() as connection:
        await connection.say(begin + b"X: ")
        sent = 0
        with suppress(ConnectionError):
            while sent < 16 * MAX_REQUEST:
                await connection.say(b"a" * 65_536)
                sent += 65_536
        assert sent < 16 * MAX_REQUEST


@pytest.mark.requirement("J1")
@pytest.mark.parametrize("begin", [HEAD, CHUNKED + b"0\r\n"], ids=["head", "trailers"])
async def test_lines_without_end_are_cut_off(begin: bytes) -> None:
    """They are few bytes on the wire, and many in memory."""
    async with serving(Patient) as site, site.connected() as connection:
        await connection.say(begin + b"X: a\r\n" * (MAX_HEADERS + 1))
        assert await connection.hear() == b""


@pytest.mark.requirement("J18")
@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01 a TLS handshake\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nNo colon\r\n\r\n",
    ],
    ids=["TLS", "version", "header"],
)
async def test_what_is_no_http_is_refused_in_the_ordinary_form(sent: bytes) -> None:
    """A problem with its code and a request id, of the length that it says, and the end of the connection."""
    async with serving(Patient) as site, site.connected() as connection:
        await connection.say(sent)
        head = await connection.hear()
        body = await connection.rest()
    status, *lines = head.decode().strip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    problem = json.loads(body)
    assert status == "HTTP/1.1 400 Bad Request"
    assert (problem["code"], problem["type"]) == ("invalid_request", "urn:sekisho:problem:invalid_request")
    assert problem["request_id"] == headers["x-request-id"]
    assert headers["content-type"] == "application/problem+json"
    assert (int(headers["content-length"]), headers["connection"]) == (len(body), "close")


@pytest.mark.requirement("H6")
async def test_who_waits_for_no_answer_is_cut_off() -> None:
    """Requests without end before the first is answered are not kept; as many as honest clients send are."""
    async with serving(Patient) as site, site.connected() as honest, site.connected() as stranger:
        await honest.say(WHOLE * (1 + MAX_PIPELINED))
        with suppress(ConnectionError):
            await stranger.say(WHOLE * (2 + MAX_PIPELINED))
        assert await stranger.hear() == b""
        site.gate.open.set()
        for _ in range(1 + MAX_PIPELINED):
            assert b" 204 " in await honest.hear()
