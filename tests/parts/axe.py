"""What axe-core (https://github.com/dequelabs/axe-core) finds wrong in a page; a wheel carries its script."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.async_api import Page

#: Every rule that is on by default, good manners included, and the size of targets (WCAG 2.2, 2.5.8).
_RUN: Final = """async () => {
    const { violations } = await axe.run(document, {
        resultTypes: ["violations"],
        preload: false,  // the style sheets are there already
        rules: { "target-size": { enabled: true } },
    });
    const line = (rule, { html, failureSummary }) => `${rule.id}: ${html} ${failureSummary}`;
    return violations.flatMap((rule) => rule.nodes.map((node) => line(rule, node)));
}"""


@cache
def _script() -> str:
    return resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


async def violations(page: Page) -> list[str]:
    """One line for each element and rule that it breaks, as the page looks now."""
    # A script element would be stopped by the content policy of the page; what a debugger says is not.
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_script())
    found: list[str] = await page.evaluate(_RUN)
    return found
