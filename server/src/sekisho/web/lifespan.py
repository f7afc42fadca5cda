"""An ASGI application that is open while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from sekisho.rules.refusals import Refusal
from sekisho.settings import SettingsRefused
from sekisho.web.asgi import ASGIApp, Receive, Scope, Send
from sekisho.web.logs import LOG, Line


class Application:
    """What answers, opened once and closed at the end.

    A server that speaks the lifespan protocol opens and closes it. A framework that mounts it may not pass
    the lifespan on (Starlette does not), so the first request opens it where nobody else has. Requests for
    which that fails are answered by `closed`.
    """

    def __init__(
        self,
        opening: Callable[[], AbstractAsyncContextManager[ASGIApp]],
        *,
        closed: ASGIApp,
        end_streams: Callable[[], None],
    ) -> None:
        #: End the answers that would never end, before whoever serves us waits for those under way.
        self.end_streams = end_streams
        self._opening = opening
        self._closed = closed
        self._stack = AsyncExitStack()
        self._lock = asyncio.Lock()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or open and close with the server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        app = self._app or await self._opened_or_closed()
        await app(scope, receive, send)

    async def open(self) -> ASGIApp:
        """Open it, once."""
        async with self._lock:
            if self._app is None:
                self._app = await self._stack.enter_async_context(self._opening())
            return self._app

    async def _opened_or_closed(self) -> ASGIApp:
        """The application; where it cannot be opened, the one that says so. The next request tries again."""
        try:
            return await self.open()
        except (SettingsRefused, Refusal) as refused:
            LOG.error(Line("not_open", {"reason": str(refused)}))
            return self._closed

    async def close(self) -> None:
        """Finish what was begun and let go of everything."""
        async with self._lock:
            self._app = None
            await self._stack.aclose()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.open()
        except (SettingsRefused, Refusal) as refused:
            await send({"type": "lifespan.startup.failed", "message": str(refused)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})
