"""A line between browser and server: what goes through is counted, held or lost as a test says."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: A page of somebody's own, with nothing on it.
PAGE: Final = b'<!doctype html><title>app</title><link rel="icon" href="data:,">'
_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
)
_KEY: Final = re.compile(rb"\r\nidempotency-key: *(\S+)", re.IGNORECASE)


@dataclass
class LossyLine:
    """Listens on `url`, and passes on to a server of this machine; answers `GET /app` itself.

    `keys`: the Idempotency-Key of each refresh that passed. `lose`: the answers of so many refreshes from now
    on are lost after the server has given them. `cut`: nothing goes through at all.
    """

    url: str = ""
    upstream: int = 0
    keys: list[str] = field(default_factory=list)
    lose: int = 0
    cut: bool = False
    _flowing: asyncio.Event = field(default_factory=asyncio.Event)
    _answered: asyncio.Condition = field(default_factory=asyncio.Condition)
    _answers: int = 0
    _carrying: set[asyncio.Task[None]] = field(default_factory=set)

    def hold(self) -> None:
        """Keep back the answers of refreshes."""
        self._flowing.clear()

    def release(self) -> None:
        """Let them go, those to whoever is still there."""
        self._flowing.set()

    def mend(self) -> None:
        """Pass everything on, and count anew."""
        self.release()
        self.keys.clear()
        self._answers = self.lose = 0
        self.cut = False

    async def answered(self, number: int = 1) -> None:
        """Until the server has answered so many refreshes, whether the browser was told or not."""
        async with self._answered:
            await self._answered.wait_for(lambda: self._answers >= number)

    @property
    def refreshes(self) -> int:
        """How many were sent."""
        return len(self.keys)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[LossyLine]:
        """Listen, on a port that is free."""
        self.release()
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.url = f"http://localhost:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in self._carrying:
                task.cancel()
            await asyncio.gather(*self._carrying, return_exceptions=True)

    def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_Connection(self, reader, writer).run())
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)


@dataclass
class _Connection:
    line: LossyLine
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    refreshing: bool = False
    doomed: bool = False

    async def run(self) -> None:
        """Carry both ways until either end has had enough."""
        try:
            with suppress(OSError):
                await self._carry()
        finally:
            self.writer.transport.abort()

    async def _carry(self) -> None:
        first = await self.reader.read(65_536)
        if first.startswith(b"GET /app "):
            self.writer.write(_HEAD % len(PAGE) + PAGE)
            await self.writer.drain()
            self.writer.close()
            await self.writer.wait_closed()
            return
        if not first or self.line.cut:
            return
        source, sink = await asyncio.open_connection("127.0.0.1", self.line.upstream)
        ways = [asyncio.create_task(self._up(first, sink)), asyncio.create_task(self._down(source))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            sink.transport.abort()

    async def _up(self, chunk: bytes, sink: asyncio.StreamWriter) -> None:
        while chunk and not self.line.cut:
            if chunk.startswith(b"POST /v1/refresh "):
                self.refreshing = True
                key = _KEY.search(chunk)
                self.line.keys.append(key[1].decode() if key else "")
                if self.line.lose:
                    self.line.lose -= 1
                    self.doomed = True
            sink.write(chunk)
            await sink.drain()
            chunk = await self.reader.read(65_536)

    async def _down(self, source: asyncio.StreamReader) -> None:
        line = self.line
        while chunk := await source.read(65_536):
            if self.refreshing:
                self.refreshing = False
                async with line._answered:
                    line._answers += 1
                    line._answered.notify_all()
                if not self.doomed:
                    await line._flowing.wait()
            if self.doomed:
                return
            self.writer.write(chunk)
            await self.writer.drain()
