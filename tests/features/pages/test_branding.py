"""Somebody else's name, picture and colour on the pages."""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.adapters.logo_file import MAX
from sekisho.features.pages.assets import STYLE
from sekisho.features.pages.branding import accents
from sekisho.features.pages.colours import BLACK, WHITE, Colour, contrast, parse, readable, spell
from sekisho.settings import SettingsRefused
from tests.features.pages.conftest import with_pages
from tests.features.pages.opened import ENGLISH, site
from tests.features.pages.visitor import Visitor
from tests.parts import serving
from tests.parts.browser import Chromium, visiting

if TYPE_CHECKING:
    from pathlib import Path

    from tests.web.served import Server

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect/></svg>'
GREEN = "#1f5c36"
COLOURS = st.tuples(*[st.integers(0, 255)] * 3)
TOKENS = re.findall(r"--(paper|[a-z-]*ground): light-dark\((#\w{6}), (#\w{6})\)", STYLE.body.decode())


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#ffffff", "#ffffff", 1.0)],
)
def test_contrast_is_that_of_the_standard(one: str, other: str, ratio: float) -> None:
    """As WCAG 2.2 defines it, whichever comes first."""
    assert contrast(parse(one), parse(other)) == pytest.approx(ratio, abs=0.005)
    assert contrast(parse(other), parse(one)) == contrast(parse(one), parse(other))


@given(COLOURS)
def test_any_colour_becomes_readable(asked: Colour) -> None:
    """On everything that text stands on, light and dark; and white or black can be read on a button of it."""
    light, dark = accents(asked)
    assert {name for name, _, _ in TOKENS} >= {"paper", "ground", "good-ground"}
    for _, on_light, on_dark in TOKENS:
        assert contrast(light, parse(on_light)) >= 4.5
        assert contrast(dark, parse(on_dark)) >= 4.5
    assert contrast(light, WHITE) >= 4.5
    assert contrast(dark, BLACK) >= 4.5


def test_a_colour_is_changed_no_more_than_needed() -> None:
    """One that can be read stays; of another the step before the last could not be read."""
    paper = [parse("#fffdfa")]
    assert readable(parse(GREEN), paper, towards=BLACK) == parse(GREEN)
    yellow = readable(parse("#ffe066"), paper, towards=BLACK)
    assert 4.5 <= contrast(yellow, paper[0]) < 4.7
    with pytest.raises(ValueError, match="no colour"):
        readable(WHITE, [WHITE, parse("#777777"), BLACK], towards=BLACK)


async def test_a_server_without_a_brand_has_ours(visitor: Visitor) -> None:
    """Name, gate and red."""
    page = await visitor.see("/login")
    assert "<title>Log in - sekisho</title>" in page.answer.text
    assert "関所 sekisho" in page.words
    assert page.of("link", rel="stylesheet")["href"].startswith("/static/pages-")
    assert page.of("link", rel="icon")["type"] == "image/svg+xml"


@pytest.mark.requirement("H1")
@pytest.mark.parametrize(("content", "kind"), [(PNG, "image/png"), (SVG, "image/svg+xml")])
async def test_every_page_carries_the_brand(
    server: Server, tmp_path: Path, content: bytes, kind: str
) -> None:
    """Name, picture and colour; as text and as files of ours, under the policy of every page."""
    logo = tmp_path / "logo.of.mine"
    logo.write_bytes(content)
    async with server(
        features=with_pages, brand_name="Hakone <b>Travel", brand_logo=str(logo), brand_accent="#1F5C36"
    ) as served:
        visitor = Visitor(served)
        for path in ("/login", "/problems/conflict", "/nothing"):
            page = await visitor.see(path)
            assert "- Hakone &lt;b&gt;Travel</title>" in page.answer.text
            assert "関所" not in page.words
            picture = page.of("img")["src"]
            assert (page.of("link", rel="icon")["href"], page.of("link", rel="icon")["type"]) == (
                picture,
                kind,
            )
        fetched = {each["href"] for tag, each in page.tags if tag == "link"} | {picture}
        assert len(fetched) == 3
        answer = await visitor.ask("GET", picture)
        assert (answer.content, answer.headers["content-type"]) == (content, kind)
        # Whoever opens the picture by itself runs no script that is in it.
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        (style,) = (each for each in fetched if "/brand-" in each)
        answer = await visitor.ask("GET", style)
        assert answer.headers["content-type"] == "text/css; charset=utf-8"
        assert f"--accent: light-dark({GREEN}, " in answer.text


