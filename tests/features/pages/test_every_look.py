"""Every page in every look: what axe finds, what overflows, what is too small to hit, who else is asked.

`SCREENSHOTS`, where it names a folder, gets a picture of each.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, cast

import pytest

from tests.features.pages.opened import ENGLISH, Brand, first_run, log_in, site
from tests.features.pages.scenes import first_steps, owner, press, stranger, submit, turned_away
from tests.parts import axe
from tests.parts.browser import Chromium, Visit, visiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.async_api import Page

    from tests.web.served import Server

pytestmark = pytest.mark.browser


class Look(NamedTuple):
    """How a page is looked at: its colours, and the width of the window in CSS pixels."""

    scheme: Literal["light", "dark"]
    width: int


LOOKS: Final = [Look("light", 360), Look("dark", 360), Look("light", 1280), Look("dark", 1280)]
GROUND: Final = {"light": "rgb(246, 243, 238)", "dark": "rgb(22, 21, 15)"}
#: CSS pixels: where WCAG 2.2, 1.4.10 wants no sideways scrolling yet.
NARROWEST: Final = 320
_SIDEWAYS: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
#: The same where the reader spaces letters, words and lines as WCAG 2.2, 1.4.12 lets them.
_SIDEWAYS_SPACED: Final = f"""() => {{
    const spaced = new CSSStyleSheet();
    spaced.replaceSync(`* {{ letter-spacing: 0.12em !important; word-spacing: 0.16em !important;
        line-height: 1.5 !important; }} p {{ margin-bottom: 2em !important; }}`);
    document.adoptedStyleSheets = [spaced];
    const found = {_SIDEWAYS};
    document.adoptedStyleSheets = [];
    return found;
}}"""
#: What is to be hit but smaller than WCAG 2.2, 2.5.8 asks for, and what moves although nobody wants it to.
_MEASURE: Final = f"""() => {{
    const all = which => [...document.querySelectorAll(which)];
    const box = e => e.getBoundingClientRect(), style = e => getComputedStyle(e);
    return {{
        sideways: {_SIDEWAYS},
        small: all('button, input:not([type=hidden], .away), a.button, header a, summary')
            .filter(e => box(e).height < 24 || box(e).width < 24).map(e => e.outerHTML),
        moving: all('*').filter(e => style(e).transitionDuration !== '0s' || style(e).animationName !== 'none'
            || style(e).scrollBehavior === 'smooth').map(e => e.outerHTML),
        ground: style(document.body).backgroundColor,
    }};
}}"""
#: In colours that the reader forces: what has lost its edge, and a choice that looks like one not taken.
_FORCED: Final = """() => {
    const all = which => [...document.querySelectorAll(which)], style = e => getComputedStyle(e);
    const drawn = e => [style(e).backgroundColor, style(e).borderTopColor, style(e).borderTopWidth].join();
    return {
        edgeless: all('button, .button, input:not([type=hidden], .away), main, .summary, .notice, .badge')
            .filter(e => style(e).borderTopStyle === 'none' || !parseFloat(style(e).borderTopWidth))
            .map(e => e.outerHTML),
        alike: all('fieldset').filter(e => {
            const [taken, other] = ['true', 'false'].map(is => e.querySelector(`[aria-pressed=${is}]`));
            return taken && drawn(taken) === drawn(other);
        }).map(e => e.outerHTML),
    };
}"""
each_language = pytest.mark.parametrize("locale", ["ja-JP", "en-GB"])


async def show(page: Page, look: Look) -> None:
    """Have it look so, to somebody who wants nothing to move."""
    await page.emulate_media(color_scheme=look.scheme, reduced_motion="reduce")
    await page.set_viewport_size({"width": look.width, "height": 800})


async def keep(page: Page, scene: str, look: str) -> None:
    """Take a picture where somebody wants one."""
    if folder := os.environ.get("SCREENSHOTS"):
        language = await page.evaluate("document.documentElement.lang")
        await page.screenshot(path=Path(folder) / f"{scene}-{language}-{look}.png", full_page=True)


async def look_at(page: Page, scene: str, look: Look) -> None:
    """Look once."""
    await show(page, look)
    found = await page.evaluate(_MEASURE)
    assert found == {"sideways": 0, "small": [], "moving": [], "ground": GROUND[look.scheme]}, (scene, look)
    assert await axe.violations(page) == [], (scene, look)
    await keep(page, scene, f"{look.scheme}-{look.width}")


async def squeeze(page: Page, scene: str) -> None:
    """Look at it in the narrowest window, and with more space in its text."""
    await page.set_viewport_size({"width": NARROWEST, "height": 800})
    assert await page.evaluate(_SIDEWAYS) == 0, scene
    assert await page.evaluate(_SIDEWAYS_SPACED) == 0, scene


async def look_around(visit: Visit, scene: str, looks: Sequence[Look]) -> None:
    """In each of these looks, and squeezed."""
    for look in looks:
        await look_at(visit.page, scene, look)
    await squeeze(visit.page, scene)
    assert visit.faults == [], scene


@pytest.mark.long
@pytest.mark.requirement("H1")
@each_language
async def test_every_page_in_every_look(server: Server, chromium: Chromium, locale: str) -> None:
    """No fault that axe knows, nothing sideways, small, moving or of others, nothing in the console."""
    async with first_run(server) as (url, code), visiting(chromium, url, locale=locale) as visit:
        page, asked, scenes = visit.page, cast("list[str]", []), cast("list[str]", [])
        page.on("request", lambda request: asked.append(request.url))
        for walk in (first_steps(page, code), owner(page, url), stranger(page, url)):
            async for scene in walk:
                await look_around(visit, scene, LOOKS)
                scenes.append(scene)
        assert len(scenes) == len(set(scenes)) == 27
        assert [each for each in asked if not each.startswith(f"{url}/")] == []


@pytest.mark.long
@each_language
async def test_every_page_that_turns_somebody_away(server: Server, chromium: Chromium, locale: str) -> None:
    """As all others: a refusal that stands alone says what to do, and leads on."""
    async with (
        first_run(server, signup="closed") as (url, code),
        visiting(chromium, url, locale=locale) as visit,
    ):
        async for scene in turned_away(visit.page, url, code):
            await look_around(visit, scene, LOOKS)


@pytest.mark.long  # axe takes as much time for this long page as for all others together
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.scheme}-{look.width}")
@each_language
async def test_the_api_reference_in_every_look(
    server: Server, chromium: Chromium, locale: str, look: Look
) -> None:
    """As all others, with every example unfolded."""
    async with site(server) as url, visiting(chromium, url, locale=locale) as visit:
        await visit.page.goto("/docs/api")
        await visit.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        await look_at(visit.page, "api", look)
        await squeeze(visit.page, "api")


@pytest.mark.parametrize("accent", ["#ffe066", pytest.param("#0b1030", marks=pytest.mark.long)])
async def test_whoever_brands_the_pages_leaves_them_readable(
    server: Server, chromium: Chromium, accent: str
) -> None:
    """A yellow too bright for one ground, a blue too dark for the other, a name that nowhere breaks."""
    brand = Brand(brand_name="Hakone" + "kyoukaisekisho" * 2, brand_accent=accent)
    async with site(server, **brand) as url, visiting(chromium, url, **ENGLISH) as visit:
        await visit.page.goto("/login")
        await submit(visit.page, email="ken@example.com", password="x")
        await look_around(visit, f"brand-{accent[1:]}", (LOOKS[0], LOOKS[3]))


async def test_an_appearance_that_was_chosen_is_seen(server: Server, chromium: Chromium) -> None:
    """Whatever the device says: its button is pressed, and the page has that ground."""
    async with site(server) as url, visiting(chromium, url, **ENGLISH) as visit:
        page = visit.page
        await page.goto("/login")
        devices: dict[str, Literal["light", "dark"]] = {"dark": "light", "light": "dark"}
        for chosen, device in devices.items():
            await page.emulate_media(color_scheme=device)
            await press(page.get_by_role("button", name=chosen.title()))
            assert (await page.evaluate(_MEASURE))["ground"] == GROUND[chosen]
            assert (
                await page.get_by_role("button", name=chosen.title()).get_attribute("aria-pressed") == "true"
            )


@pytest.mark.long
async def test_colours_that_the_reader_forces(server: Server, chromium: Chromium) -> None:
    """Everything that is told by its ground has an edge as well, and a choice that was made differs."""
    async with site(server) as url, visiting(chromium, url, **ENGLISH) as visit:
        page = visit.page
        await page.emulate_media(forced_colors="active")
        await page.goto("/login")
        await submit(page, email="ken@example.com", password="x")
        await look_in_forced_colours(page, "login-refused")
        await page.goto("/login")
        await log_in(page)
        await page.wait_for_url("**/account")
        await look_in_forced_colours(page, "account")
        await page.get_by_role("button", name="日本語").first.click()
        await page.wait_for_url("**/account?done=language")
        await look_in_forced_colours(page, "account-told")


async def look_in_forced_colours(page: Page, scene: str) -> None:
    """Look once."""
    assert await page.evaluate("matchMedia('(forced-colors: active)').matches")
    assert await page.evaluate(_FORCED) == {"edgeless": [], "alike": []}, scene
    assert await axe.violations(page) == [], scene
    await keep(page, scene, "forced")
