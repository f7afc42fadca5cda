"""Pages in a real browser: what it remembers, what it fetches, and what the policy keeps it from."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.features.pages.opened import ENGLISH, log_in, site
from tests.parts import serving
from tests.parts.browser import Chromium, visiting

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import ConsoleMessage
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tests.web.served import Server

pytestmark = pytest.mark.browser


def without_fetch_metadata(app: ASGIApp) -> ASGIApp:
    """What an application hears of a browser that is older than Fetch Metadata (Safari until 2023)."""

    async def older(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [header for header in scope["headers"] if not header[0].startswith(b"sec-fetch-")]
        await app({**scope, "headers": headers}, receive, send)

    return older


@pytest.mark.requirement("F1", "H1")
async def test_a_browser_without_fetch_metadata_is_known_by_its_origin(
    server: Server, chromium: Chromium
) -> None:
    """The policy for referrers leaves it its `Origin`: with `no-referrer` our own forms would say `null`."""
    async with (
        site(server, hears=without_fetch_metadata) as url,
        visiting(chromium, url, **ENGLISH) as visit,
    ):
        page = visit.page
        await page.goto("/login")
        await log_in(page)
        await page.wait_for_url("**/account")
        await page.get_by_role("button", name="Log out on this device").click()
        await page.wait_for_url("**/logout")


@pytest.mark.requirement("SE5", "SE8")
async def test_the_back_button_shows_nobody_who_was_here(tmp_path: Path, chromium: Chromium) -> None:
    """After a logout no page comes back out of the browser's memory, not even the first after the sign-up."""
    # In a language of its own choice, because a window that plays another keeps no pages.
    with serving.Server(tmp_path / "data") as running:
        async with visiting(chromium, running.url) as visit:
            page = visit.page
            await page.goto("/signup")
            await log_in(page, "ken@example.com")
            await page.wait_for_url("**/account?done=signup")
            await page.goto("/account")
            await page.get_by_role("button", name="Log out on this device").click()
            await page.wait_for_url("**/logout")
            for heading in ("Log in", "Log in", "Sign up"):
                # A page out of memory is never loaded, so a load is not waited for.
                await page.go_back(wait_until="commit")
                assert await page.locator("h1").inner_text() == heading
                # Painted: who goes on before that gets nothing out of memory.
                await page.screenshot()


async def test_the_login_page_asks_nobody_else(server: Server, chromium: Chromium) -> None:
    """At most 5 requests and 25 kB as a browser counts them, all of them to us."""
    async with site(server) as url, visiting(chromium, url, **ENGLISH) as visit:
        await visit.page.goto("/login", wait_until="networkidle")
        assert 1 < len(visit.responses) <= 5
        assert all(answer.url.startswith(url) for answer in visit.responses)
        sizes = [await answer.request.sizes() for answer in visit.responses]
        weight = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)
        assert 2_000 < weight <= 25_000


@pytest.mark.requirement("H1")
async def test_the_policy_holds_in_the_browser(server: Server, chromium: Chromium) -> None:
    """What an injected script would try is stopped, and the watch sees each of it."""
    async with site(server) as url, visiting(chromium, url, **ENGLISH) as visit:
        await visit.page.goto("/login")
        for planted, directive in (
            (
                "Object.assign(document.createElement('script'), {textContent: '1'})",
                "require-trusted-types-for",
            ),
            ("document.body.innerHTML = '<b>x</b>'", "require-trusted-types-for"),
            ("trustedTypes.createPolicy('any', {})", "trusted-types"),
            ("document.body.setAttribute('style', 'color: red')", "style-src-attr"),
            ("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x'}))", "img-src"),
            ("fetch('http://127.0.0.1:9/').catch(() => 0)", "connect-src"),
        ):
            told = re.compile(f"^content policy: {directive} ")
            async with visit.page.expect_console_message(partial(_says, told)):
                await visit.page.evaluate(f"() => {{ try {{ {planted} }} catch {{ }} }}")
            assert any(f"error: content policy: {directive}" in fault for fault in visit.faults), planted
            visit.faults.clear()


def _says(told: re.Pattern[str], message: ConsoleMessage) -> bool:
    return bool(told.search(message.text))
