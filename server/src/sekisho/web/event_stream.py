"""An answer that goes on: events as they come, until the reader leaves, the server stops, or it is time.

Written to ASGI directly: of a thousand idle streams each heartbeat is a thousand sends, and a layer between
doubles their price.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Final, Protocol

from sekisho.frozen import Frozen
from sekisho.web.asgi import Receive, Send
from sekisho.web.wire import Headers

#: Seconds beyond its life after which a stream is given up whose reader does not even take its end.
LINGER: Final = 10.0


class EventReader(Protocol):
    """What reads the events of one stream."""

    async def more(self) -> bytes | None:
        """Wait for some; none when it is over."""
        ...

    def end(self) -> None:
        """It is over."""
        ...


class EventStream(Frozen):
    """Server-sent events (WHATWG HTML section 9.2).

    Args:
        open: begins to read what is to be sent; called when the answer begins.
        life: seconds until it is ended, in good order: who then comes back may reach another server.
    """

    open: Callable[[], AbstractContextManager[EventReader]]
    life: float


class StreamReply(Frozen):
    """An event stream on its way to the one who asked."""

    stream: EventStream
    receive: Receive
    headers: Headers

    async def send(self, send: Send, *, head: bool = False) -> None:
        """Send it to its end; a reader that does not take what was sent is sent no more until it does.

        One that does not even take the end, some seconds after the stream's life, is given up.
        """
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        # One timer for all of it: one for each send would cost more than the send.
        with suppress(TimeoutError):
            async with asyncio.timeout(self.stream.life + LINGER):
                if not head:
                    with self.stream.open() as reader:
                        await self._send_events(reader, send)
                await send({"type": "http.response.body", "body": b""})

    async def _send_events(self, reader: EventReader, send: Send) -> None:
        gone = asyncio.ensure_future(self._until_gone())
        gone.add_done_callback(lambda _: reader.end())
        enough = asyncio.get_running_loop().call_later(self.stream.life, reader.end)
        try:
            while (events := await reader.more()) is not None:
                await send({"type": "http.response.body", "body": events, "more_body": True})
        finally:
            enough.cancel()
            gone.cancel()

    async def _until_gone(self) -> None:
        while (message := await self.receive()).get("more_body"):
            pass
        if message["type"] == "http.request":
            # Behind a whole body comes nothing but the end; who gives more would have us ask for ever.
            await self.receive()
