"""What the modules of the pages add, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.features.pages.opened import ENGLISH, log_in, site
from tests.features.pages.scenes import elsewhere
from tests.parts.browser import Chromium, visiting
from tests.web.served import EMAIL, PASSWORD

if TYPE_CHECKING:
    from tests.web.served import Server

pytestmark = pytest.mark.browser


async def test_a_password_is_shown_to_who_types_it(server: Server, chromium: Chromium) -> None:
    """A toggle that says how it stands; what is sent is a password again, so managers keep it as one."""
    async with site(server) as url, visiting(chromium, url, **ENGLISH) as visit:
        page = visit.page
        await page.goto("/login")
        password = page.get_by_label("Password", exact=True)
        button = page.get_by_role("button", name="Show Password", pressed=False)
        await page.get_by_label("E-mail address").fill(EMAIL)
        await password.fill(PASSWORD)
        assert await password.get_attribute("type") == "password"
        await button.click()
        assert await password.get_attribute("type") == "text"
        assert await password.get_attribute("spellcheck") == "false"
        assert await page.get_by_role("button", name="Show Password", pressed=True).count() == 1
        await page.get_by_role("button", pressed=True, name="Show Password").click()
        assert await password.get_attribute("type") == "password"
        await button.click()
        await page.evaluate(
            """document.forms[0].addEventListener("submit", (event) => {
                event.preventDefault();
                document.title = document.querySelector("#password").type;
            })"""
        )
        await page.keyboard.press("Tab")
        await page.locator("main button[type=submit]").click()
        assert await page.title() == "password"


async def test_without_a_script_there_is_no_button_that_does_nothing(
    server: Server, chromium: Chromium
) -> None:
    """The page is the same, without the toggle."""
    async with site(server) as url, visiting(chromium, url, java_script_enabled=False) as visit:
        await visit.page.goto("/login")
        assert await visit.page.locator("main button").count() == 1


async def test_a_word_that_is_composed_is_not_sent(server: Server, chromium: Chromium) -> None:
    """The Enter that ends a composition does nothing, however a browser tells it; another is let through."""
    async with site(server) as url, visiting(chromium, url, **ENGLISH) as visit:
        page = visit.page
        await page.goto("/login")
        stopped = """([composing, code]) => !document.querySelector("#email").dispatchEvent(
            new KeyboardEvent("keydown", {
                key: "Enter", keyCode: code, isComposing: composing, bubbles: true, cancelable: true,
            }))"""
        assert await page.evaluate(stopped, [True, 13])
        assert await page.evaluate(stopped, [False, 229])
        assert not await page.evaluate(stopped, [False, 13])


@pytest.mark.parametrize(
    ("zone", "locale", "told"),
    [
        ("Asia/Tokyo", "ja-JP", "2026年11月18日(水) 20:06 JST"),
        ("America/New_York", "en-US", "18 Nov 2026, 06:06 GMT-5"),
    ],
)
async def test_times_are_those_of_the_reader(
    server: Server, chromium: Chromium, zone: str, locale: str, told: str
) -> None:
    """With the zone beside them; the words around stay, and what the server said is a touch away."""
    async with (
        site(server) as url,
        visiting(chromium, url, locale=locale, timezone_id=zone) as visit,
    ):
        page = visit.page
        await page.goto("/login")
        await log_in(page)
        await page.wait_for_url("**/account")
        times = page.locator("time")
        shown = await times.all_inner_texts()
        assert shown[0] == told
        assert told in shown[-1]
        assert shown[-1] != told
        await elsewhere(url)
        await page.reload()
        button = page.locator("button[data-utc]")
        assert told in (await button.get_attribute("aria-label") or "")
        assert "UTC" not in (await button.get_attribute("aria-label") or "")
        assert (await times.first.get_attribute("title") or "").endswith("11:06 UTC")
