"""A real nginx in front, configured by the very text of our guide."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import uvicorn

from tests.house.tree import ROOT
from tests.parts.nginx import Nginx
from tests.parts.ports import free_port
from tests.web.served import EMAIL, OTHER_PASSWORD, PASSWORD, bearer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Receive, Scope, Send

    from tests.web.served import Served, Server

pytestmark = pytest.mark.nginx

GUIDE = ROOT / "docs/en/guides/forward-auth.md"
SENT = {"X-Sekisho-User": "root", "X-Sekisho-Roles": "admin", "X-Sekisho-Session": "0"}


@dataclass
class Upstream:
    """An application that knows nothing of sekisho, and tells what it was sent."""

    asked: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the method and the headers."""
        self.asked += 1
        while (await receive()).get("more_body"):
            pass
        told = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        body = json.dumps({"method": scope["method"], **told}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[int]:
    """Serve it on a port of its own, which is given."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, proxy_headers=False)
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve([listener]))
    with listener:
        yield listener.getsockname()[1]
        running.should_exit = True
        await task


@dataclass
class Site:
    """nginx, what is behind it, and a browser in front of it."""

    served: Served
    upstream: Upstream
    browser: httpx2.AsyncClient
    nginx: Nginx
    csrf: dict[str, str] = field(default_factory=dict)

    async def post(self, path: str, body: object = None) -> httpx2.Response:
        """Change something, with the CSRF token for the cookies that there are."""
        token = (await self.browser.get("/v1/csrf")).json()["csrf_token"]
        return await self.browser.post(path, json=body, headers={"Sekisho-CSRF": token})

    async def login(self) -> None:
        """Log in through nginx, as a browser does."""
        body = {"email": EMAIL, "password": PASSWORD, "mode": "session"}
        assert (await self.post("/v1/login", body)).status_code == 200

    async def told(self, method: str = "GET", **headers: str) -> dict[str, Any]:
        """What the application was sent with a request that came through."""
        answer = await self.browser.request(method, "/orders", headers=headers)
        assert answer.status_code == 200, (answer.text, self.nginx.log)
        told: dict[str, Any] = answer.json()
        return told


@pytest.fixture
async def site(server: Server) -> AsyncIterator[Site]:
    """The guide's server block, with our ports in the place of its own."""
    found = re.search(r"```nginx\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert found
    port, upstream = free_port(), Upstream()
    issuer = f"http://127.0.0.1:{port}"
    async with (
        server(issuer=issuer, trusted_proxies="127.0.0.1/32") as served,
        listening(served.app) as sekisho,
        listening(upstream) as application,
    ):
        await served.register()
        block = found[1]
        for theirs, ours in (
            ("listen 443 ssl;", f"listen 127.0.0.1:{port};"),
            ("127.0.0.1:8400", f"127.0.0.1:{sekisho}"),
            ("127.0.0.1:9000", f"127.0.0.1:{application}"),
        ):
            assert theirs in block
            block = block.replace(theirs, ours)
        with Nginx(block) as nginx:
            async with httpx2.AsyncClient(base_url=issuer, trust_env=False) as browser:
                yield Site(served, upstream, browser, nginx)


async def test_nobody_reaches_the_application(site: Site) -> None:
    """401 without a credential, with a forged one, and with the headers written by hand."""
    for headers in ({}, SENT, {"Authorization": "Bearer x"}, {"Cookie": "sekisho=x"}):
        answer = await site.browser.get("/orders", headers=headers)
        assert answer.status_code == 401
    assert (await site.browser.get("/sekisho-auth")).status_code == 404
    assert site.upstream.asked == 0


async def test_a_cookie_is_turned_into_who_it_is(site: Site) -> None:
    """Whatever a client wrote under those names is gone; logged out, the next request is refused."""
    await site.login()
    me = (await site.browser.get("/v1/me")).json()
    told = await site.told(**SENT)
    assert told["x-sekisho-user"] == me["id"]
    assert told["x-sekisho-session"] == me["session_id"]
    assert "x-sekisho-roles" not in told
    kept = dict(site.browser.cookies)
    assert (await site.post("/v1/logout")).status_code == 204
    site.browser.cookies.clear()
    answer = await site.browser.get("/orders", headers={"Cookie": f"sekisho={kept['sekisho']}"})
    assert answer.status_code == 401


async def test_an_access_token_is_turned_into_who_it_is(site: Site) -> None:
    """Whatever the method; revoked, it is refused before it expires."""
    tokens = await site.served.login()
    for method in ("GET", "POST", "DELETE"):
        told = await site.told(method, **bearer(tokens))
        assert (told["method"], told["x-sekisho-user"]) == (method, tokens["user"]["id"])
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    other = await site.served.login()
    answer = await site.served.client.post("/v1/password", json=body, headers=bearer(other))
    assert answer.status_code == 204
    asked = site.upstream.asked
    answer = await site.browser.get("/orders", headers=bearer(tokens))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert site.upstream.asked == asked


@pytest.mark.requirement("F1")
@pytest.mark.parametrize("spoofed", [{}, {"X-Forwarded-Method": "GET"}, {"X-Original-Method": "GET"}])
async def test_a_foreign_page_changes_nothing_behind_nginx(site: Site, spoofed: dict[str, str]) -> None:
    """403 for a POST from elsewhere, whatever method it claims to be; our own page gets through."""
    await site.login()
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example", **spoofed}
    answer = await site.browser.post("/orders", content=b"x" * 5000, headers=foreign)
    assert answer.status_code == 403
    assert site.upstream.asked == 0
    assert (await site.told(**foreign))["method"] == "GET"
    told = await site.told("POST", **{"Sec-Fetch-Site": "same-origin", **spoofed})
    assert told["method"] == "POST"


async def test_what_nginx_does_not_know_is_refused_too(site: Site) -> None:
    """Two cookies of one name: its 500, and the application is not asked."""
    answer = await site.browser.get("/orders", headers={"Cookie": "sekisho=x; sekisho=y"})
    assert answer.status_code == 500
    assert site.upstream.asked == 0


async def test_the_device_list_shows_the_visitor_and_not_nginx(site: Site) -> None:
    """The address that nginx says counts, since it is a trusted proxy."""
    await site.login()
    headers = {"X-Forwarded-For": "203.0.113.9"}
    (line,) = (await site.browser.get("/v1/sessions", headers=headers)).json()["sessions"]
    assert line["ip"] == "127.0.0.1"
