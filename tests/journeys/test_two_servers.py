"""Servers A and B: one login, whichever of them answers; on shared SQL, and with Redis beside it."""

from __future__ import annotations

import base64
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

import httpx2
import pytest

from tests.parts.postgres_nodes import migrated
from tests.parts.redis import RedisServer
from tests.parts.serving import Server, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.postgres import PostgresServer

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

ACCOUNT = {"email": "aya@example.com", "password": "a checkpoint on the road to Edo"}


class Browser:
    """Keeps cookies as a browser does, and asks A or B."""

    def __init__(self, *servers: Server) -> None:
        self._urls = [server.url for server in servers]
        # One jar for both: behind a proxy they are one host, and cookies know no ports anyway.
        self._client = httpx2.Client(timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._client.close()

    def ask(self, at: int, method: str, path: str, body: object = None, csrf: str = "") -> httpx2.Response:
        """One request to a server."""
        headers = {"Sekisho-CSRF": csrf} if csrf else {}
        url = f"{self._urls[at]}{path}"
        return self._client.request(method, url, json=body, headers=headers)

    def log_in(self, at: int, mode: str = "session") -> str:
        """Log in there; the CSRF token of the session."""
        before: str = self.ask(at, "GET", "/v1/csrf").json()["csrf_token"]
        answer = self.ask(at, "POST", "/v1/login", {**ACCOUNT, "mode": mode}, before)
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["csrf_token"]
        return token

    def me(self, at: int) -> tuple[int, str]:
        """Status, and the session or the code."""
        answer = self.ask(at, "GET", "/v1/me")
        return answer.status_code, answer.json().get("session_id") or answer.json()["code"]


@pytest.fixture(params=["sql", "redis"])
def servers(
    request: pytest.FixtureRequest, postgres_server: PostgresServer, tmp_path: Path
) -> Iterator[tuple[Server, Server]]:
    """A and B, which share a database and a root secret, and with "redis" a Redis too."""
    settings = {
        "SEKISHO_DATABASE_URL": migrated(postgres_server),
        "SEKISHO_ROOT_SECRET": "env:ROOT",
        "ROOT": base64.b64encode(bytes(range(7, 39))).decode(),
        "SEKISHO_SIGNUP": "open",
    }
    with ExitStack() as stack:
        if request.param == "redis":
            settings["SEKISHO_SESSION_STORE_URL"] = stack.enter_context(RedisServer()).url
        a, b = (stack.enter_context(Server(tmp_path / name, settings=settings)) for name in ("a", "b"))
        assert a.ask("POST", "/v1/accounts", ACCOUNT).status == 201
        yield a, b


@pytest.mark.requirement("SE1", "SE5")
def test_a_session_of_one_server_is_known_to_the_other(servers: tuple[Server, Server]) -> None:
    """Log in at A, go on at B, log out at B: A knows, without being asked to forget."""
    with Browser(*servers) as browser:
        csrf = browser.log_in(0)
        status, session_id = browser.me(0)
        assert (status, browser.me(1)) == (200, (200, session_id))
        copies = {name: value for name, value in browser._client.cookies.items() if name == "sekisho"}
        assert browser.ask(1, "POST", "/v1/logout", {}, csrf).status_code == 204
        assert browser.me(1) == (401, "token_missing")
        # Whoever kept the cookie is refused by B at once, and by A as soon as it has read the feed.
        browser._client.cookies.update(copies)
        assert browser.me(1) == (401, "session_revoked")
        until(lambda: browser.me(0) == (401, "session_revoked"), "A hears of a logout at B")


def test_one_server_is_killed_in_the_middle_of_a_visit(servers: tuple[Server, Server]) -> None:
    """What A had answered B goes on with: neither keeps anything that the other lacks."""
    a, _ = servers
    with Browser(*servers) as browser:
        csrf = browser.log_in(0)
        _, session_id = browser.me(0)
        a.kill9()
        assert browser.me(1) == (200, session_id)
        assert browser.ask(1, "GET", "/v1/sessions").json()["sessions"][0]["current"] is True
        assert browser.ask(1, "POST", "/v1/logout", {}, csrf).status_code == 204
        a.start()
