"""The tap: what it tells is what went over the wire, and the server does not know that it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sekisho.features.explorer.ledger import Ledger
from sekisho.features.explorer.tap import Tap

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from sekisho.features.explorer.events import Event

ORIGIN = "http://localhost:9999"


class Clock:
    """Goes on by a millisecond with each look."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Seconds."""
        self.now += 0.001
        return self.now


async def teapot(request: Request) -> Response:
    """What an API may answer that nobody expects."""
    await request.body()
    answer = JSONResponse({"code": "teapot"}, 418, media_type="application/problem+json")
    answer.set_cookie("sekisho", "secret", httponly=True)
    answer.set_cookie("other", "1")
    return answer


async def echo(request: Request) -> Response:
    """The names of the headers that came, and the size of the body."""
    return PlainTextResponse(f"{sorted(request.headers)} {len(await request.body())}")


class Stage:
    """An application with a tap, and what is told of it."""

    def __init__(self, app: ASGIApp | None = None, *, server: str = "a") -> None:
        routes = [
            Route("/me", teapot, methods=["GET", "POST"]),
            Route("/echo", echo, methods=["GET", "POST"]),
        ]
        clock = Clock()
        self.ledger = Ledger(steady=clock)
        self._clock = clock
        served = app or CORSMiddleware(
            Starlette(routes=routes), allow_origins=[ORIGIN], allow_headers=["Authorization"]
        )
        self.app = Tap(served, server=server, tell=self.ledger.take, steady=clock)

    async def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:  # noqa: ANN401 - the arguments of the client
        """One request."""
        transport = httpx2.ASGITransport(app=self.app, client=("127.0.0.1", 50_000))
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8001") as client:
            return await client.request(method, path, **more)

    def told(self) -> list[Event]:
        """What happened."""
        self.ledger.release(until=self._clock())
        return self.ledger.after(0)


async def test_an_answer_that_nobody_expects_is_shown_as_it_is() -> None:
    """An API that says 418 is seen to say 418, with its code and its HttpOnly cookie."""
    stage = Stage()
    await stage.ask("GET", "/me")
    request, response = stage.told()
    assert (request.kind, request.source, request.to, request.msg.id) == (
        *("http.request", "browser", "a"),
        "ev.request",
    )
    assert (response.status, response.code, response.msg.id) == (418, "teapot", "ev.refused")
    assert response.id == request.id
    assert response.raw is not None
    head, _, body = response.raw.partition("\r\n\r\n")
    assert head.splitlines()[0] == "HTTP/1.1 418 I'm a Teapot"
    assert [line for line in head.splitlines() if line.startswith("set-cookie")] == [
        "set-cookie: sekisho=secret; HttpOnly; Path=/; SameSite=lax",
        "set-cookie: other=1; Path=/; SameSite=lax",
    ]
    assert body == '{"code":"teapot"}'


async def test_the_request_is_shown_byte_by_byte() -> None:
    """Request line with its query, headers in their order, cookies that no script can read, and the body."""
    stage = Stage()
    headers = {"X-B": "2", "Cookie": "sekisho=abc; x=y", "X-A": "1"}
    await stage.ask("POST", "/echo?q=%20", content=b"mode=\xff", headers=headers)
    raw = stage.told()[0].raw
    assert raw is not None
    lines = raw.split("\r\n")
    assert lines[0] == "POST /echo?q=%20 HTTP/1.1"
    assert [line for line in lines if line.startswith(("x-", "cookie"))] == [
        "x-b: 2",
        "cookie: sekisho=abc; x=y",
        "x-a: 1",
    ]
    assert lines[-1] == "mode=�"


async def test_a_long_body_is_cut_for_the_eye_alone() -> None:
    """The server gets all of it; of what is shown 16 kB remain, and how long it was."""
    stage = Stage()
    answer = await stage.ask("POST", "/echo", content=b"x" * 20_000)
    assert answer.text.endswith(" 20000")
    raw = stage.told()[0].raw
    assert raw is not None
    shown = raw.partition("\r\n\r\n")[2]
    assert shown == "x" * 16_384 + "\n… (20000 bytes)"


async def test_the_marks_of_the_page_end_here() -> None:
    """Act and lane are taken off, so the server sees what it would see without the explorer."""
    stage = Stage()
    marks = {"Sekisho-Explorer-Act": "s7", "Sekisho-Explorer-Lane": "session"}
    answer = await stage.ask("GET", "/echo", headers=marks)
    assert "explorer" not in answer.text
    assert {(event.act, event.lane) for event in stage.told()} == {("s7", "session")}


@pytest.mark.parametrize("act", ["", "a b", "x" * 33, "a-1"])
async def test_a_mark_that_the_page_would_not_send_is_none(act: str) -> None:
    """Another client can write anything there."""
    stage = Stage()
    await stage.ask("GET", "/echo", headers={"Sekisho-Explorer-Act": act, "Sekisho-Explorer-Lane": "both"})
    assert {(event.act, event.lane) for event in stage.told()} == {(None, None)}


async def test_a_preflight_grants_the_marks_where_the_server_grants_the_rest() -> None:
    """The server is asked for the page's other headers alone; another origin is granted nothing."""
    stage = Stage()
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization, sekisho-explorer-act, Sekisho-Explorer-Lane",
    }
    granted = await stage.ask("OPTIONS", "/echo", headers=asked)
    assert granted.status_code == 200
    names = granted.headers["access-control-allow-headers"].lower()
    assert "authorization" in names
    assert names.endswith("sekisho-explorer-act, sekisho-explorer-lane")
    event = stage.told()[0]
    assert (event.msg.id, event.refs["preflight"]) == ("ev.preflight", True)
    refused = await stage.ask("OPTIONS", "/echo", headers={**asked, "Origin": "http://evil.example"})
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers


async def test_an_answer_that_breaks_off_is_drawn_by_no_arrow() -> None:
    """There was none; and the request is no longer waited for."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - the shape of ASGI
        raise RuntimeError("the process is killed here")

    stage = Stage(broken)
    with pytest.raises(RuntimeError, match="killed"):
        await stage.ask("GET", "/echo")
    assert [event.kind for event in stage.told()] == ["http.request"]
    assert stage.ledger._asked == {}


@pytest.mark.parametrize(
    ("headers", "body", "lane"),
    [
        ({"Authorization": "Bearer x"}, b"", "jwt"),
        ({"Cookie": "sekisho=x"}, b"", "session"),
        ({"Cookie": "sekisho-refresh=x"}, b"", "jwt"),
        ({}, b'{"mode":"session"}', "session"),
        ({}, b'{"mode":"browser"}', "jwt"),
        ({}, b'{"refresh_token":"x"}', "jwt"),
        ({"Cookie": "x=y"}, b"[", None),
    ],
)
async def test_the_lane_of_who_does_not_say_is_that_of_the_credential(
    headers: dict[str, str], body: bytes, lane: str | None
) -> None:
    """A cookie is the session's lane, a token the other; of neither it is in none."""
    stage = Stage()
    await stage.ask("POST", "/echo", headers=headers, content=body)
    assert stage.told()[0].lane == lane
