"""What is shown is what happened: a shop that answers 418 with 418, and where nobody is, nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.features.explorer.watched import watching
from tests.parts.explorer import Exploring

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.browser import Chromium

pytestmark = pytest.mark.browser

#: Found by every interpreter that is started with its folder on the path: the shops of the demo, too.
TEAPOT = """
import sekisho.features.demo.shop as shop

served = shop.shop_app


def teapot(*given, **named):
    app = served(*given, **named)

    async def short_and_stout(scope, receive, send):
        if scope["type"] != "http" or scope["path"] != "/products" or scope["method"] != "GET":
            await app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    return short_and_stout


shop.shop_app = teapot
"""


async def test_a_teapot_is_shown_as_one_and_the_dead_as_dead(tmp_path: Path, chromium: Chromium) -> None:
    """418 in diagram, list and inspector; then, with the demo gone, a red badge and not one arrow more."""
    patch = tmp_path / "patch"
    patch.mkdir()
    (patch / "sitecustomize.py").write_text(TEAPOT)
    stage = tmp_path / "stage"
    stage.mkdir()
    with Exploring(stage, {"PYTHONPATH": str(patch)}) as exploring:
        async with watching(
            chromium, exploring.explorer, at="call", forgiven="ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED"
        ) as seen:
            await seen.press("#call [data-call='a/products']")
            assert (await seen.drawn())[-1][1] == "418"
            assert (await seen.listed())[-1][1] == "418"
            assert "HTTP/1.1 418 I'm a Teapot" in await seen.text("#http")
            assert await seen.page.locator("#live").get_attribute("data-live") == "on"
            exploring.end()
            await seen.page.locator("#live[data-live=off]").wait_for()
            assert await seen.text("#live") == "The servers are gone: nothing is drawn"
            await seen.page.locator("#call [data-call='a/products']").first.click()
            await seen.page.locator("body:not([data-busy])").wait_for()
            assert await seen.drawn() == []
            assert await seen.listed() == []
            ground = await seen.page.locator("#live").evaluate("each => getComputedStyle(each).color")
            assert ground == "rgb(155, 28, 28)"
