"""The first steps on a new server: ticked by what happened."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from html import unescape
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from sekisho.features.explorer.door import door
from sekisho.flows.setup import offer_setup
from sekisho.rules.events import Event
from sekisho.rules.ids import uuid7
from tests.features.pages.conftest import with_pages
from tests.features.pages.opened import ENGLISH, first_run
from tests.features.pages.visitor import Visitor
from tests.parts import serving
from tests.parts.browser import Chromium, visiting
from tests.parts.examples import PORT, listening
from tests.web.served import EMAIL, PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from sekisho.feature import Feature
    from sekisho.settings import Settings
    from tests.web.served import Clock, Server

NOTHING = {
    "login": False,
    "api": False,
    "users": False,
    "https": False,
    "signup": False,
    "backup": False,
    "production": False,
}


@pytest.fixture
async def administrator(server: Server) -> AsyncIterator[Visitor]:
    """Somebody who has just set up a server."""
    async with server(features=with_pages) as served:
        visitor = Visitor(served)
        await set_up(visitor)
        yield visitor


async def set_up(visitor: Visitor) -> None:
    """Make the administrator."""
    house = visitor.served.house
    code = await offer_setup(accounts=house.store, clock=house.clock, entropy=os.urandom)
    answer = await visitor.fill("/setup", code=code or "", email=EMAIL, password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/welcome?done=setup")


async def state(visitor: Visitor) -> dict[str, bool]:
    """How the steps stand."""
    answer = await visitor.ask("GET", "/welcome/state", None, Accept="application/json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, bool] = answer.json()
    page = await visitor.see("/welcome")
    shown = {each["data-check"]: each for _, each in page.tags if "data-check" in each}
    assert {name: each["class"] == "check done" for name, each in shown.items()} == found
    for name, each in shown.items():
        assert each["data-yes" if found[name] else "data-no"] in page.words
    return found


async def test_nothing_is_ticked_on_a_new_server(administrator: Visitor) -> None:
    """Not by looking at it, nor by the login that came with the setup; the page welcomes once."""
    page = await administrator.see("/welcome?done=setup")
    assert "The administrator's account was made, and you are logged in." in page.words
    assert (await administrator.see("/account")).of("a", href="/welcome")
    assert await state(administrator) == NOTHING
    assert await state(administrator) == NOTHING


async def test_a_step_is_ticked_by_what_happened(administrator: Visitor) -> None:
    """Another login, another account, the feed fetched, a backup of this week; each ticks its own alone."""
    served = administrator.served
    await served.login()
    assert await state(administrator) == {**NOTHING, "login": True}
    await served.register("ken@example.com")
    assert await state(administrator) == {**NOTHING, "login": True, "users": True}
    refused = await served.client.get("/v1/revocations", headers={"Authorization": "Basic x"})
    assert refused.status_code == 200, "on loopback anybody may read it"
    done = {**NOTHING, "login": True, "users": True, "api": True}
    assert await state(administrator) == done
    at = served.clock() - 7 * 86_400 + 1
    await served.house.store.record(Event("database_backed_up", at, uuid7(at, os.urandom(10))))
    assert await state(administrator) == {**done, "backup": True}
    served.clock.now += 1
    assert not (await state(administrator))["backup"]


async def test_a_public_server_is_ready_when_all_of_it_is(server: Server) -> None:
    """https, no sign-up by strangers, a backup: with the last of them the card is ticked."""
    async with server(features=with_pages, issuer="https://id.example.com") as served:
        visitor = Visitor(served, headers={"Origin": "https://id.example.com"})
        await set_up(visitor)
        assert await state(visitor) == {**NOTHING, "https": True, "signup": True}
        now = served.clock()
        await served.house.store.record(Event("database_backed_up", now, uuid7(now, os.urandom(10))))
        found = await state(visitor)
        assert (found["backup"], found["production"]) == (True, True)


@pytest.mark.parametrize("path", ["/welcome", "/welcome/state"])
async def test_it_is_for_administrators(server: Server, path: str) -> None:
    """Others are told that it is not theirs; who is not logged in goes there by the login."""
    async with server(features=with_pages) as served:
        await served.register()
        stranger = Visitor(served)
        answer = await stranger.ask("GET", path)
        if path == "/welcome":
            assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/welcome")
        else:
            assert answer.status_code == 401
        await stranger.log_in()
        assert (await stranger.ask("GET", path)).status_code == 403
        answer = await stranger.ask("GET", path, None, Accept="application/json")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert "/welcome" not in (await stranger.see("/account")).answer.text


def call(app: Any, token: str) -> int:  # noqa: ANN401 - whatever the lines made
    """The status of a request with that token."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(transport=httpx2.WSGITransport(app=app), base_url="http://localhost") as client:
        return client.get("/hello", headers=headers).status_code


async def call_async(app: Any, token: str) -> int:  # noqa: ANN401 - whatever the lines made
    """The same of an application of ASGI."""
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return (await client.get("/hello", headers={"Authorization": f"Bearer {token}"})).status_code