async def test_a_colour_that_was_changed_is_told(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """In the log, with both; one that can be read is not mentioned, though it is brighter on dark pages."""
    async with server(features=with_pages, brand_accent=GREEN):
        assert "brand_accent_changed" not in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        async with server(features=with_pages, brand_accent="#ffe066"):
            shown = spell(accents(parse("#ffe066"))[0])
            assert f"brand_accent_changed asked=#ffe066 shown={shown}" in caplog.text


@pytest.mark.parametrize("content", [None, b"", b"plain text", b"<html></html>", PNG + bytes(MAX)])
async def test_what_is_no_picture_stops_the_start(
    server: Server, tmp_path: Path, content: bytes | None
) -> None:
    """With the name of the setting and what would fit."""
    logo = tmp_path / "logo.svg"
    if content is not None:
        logo.write_bytes(content)
    with pytest.raises(SettingsRefused, match="SEKISHO_BRAND_LOGO") as refused:
        async with server(features=with_pages, brand_logo=str(logo)):
            pass
    assert str(logo) in str(refused.value)


async def test_a_pipe_is_no_picture(server: Server, tmp_path: Path) -> None:
    """Whoever opened it would wait for a writer, and the server would never start."""
    os.mkfifo(tmp_path / "logo.svg")
    with pytest.raises(SettingsRefused, match=r"SEKISHO_BRAND_LOGO: cannot be read: .*logo\.svg: not a file"):
        async with server(features=with_pages, brand_logo=str(tmp_path / "logo.svg")):
            pass


def test_the_configuration_is_checked_before_the_start(tmp_path: Path) -> None:
    """`config check` says what `serve` would; a name and a colour are looked at with the settings."""
    given = {
        "SEKISHO_BRAND_LOGO": str(tmp_path / "none.svg"),
        "SEKISHO_BRAND_ACCENT": "red",
        "SEKISHO_BRAND_NAME": "x" * 41,
    }
    told: list[str] = []
    for names in (["SEKISHO_BRAND_LOGO"], ["SEKISHO_BRAND_ACCENT", "SEKISHO_BRAND_NAME"]):
        settings = {name: given[name] for name in names}
        done = serving.run("config", "check", "--data", str(tmp_path / "data"), **settings)
        assert done.returncode == 1
        told.append(done.stderr)
    assert "SEKISHO_BRAND_LOGO cannot be read" in told[0]
    assert "'red' is no colour" in told[1]
    assert "SEKISHO_BRAND_NAME" in told[1]


@pytest.mark.browser
async def test_the_colour_is_that_of_the_button(server: Server, chromium: Chromium) -> None:
    """In a real browser, under the policy: the first button and every link have it, in light and in dark."""
    light, dark = ("rgb({}, {}, {})".format(*each) for each in accents(parse(GREEN)))
    async with site(server, brand_accent=GREEN) as url, visiting(chromium, url, **ENGLISH) as visit:
        for scheme, colour in (("light", light), ("dark", dark)):
            await visit.page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
            await visit.page.goto("/login")
            button = visit.page.locator("button.first")
            assert await button.evaluate("e => getComputedStyle(e).backgroundColor") == colour
            link = visit.page.locator(".aside a")
            assert await link.evaluate("e => getComputedStyle(e).color") == colour
            await visit.page.goto("/nothing")
            leads_on = visit.page.locator("a.first")
            assert await leads_on.evaluate("e => getComputedStyle(e).backgroundColor") == colour
