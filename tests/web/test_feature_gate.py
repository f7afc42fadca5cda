"""The cross-site gate stands before whatever a feature serves: no route can forget it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute

from tests.web.browser import code_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message, Scope
    from starlette.websockets import WebSocket

    from tests.web.served import Served, Server

OWN = "http://localhost:8400"
LISTED = "https://app.example.com"
FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://a.localhost:8400"},
)
FRIENDLY: tuple[dict[str, str], ...] = (
    {},
    {"Origin": OWN},
    {"Sec-Fetch-Site": "same-origin"},
    {"Origin": LISTED},
)


async def act(request: Request) -> PlainTextResponse:
    """Something unsafe whose author thought of nothing."""
    return PlainTextResponse(f"did {request.method}")


async def talk(socket: WebSocket) -> None:
    """A conversation whose author thought of nothing."""
    await socket.accept()
    await socket.close()


ROUTES = [
    Route("/act", act, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    Mount("/below", routes=[Route("/act", act, methods=["POST"])]),
    WebSocketRoute("/talk", talk),
]


async def ask(served: Served, method: str, path: str, headers: Mapping[str, str]) -> httpx2.Response:
    """One request, whose answer the document for programs does not know."""
    transport = httpx2.ASGITransport(app=served.app)
    async with httpx2.AsyncClient(transport=transport, base_url=OWN) as client:
        return await client.request(method, path, headers=headers)


@pytest.mark.requirement("F1", "F3", "X26")
@pytest.mark.parametrize("path", ["/act", "/below/act", "/nothing"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_foreign_page_reaches_no_route_of_a_feature(server: Server, method: str, path: str) -> None:
    """403 before the route runs, mounted ones and missing ones included; our own pages get through."""
    async with server(routes=ROUTES, allowed_origins=LISTED) as served:
        for headers in FOREIGN:
            answer = await ask(served, method, path, headers)
            assert code_of(answer) == (403, "origin_not_allowed")
        for headers in FRIENDLY:
            answer = await ask(served, method, path, headers)
            if path == "/act":
                assert answer.text == f"did {method}"
            else:
                assert code_of(answer) != (403, "origin_not_allowed")


@pytest.mark.requirement("F1")
async def test_looking_at_a_feature_is_free(server: Server) -> None:
    """A link on any page may lead here."""
    async with server(routes=ROUTES) as served:
        for headers in FOREIGN:
            assert (await ask(served, "GET", "/act", headers)).text == "did GET"


@pytest.mark.requirement("F1")
async def test_a_foreign_page_opens_no_websocket(server: Server) -> None:
    """A browser sends cookies along and asks nobody for leave: only the origin tells."""
    async with server(routes=ROUTES, allowed_origins=LISTED) as served:

        async def opened(headers: dict[str, str]) -> list[str]:
            said: list[Message] = []

            async def receive() -> Message:
                return {"type": "websocket.connect"}

            async def send(message: Message) -> None:
                said.append(message)

            raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            scope: Scope = {"type": "websocket", "path": "/talk", "headers": raw, "query_string": b""}
            await served.app(scope, receive, send)
            return [message["type"] for message in said]

        for headers in FOREIGN:
            assert await opened(headers) == ["websocket.close"]
        for headers in FRIENDLY:
            assert await opened(headers) == ["websocket.accept", "websocket.close"]
