"""A real browser in front of A and B: by a cookie on their own pages, by tokens in a page of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sekisho_verify import Verifier, fetch_key_set
from tests.parts.browser import Chromium, Visit, visiting
from tests.parts.postgres_nodes import migrated
from tests.parts.redis import RedisServer
from tests.parts.round_robin import ACCOUNT, ROOT, behind_nginx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.async_api import Page

    from tests.parts.postgres import PostgresServer
    from tests.parts.round_robin import Site

pytestmark = [pytest.mark.browser, pytest.mark.nginx, pytest.mark.postgres, pytest.mark.redis]

#: A front end of somebody's own, on the same host.
APPLICATION = """        location = /app {
            default_type text/html;
            return 200 '<!doctype html><title>app</title><link rel="icon" href="data:,">';
        }"""
#: Says that a refresh was asked for by a script, not by a form of another site.
CLIENT = {"Sekisho-Client": "1"}
#: As a front end would have it: the access token in a variable, and nothing anywhere else.
SCRIPT = """
window.access = null
window.ask = async (method, path, body, headers = {}) => {
    if (window.access) headers.Authorization = `Bearer ${window.access}`
    if (body) headers['Content-Type'] = 'application/json'
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) })
    const said = answer.status === 204 ? {} : await answer.json()
    if (said.access_token) window.access = said.access_token
    return { status: answer.status, by: answer.headers.get('X-Served-By'), said }
}
"""


@pytest.fixture
def store(postgres_server: PostgresServer) -> Iterator[dict[str, str]]:
    """PostgreSQL and Redis, as settings of A and B."""
    with RedisServer() as redis:
        yield {
            **ROOT,
            "SEKISHO_DATABASE_URL": migrated(postgres_server),
            "SEKISHO_SESSION_STORE_URL": redis.url,
        }


@pytest.mark.requirement("SE1", "SE2", "SE5")
async def test_a_visit_to_the_pages_survives_the_death_of_a_server(
    store: dict[str, str], chromium: Chromium, tmp_path: Path
) -> None:
    """M2 and M3 by a person: log in by a form, look around on A and B, lose one, log out at the other."""
    with behind_nginx(tmp_path, [store, store]) as site:
        async with visiting(chromium, site.url) as visit:
            page = visit.page
            await page.goto("/login")
            await page.get_by_label("E-mail address").fill(ACCOUNT["email"])
            await page.get_by_label("Password").fill(ACCOUNT["password"])
            await page.get_by_role("button", name="Log in").click()
            await page.wait_for_url("**/account")
            assert {"A", "B"} <= {await shown(page, site) for _ in range(6)}
            # The cookie is the browser's own: a script of the page sees that there is none.
            (cookie,) = [each for each in await visit.context.cookies() if each["name"] == "sekisho"]
            assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
            assert await page.evaluate("document.cookie") == ""

            site.a.kill9()
            assert {await shown(page, site) for _ in range(6)} <= {"B", "AB"}
            await page.get_by_role("button", name="Log out on this device").click()
            await page.get_by_role("heading", name="You are logged out").wait_for()
            assert "sekisho" not in {each["name"] for each in await visit.context.cookies()}
            await page.goto("/account")
            await page.get_by_role("heading", name="Log in").wait_for()

            # A is back, and so is the cookie: somebody had a copy.
            site.a.start()
            await visit.context.add_cookies([{**cookie}])  # type: ignore[typeddict-item]  # as it was read
            for server in (site.a, site.b):
                answer = await page.request.get(f"{server.url}/v1/me")
                assert (answer.status, (await answer.json())["code"]) == (401, "session_revoked")
            assert [each.status for each in visit.responses if each.status >= 500] == []


async def shown(page: Page, site: Site) -> str:
    """Load the account page; who answered."""
    answer = await page.goto("/account")
    assert answer is not None
    assert answer.status == 200
    assert ACCOUNT["email"] in await page.locator("main").inner_text()
    return site.named(answer.headers["x-served-by"])


@pytest.mark.requirement("R12", "F1")
async def test_a_front_end_with_tokens_survives_the_death_of_a_server(
    store: dict[str, str], chromium: Chromium, tmp_path: Path
) -> None:
    """M3 and M10 by a script: log in, call, reload, refresh by the cookie, lose a server, log out."""
    with behind_nginx(tmp_path, [store, store], locations=APPLICATION) as site:
        async with visiting(chromium, site.url) as visit:
            front = FrontEnd(visit, site)
            await front.open()
            login = await front.log_in()
            assert "refresh_token" not in login
            # An API has the public keys from before, and asks neither A nor B.
            keys = fetch_key_set(site.url).keys
            api = Verifier(issuer=site.url, audience="api", keys=keys, feed=None)
            assert api.verify(login["access_token"]).sid == login["session_id"]
            calls = [await front.ask("GET", "/v1/me") for _ in range(4)]
            assert {(status, said["session_id"]) for status, _, said in calls} == {(200, login["session_id"])}
            assert {by for _, by, _ in calls} == {"A", "B"}

            await front.open()  # a reload: what was in memory is gone
            assert await front.refused("GET", "/v1/me") == (401, "token_missing")
            assert await front.refused("POST", "/v1/refresh", {}) == (403, "csrf_failed")
            assert await front.refresh(api) == login["session_id"]

            site.a.kill9()
            for _ in range(4):
                status, by, said = await front.ask("GET", "/v1/me")
                assert (status, by[-1], said["session_id"]) == (200, "B", login["session_id"])
            assert await front.refresh(api) == login["session_id"]

            kept = await visit.context.cookies()
            assert (await front.ask("POST", "/v1/logout", {}))[0] == 204
            assert await front.refused("GET", "/v1/me") == (401, "session_revoked")
            assert "sekisho-refresh" not in {each["name"] for each in await visit.context.cookies()}
            await visit.context.add_cookies(kept)  # type: ignore[arg-type]  # as they were read
            assert await front.refused("POST", "/v1/refresh", {}, CLIENT) == (401, "session_revoked")


class FrontEnd:
    """The page of somebody's own, driven from outside; after each step it can still see no credential."""

    def __init__(self, visit: Visit, site: Site) -> None:
        self._visit, self._page, self._site = visit, visit.page, site

    async def open(self) -> None:
        """Load the page and its script."""
        await self._page.goto("/app")
        await self._page.add_script_tag(content=SCRIPT)

    async def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str, dict[str, Any]]:
        """Status, who answered, and what they said, by `fetch` from the page."""
        came = await self._page.evaluate("words => ask(...words)", [method, path, body, headers or {}])
        readable = "document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)"
        assert await self._page.evaluate(readable) == "{}{}"
        return came["status"], self._site.named(came["by"]), came["said"]

    async def refused(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Status and code of a refusal, of which the console complains once."""
        status, _, said = await self.ask(method, path, body, headers)
        (complaint,) = self._visit.faults
        assert f"status of {status}" in complaint
        self._visit.faults.clear()
        return status, said["code"]

    async def log_in(self) -> dict[str, Any]:
        """With a CSRF token first; what the login said."""
        csrf = (await self.ask("GET", "/v1/csrf"))[2]["csrf_token"]
        body = {**ACCOUNT, "mode": "browser"}
        status, _, said = await self.ask("POST", "/v1/login", body, {"Sekisho-CSRF": csrf})
        assert status == 200, said
        return said

    async def refresh(self, api: Verifier) -> str:
        """By the cookie, which no script can read; the session of the access token that came."""
        status, _, said = await self.ask("POST", "/v1/refresh", {}, CLIENT)
        assert (status, "refresh_token" in said) == (200, False)
        cookies = {each["name"]: each["httpOnly"] for each in await self._visit.context.cookies()}
        assert cookies["sekisho-refresh"] is True
        return api.verify(said["access_token"]).sid
