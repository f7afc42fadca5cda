"""A window that a test opens: a page that hangs fails its test, and holds up nothing after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.parts import browser

if TYPE_CHECKING:
    from tests.parts.browser import Chromium

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("hanging", ["new Promise(() => {})", "(() => { for (;;); })()"])
async def test_a_page_that_hangs_is_closed(
    chromium: Chromium, monkeypatch: pytest.MonkeyPatch, hanging: str
) -> None:
    """Whether it waits or runs without end: the visit is over in time, and the next one finds a browser."""
    with monkeypatch.context() as short:
        short.setattr(browser, "OPEN_SECONDS", 0.5)
        with pytest.raises(TimeoutError):
            async with browser.visiting(chromium, "http://127.0.0.1") as visit:
                await visit.page.evaluate(hanging)
    async with browser.visiting(chromium, "http://127.0.0.1") as visit:
        assert await visit.page.evaluate("1 + 1") == 2