@contextmanager
def to_protect(folder: Path) -> Iterator[tuple[serving.Server, str]]:
    """A server that no API follows, and an access token of its administrator."""
    with serving.Server(folder / "data") as running:
        account = {"email": EMAIL, "password": PASSWORD}
        assert running.ask("POST", "/v1/accounts", account).status == 201
        granted = serving.run("user", "grant", EMAIL, "admin", "--data", str(running.data))
        assert granted.returncode == 0, granted.stderr
        token = running.ask("POST", "/v1/login", {**account, "mode": "token"}).json["access_token"]
        assert not followed(running, token)
        yield running, token
        serving.until(lambda: followed(running, token), "an API that follows the server")
        running.stop()


def followed(running: serving.Server, token: str) -> bool:
    """Whether the card of the first API is ticked."""
    found: dict[str, bool] = running.ask("GET", "/welcome/state", bearer=token).json
    return found["api"]


def shown(running: serving.Server, token: str, name: str) -> str:
    """The lines of a framework, as somebody copies them from the page."""
    page = httpx2.get(f"{running.url}/welcome", headers={"Authorization": f"Bearer {token}"}).text
    lines = dict(re.findall(r"<summary>(.*?)</summary>\s*<pre><code>(.*?)</code></pre>", page, re.DOTALL))
    assert lines.keys() == {"FastAPI", "Starlette", "Flask", "Django"}
    return unescape(lines[name])


@pytest.mark.parametrize("name", ["FastAPI", "Starlette", "Flask"])
async def test_the_lines_that_are_shown_tick_the_card(name: str, tmp_path: Path) -> None:
    """As they stand, against a real server: a forgery is refused, the first good token brings the tick."""
    with to_protect(tmp_path) as (running, token):
        made: dict[str, Any] = {"__name__": "api"}
        exec(compile(shown(running, token, name), name, "exec"), made)  # noqa: S102 -- what is shown
        asks: Callable[..., Any] = call if name == "Flask" else call_async
        # Only the first has a page of that name; with the others nothing is told before the token was good.
        for presented, status in (("x", 401), (token, 200 if name == "FastAPI" else 404)):
            answered = asks(made["app"], presented)
            assert (answered if name == "Flask" else await answered) == status


@pytest.mark.long
def test_the_lines_for_django_tick_the_card(tmp_path: Path) -> None:
    """At the end of the settings that Django writes for a new project, with nothing else changed."""
    project = tmp_path / "project"
    project.mkdir()
    start = [sys.executable, "-m", "django", "startproject", "site_of_mine", str(project)]
    subprocess.run(start, env=serving.environment(), check=True, timeout=60)
    with to_protect(tmp_path) as (running, token):
        settings = project / "site_of_mine" / "settings.py"
        settings.write_text(settings.read_text("utf-8") + shown(running, token, "Django"), "utf-8")
        serve = ["python", "manage.py", "runserver", "--noreload", PORT]
        with listening(serve, project, running.url, tmp_path / "log") as url:
            # The one page that a new project has; who may enter leads on to its own login.
            forged = serving.ask(url, "GET", "/admin/", bearer="x")
            assert (forged.status, forged.json["code"]) == (401, "token_malformed")
            assert serving.ask(url, "GET", "/admin/", bearer=token).status == 302
            serving.until(lambda: followed(running, token), "Django that follows the server")


async def test_the_way_to_the_explorer_is_shown_where_there_is_one(
    administrator: Visitor, server: Server
) -> None:
    """In the place of the command that would start it."""
    page = await administrator.see("/welcome")
    assert ("sekisho demo" in page.words, "/explore" in page.answer.text) == (True, False)

    async def find() -> str:
        return "http://localhost:1/explore"

    def with_door(settings: Settings, clock: Clock) -> list[Feature]:
        return [*with_pages(settings, clock), door("http://localhost:8400", find)]

    async with server(features=with_door) as served:
        visitor = Visitor(served)
        await set_up(visitor)
        page = await visitor.see("/welcome")
        link = page.of("a", href="/explore")["href"]
        assert "sekisho demo" not in page.words
        assert (await visitor.ask("GET", link)).headers["location"] == await find()


@pytest.mark.browser
async def test_a_step_ticks_itself(server: Server, chromium: Chromium) -> None:
    """While the page is open: after another login, with no click and no reload."""
    async with first_run(server) as (url, code), visiting(chromium, url, **ENGLISH) as visit:
        page = visit.page
        await page.goto(f"/setup#{code}")
        await page.wait_for_url("**/setup")
        await page.get_by_label("E-mail address").fill(EMAIL)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_role("button", name="Make the administrator").click()
        await page.wait_for_url("**/welcome?done=setup")
        step = page.locator("[data-check=login]")
        assert await step.get_attribute("class") == "check"
        async with httpx2.AsyncClient(base_url=url) as client:
            body = {"email": EMAIL, "password": PASSWORD, "mode": "token"}
            assert (await client.post("/v1/login", json=body)).status_code == 200
        await page.get_by_role("status").get_by_text("Done: there was another login.").wait_for()
        assert await step.get_attribute("class") == "check done"
        assert await page.locator("[data-check=users]").get_attribute("class") == "check"
