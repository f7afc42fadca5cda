"""The explorer without a mouse, and as axe sees it: every chapter from the first to the last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.features.explorer.watched import CHAPTERS, Watched, watching
from tests.parts import axe

if TYPE_CHECKING:
    from tests.parts.browser import Chromium
    from tests.parts.explorer import Exploring

pytestmark = pytest.mark.browser

#: What is pressed in each chapter, and what must be read there afterwards.
ACTS: Final = {
    "login": ("#login-form .first", "#who-is-in", "Aya is logged in (JWT)."),
    "call": ("[data-secret='aya@example.com']", "#caption", "The answer is what was asked for."),
    "expiry": ("#tabs", "#tabs-verdict", "both got 200, 200"),
    "logout": ("#logout-go", "#ended", "with token_revoked."),
    "tamper": ("[data-preset='role-admin']", "#forged-verdict", "401 token_signature_mismatch"),
    "stolen": ("[data-steal=session_log]", "[data-thing=session_log]", "at the logout, at once"),
    "two": ("[data-two=b]", "#two-verdict", "JWT, API server B: 200"),
    "decide": ("#questions .first", "#toml", "issuer = "),
}
#: More than there are things to be focused.
_MOST: Final = 120
_VISIBLE: Final = """() => {
    // The first line of a link that is broken.
    const on = document.activeElement, [box] = on.getClientRects(), style = getComputedStyle(on);
    const ring = on.matches("[type=radio]") ? getComputedStyle(on.closest("label")) : style;
    const outlined = ring.outlineStyle !== "none" || style.outlineStyle !== "none";
    const middle = (from, to, most) => (Math.max(from, 0) + Math.min(to, most)) / 2;
    // What is clipped away has a box as well, but nobody would hit it.
    const hit = document.elementFromPoint(
        middle(box.left, box.right, innerWidth), middle(box.top, box.bottom, innerHeight));
    return outlined && on.contains(hit);
}"""


async def reach(seen: Watched, selector: str) -> None:
    """Press Tab until the keyboard is there; it can be seen where it is at each step."""
    for _ in range(_MOST):
        await seen.page.keyboard.press("Tab")
        # Past the last one a browser leaves the page, and comes in again at its top.
        if await seen.page.evaluate("document.activeElement === document.body"):
            continue
        assert await seen.page.evaluate(_VISIBLE), await seen.page.evaluate(
            "document.activeElement.outerHTML"
        )
        if await seen.page.evaluate("which => document.activeElement.matches(which)", selector):
            return
    raise AssertionError(f"{selector} is never reached")


async def step(seen: Watched) -> int:
    """How many steps are shown."""
    return int((await seen.text("#count")).partition(" / ")[0])


@pytest.mark.long
async def test_every_chapter_is_done_by_keyboard(exploring: Exploring, chromium: Chromium) -> None:
    """Choose, act, walk through the steps and go on, with Tab, Enter, Space and arrows alone."""
    async with watching(chromium, exploring.explorer) as seen:
        press = seen.page.keyboard.press
        await reach(seen, "input[name=start-mode]:checked")
        await press("ArrowRight")
        assert await seen.page.evaluate("document.body.dataset.mode") == "compare"
        await press("ArrowLeft")
        for name, (button, place, words) in ACTS.items():
            await reach(seen, "#after")
            await press("Enter")
            await seen.page.locator(f"[data-chapter={name}]").wait_for()
            assert await seen.page.evaluate("document.activeElement.id") == f"{name}-title"
            await reach(seen, button)
            await press("Enter")
            await seen.settled()
            assert words in await seen.text(place), name
            if name == "login":
                await reach(seen, "#stage")
                steps = await step(seen)
                await press("ArrowLeft")
                assert await step(seen) == steps - 1
                await press("ArrowRight")
                assert await step(seen) == steps
        ticks = await seen.page.locator(".rail [data-seen]").evaluate_all("all => all.map(e => e.dataset.to)")
        assert ticks == [each for each in CHAPTERS if each != "two"]


async def test_the_inspector_is_tabs_as_their_pattern_has_them(
    exploring: Exploring, chromium: Chromium
) -> None:
    """Arrow keys move between the tabs and come round; only the chosen one is on the way of Tab."""
    async with watching(chromium, exploring.explorer, at="login") as seen:
        await reach(seen, "[role=tab]")
        for name in ("token", "tables", "browser", "http"):
            await seen.page.keyboard.press("ArrowRight")
            assert await seen.page.evaluate("document.activeElement.id") == f"tab-{name}"
            assert await seen.page.locator(f"#panel-{name}").is_visible()
            assert await seen.page.locator("[role=tabpanel]:not([hidden])").count() == 1
        await seen.page.keyboard.press("Tab")
        assert await seen.page.evaluate("document.activeElement.id") == "panel-http"


LOOKS: Final = [("en", "light", 1440), ("ja", "dark", 1440), ("ja", "light", 360), ("en", "dark", 360)]


@pytest.mark.long
@pytest.mark.parametrize(("language", "scheme", "width"), LOOKS)
async def test_axe_finds_nothing_in_any_chapter(
    exploring: Exploring, chromium: Chromium, language: str, scheme: str, width: int
) -> None:
    """After the act of each chapter, in both languages, light and dark, wide and narrow."""
    window = {"width": width, "height": 800}
    async with watching(
        chromium,
        exploring.explorer,
        query=f"?lang={language}",
        color_scheme=scheme,
        viewport=window,
    ) as seen:
        await seen.mode("compare" if scheme == "dark" else "jwt")
        assert await axe.violations(seen.page) == []
        for name, (button, _, _) in ACTS.items():
            await seen.chapter(name)
            if await seen.page.locator(button).first.is_visible():
                await seen.press(button)
            assert await axe.violations(seen.page) == [], name
            assert await seen.sideways() <= 0, name
        for tab in ("http", "token", "tables", "browser"):
            await seen.page.locator(f"#tab-{tab}").click()
            await seen.page.locator(f"#panel-{tab}").wait_for()
            assert await axe.violations(seen.page) == [], tab


async def test_the_theme_and_the_language_are_chosen_on_the_page(
    exploring: Exploring, chromium: Chromium
) -> None:
    """The other language is a link that keeps the chapter and the theme."""
    async with watching(chromium, exploring.explorer, at="tamper") as seen:
        await seen.page.locator("#theme").select_option("dark")
        ground = "getComputedStyle(document.body).backgroundColor"
        assert await seen.page.evaluate(ground) == "rgb(22, 21, 15)"
        await seen.page.locator("#language").click()
        await seen.page.locator("html[lang=ja] body[data-ready]").wait_for()
        assert await seen.page.evaluate(ground) == "rgb(22, 21, 15)"
        assert await seen.text("#tamper-title") == "中身を書き換えて送ってみる"
        assert (await seen.page.title()).startswith("流れを見る")
