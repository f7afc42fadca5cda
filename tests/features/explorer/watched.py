"""The explorer in a browser, for tests that look at it: what is drawn, what is listed, what went wrong."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from tests.parts.browser import Chromium, Visit, visiting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

#: What a browser says by itself of answers that refuse: the explorer is there to show them.
REFUSED: Final = re.compile(r"error: Failed to load resource: the server responded with a status of 4\d\d \(")
CHAPTERS: Final = ("start", "login", "call", "expiry", "logout", "tamper", "stolen", "two", "decide")

#: Milliseconds that what surely comes may take, on a machine that does other things as well.
_PATIENCE: Final = 30_000
_STEPS: Final = """which => [...document.querySelectorAll(which)]
    .map(each => [Number(each.dataset.seq), each.dataset.label])"""


@dataclass
class Watched:
    """One window on the explorer."""

    page: Page
    visit: Visit

    async def chapter(self, name: str) -> None:
        """Go there by the rail."""
        await self.page.locator(f".rail [data-to={name}]").click()
        await self.page.locator(f"[data-chapter={name}]").wait_for()

    async def press(self, selector: str) -> None:
        """Press a button of the chapter, and wait until all that it made happen is shown."""
        await self.page.locator(selector).first.click()
        await self.settled()

    async def settled(self) -> None:
        """Until the act is over, which takes that its record is here, and the player has come to its end."""
        await self.page.locator("body:not([data-busy])").wait_for()
        await self.page.evaluate("""async () => {
            const at = () => document.getElementById("count").textContent.split(" / ");
            const frame = () => new Promise(requestAnimationFrame);
            for (let same = 0; same < 8; same = at()[0] === at()[1] ? same + 1 : 0) await frame();
        }""")

    async def drawn(self) -> list[tuple[int, str]]:
        """The steps of the diagram: number of the event, and label."""
        found: list[list[Any]] = await self.page.evaluate(_STEPS, ".diagram [data-seq]")
        return [(seq, label) for seq, label in found]

    async def listed(self) -> list[tuple[int, str]]:
        """The same of the list."""
        found: list[list[Any]] = await self.page.evaluate(_STEPS, "#lists [data-seq]")
        return [(seq, label) for seq, label in found]

    async def text(self, selector: str) -> str:
        """What is to be read there."""
        return await self.page.locator(selector).inner_text()

    async def come(self, selector: str, *, count: int, within: str, why: str = "") -> None:
        """Wait until so many are there; where they never are, what is to be read in `within` is told."""
        # Whoever only collects the tests needs no Playwright.
        from playwright.async_api import expect  # noqa: PLC0415 - see above

        try:
            await expect(self.page.locator(selector)).to_have_count(count, timeout=_PATIENCE)
        except AssertionError as never:
            raise AssertionError(f"{why}\n{never}\n{await self.text(within)}") from None

    async def answers(self) -> list[str]:
        """What was answered in the act, in its order: news of the feed may come after the last of them."""
        return [label for _, label in await self.drawn() if re.match(r"\d{3}\b", label)]

    async def go(self, step: int) -> None:
        """Go to a step of the act by the slider."""
        await self.page.locator("#place").fill(str(step))

    async def cost(self, lane: str, what: str) -> str:
        """A figure of the strip."""
        return await self.text(f".cost [data-lane={lane}][data-cost={what}]")

    async def mode(self, name: str) -> None:
        """Choose session, JWT or both."""
        # The control itself is see-through; its label is what is seen.
        await self.page.locator(f"#modes input[value={name}]").check(force=True)

    async def sideways(self) -> int:
        """By how many CSS pixels the page is wider than its window."""
        return cast("int", await self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@asynccontextmanager
async def watching(
    chromium: Chromium,
    url: str,
    *,
    at: str = "start",
    query: str = "?lang=en",
    forgiven: str = "$^",
    **context: Any,  # noqa: ANN401 - as Playwright has them
) -> AsyncIterator[Watched]:
    """A window on a chapter, where nothing moves unless the test says so.

    `forgiven`: what of the console's complaints is meant to be there, beside refusals.
    """
    context.setdefault("reduced_motion", "reduce")
    context.setdefault("viewport", {"width": 1440, "height": 900})
    async with visiting(chromium, url, **context) as visit:
        await visit.page.goto(f"/explore{query}#{at}")
        await visit.page.locator("body[data-ready]").wait_for()
        try:
            yield Watched(visit.page, visit)
        finally:
            expected = re.compile(f"{REFUSED.pattern}|{forgiven}")
            visit.faults[:] = [each for each in visit.faults if not expected.search(each)]
