"""The front end without a framework, run as its words say: page, shop and auth server on three origins."""

from __future__ import annotations

import re
import shlex
import threading
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.parts import axe
from tests.parts.browser import Chromium, Visit, visiting
from tests.parts.examples import EXAMPLES, listening
from tests.parts.serving import Server, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.async_api import Page

pytestmark = pytest.mark.browser

SPA = EXAMPLES / "spa"
EMAIL = "aya@example.com"
PASSWORD = "a checkpoint on the road to Edo"
OTHER_PASSWORD = "fifty-three stations of the Tokaido"
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Running(NamedTuple):
    """Where the page is, and the auth server's data."""

    url: str
    data: Path


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - as the base class has them
        """Say nothing: a test has its own words."""


@contextmanager
def pages(folder: Path) -> Iterator[str]:
    """The files of a folder on an origin of their own, as `python -m http.server` has them."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Running]:
    """All three, each by the command line of the README, on ports that were free."""
    serve, shop, _ = commands("README.md")
    folder, data = tmp_path / "spa", tmp_path / "data"
    folder.mkdir()
    with ExitStack() as stack:
        url = stack.enter_context(pages(folder))
        (origins,) = (word for word in shlex.split(serve) if "=" in word)
        name, _, listed = origins.partition("=")
        auth = stack.enter_context(
            Server(data, settings={name: listed.replace("http://localhost:8002", url)})
        )
        words = shlex.split(shop.replace("http://localhost:8002", url).replace("../", f"{EXAMPLES}/"))
        at = stack.enter_context(listening(words, SPA, auth.url, tmp_path / "shop.log"))
        shop_url = f"http://localhost:{urlsplit(at).port}"
        for path in SPA.iterdir():
            text = path.read_text("utf-8")
            text = text.replace("http://localhost:8400", auth.url).replace("http://localhost:8001", shop_url)
            (folder / path.name).write_text(text, "utf-8")
        yield Running(url, data)


def commands(page: str) -> list[str]:
    """The lines of its first block of shell."""
    (first, *_) = SHELL.findall((SPA / page).read_text("utf-8"))
    return str(first).splitlines()


def test_both_languages_show_the_same_commands() -> None:
    """What is run below is what both say."""
    english, japanese = (
        SHELL.findall((SPA / name).read_text("utf-8")) for name in ("README.md", "README.ja.md")
    )
    assert english == japanese
    assert commands("README.md")[2] == "python3 -m http.server --bind 127.0.0.1 8002"


async def enter(page: Page, button: str, password: str = PASSWORD) -> None:
    """Fill in the first form, and wait for the page behind it."""
    await page.get_by_label("E-mail address").fill(EMAIL)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name=button, exact=True).click()
    await page.get_by_text(f"Logged in as {EMAIL}").wait_for()


def refused(visit: Visit, *statuses: int) -> None:
    """The console complained of refusals with these statuses, and of nothing else."""
    found = [int(fault.partition("status of ")[2][:3]) for fault in visit.faults]
    assert found == list(statuses), visit.faults
    visit.faults.clear()


async def refreshes(visit: Visit) -> int:
    """How many refreshes were answered with another access token."""
    return len([each for each in visit.responses if each.url.endswith("/v1/refresh") and each.status == 200])


@pytest.mark.requirement("R12")
async def test_somebody_minds_two_devices_in_the_page(site: Running, chromium: Chromium) -> None:
    """Sign up, ask the shop, gain a right, see another device and end it, change the password, log out."""
    async with visiting(chromium, site.url) as laptop, visiting(chromium, site.url) as phone:
        page, other = laptop.page, phone.page
        await page.goto("/")
        await page.get_by_role("heading", name="Log in").wait_for()
        refused(laptop, 401)  # nobody: the question itself, once a page
        assert await axe.violations(page) == []
        await enter(page, "Sign up")

        await page.get_by_role("button", name="Products").click()
        await page.get_by_text("sedge hat").wait_for()
        assert await axe.violations(page) == []
        await page.get_by_role("button", name="Customers").click()
        await page.get_by_text("It needs the permission customers:read.").wait_for()
        refused(laptop, 403)
        allowed = run("user", "allow", EMAIL, "customers:read", SEKISHO_DATA=str(site.data))
        assert allowed.returncode == 0, allowed.stderr
        # The feed brings it within a second: then the token is stale, and the client refreshes it by itself.
        while not await page.get_by_text("Hakone Inn").count():
            await page.get_by_role("button", name="Customers").click()
            await page.locator("#goods li, #status:not(:empty)").first.wait_for()
        assert await refreshes(laptop) == 1
        assert 401 in {int(fault.partition("status of ")[2][:3]) for fault in laptop.faults}
        laptop.faults.clear()

        await other.goto("/")
        await other.get_by_role("heading", name="Log in").wait_for()
        await enter(other, "Log in")
        refused(phone, 401)
        await page.reload()
        devices = page.get_by_role("region", name="Where you are logged in")
        await devices.get_by_role("button", name="Log out there").click()
        await devices.get_by_role("button").wait_for(state="detached")
        assert await devices.get_by_role("listitem").count() == 1
        await other.get_by_role("button", name="Log out everywhere").click()
        await other.get_by_text("This device was logged out. Log in again.").wait_for()
        phone.faults.clear()

        await page.get_by_label("Current password").fill("a wrong one")
        await page.get_by_label("New password").fill(OTHER_PASSWORD)
        await page.get_by_role("button", name="Change password").click()
        await (
            page.get_by_text("E-mail address or password is not right")
            .or_(page.get_by_text("Check both and try again"))
            .first.wait_for()
        )
        refused(laptop, 401)
        await page.get_by_label("Current password").fill(PASSWORD)
        await page.get_by_role("button", name="Change password").click()
        await page.get_by_text("The password is changed").wait_for()

        second = await laptop.context.new_page()
        await second.goto("/")
        await second.get_by_text(f"Logged in as {EMAIL}").wait_for()
        await page.get_by_role("button", name="Log out", exact=True).click()
        for each in (page, second):
            await each.get_by_text("You are logged out.").wait_for()
        await enter(second, "Log in", OTHER_PASSWORD)
        await page.get_by_text(f"Logged in as {EMAIL}").wait_for()
