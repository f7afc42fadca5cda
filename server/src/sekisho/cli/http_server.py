"""uvicorn, run by us: no log of its own, no name in the headers, and a stop that is not an error."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import uvicorn
import uvloop

from sekisho.cli.http_protocol import BoundedProtocol

#: What asks a server to stop.
SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: Seconds that requests in flight have to finish after a stop was asked for.
GRACE = 20
#: Seconds that an idle connection is kept: longer than proxies keep theirs (nginx: 60), so that it is the
#: proxy that closes and never sends a request into a closing connection.
KEEP_ALIVE = 75


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it is ready and ends by returning."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        ready: Callable[[], None],
        stopping: Callable[[], None],
        signals: Sequence[signal.Signals],
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._stopping = stopping
        self._signals = signals

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop on the first signal; uvicorn would raise it once more afterwards and so end with an error."""
        before = {each: signal.signal(each, self.handle_exit) for each in self._signals}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell."""
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell, and then wait for what is under way: some of it would not end by itself."""
        self._stopping()
        await super().shutdown(sockets)


async def serve_http(
    app: Any,  # noqa: ANN401 - every ASGI toolkit types its application differently
    sockets: list[socket.socket],
    *,
    lifespan: Literal["on", "off"],
    ready: Callable[[], None],
    signals: Sequence[signal.Signals],
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serve until a signal asks to stop; then finish the requests in flight and return.

    `stopping` is called before they are waited for: to end those that would go on for ever.
    """
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan=lifespan,
        interface="asgi3",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whom to believe about X-Forwarded-For is a setting of ours
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )
    await _Server(config, ready=ready, stopping=stopping, signals=signals).serve(sockets)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` on the event loop that servers use here."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
