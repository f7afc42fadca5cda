"""Routes of Starlette that features bring, loaded where one does: others do without Starlette."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route, Router

from sekisho.frozen import Frozen
from sekisho.web.asgi import Receive, Scope, Send


class Unserved(Frozen):
    """What came of a request that no route has answered, and the value of `Allow` where there is one.

    `fault`: what a route raised that is no refusal we have a word for.
    """

    code: Literal["not_found", "method_not_allowed", "forbidden", "internal"]
    allow: bytes | None = None
    fault: Exception | None = None


class FeatureRoutes:
    """All of them, tried one after the other."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        every = [*routes]
        #: Where they answer.
        self.paths: frozenset[str] = frozenset(each.path for each in every if isinstance(each, Route))
        # A wrong slash is a wrong address: no redirect carries a body or a token somewhere else.
        self._router = Router(every, redirect_slashes=False)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> Unserved | None:
        """Answer a request; what no route has answered is for the caller to refuse."""
        try:
            # With an application Starlette raises its 404 and 405 instead of answering.
            await self._router({**scope, "app": self}, receive, send)
        except HTTPException as refused:
            allow = (refused.headers or {}).get("Allow")
            sent = None if allow is None else allow.encode()
            match refused.status_code:
                case 403:
                    return Unserved("forbidden", sent)
                case 404:
                    return Unserved("not_found", sent)
                case 405:
                    return Unserved("method_not_allowed", sent)
                case _:
                    return Unserved("internal", sent, refused)
        return None

    async def connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a WebSocket, or close it."""
        await self._router(scope, receive, send)
