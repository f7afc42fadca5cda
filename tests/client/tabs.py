"""Tabs of one browser with the client in each, against a real server whose clock the test moves."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from sekisho.features.demo.clock import ClockHand
from tests.parts.browser import OPEN_SECONDS
from tests.parts.clocked_server import ClockedServer
from tests.parts.lossy_line import LossyLine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, BrowserContext, Page

    from tests.parts.browser import Chromium

EMAIL: Final = "aya@example.com"
OTHER: Final = "ken@example.com"
PASSWORD: Final = "a checkpoint on the road to Edo"
#: Seconds after which an access token is over, and the refresh cookie has settled.
EXPIRY: Final = 1_000
#: Milliseconds: as in earnest but for a quarter, so that what waits is soon told.
PATIENCE: Final = 1_000

_OPEN: Final = """async ([script, options]) => {
    const { createAuth, SekishoError } = await import(script);
    window.issuer = options.issuer;
    window.auth = createAuth(options);
    window.told = [];
    auth.subscribe((user, why) => told.push([user?.email ?? null, why ?? null]));
    window.tried = (promise) => promise.then(
        (value) => ({ value: value ?? null }),
        (error) => ({ error: error.name, typed: error instanceof SekishoError, ...error }));
}"""
_CLOCK_OFF: Final = """(() => {{
    const right = Date.now.bind(Date), Right = Date, off = {0};
    globalThis.Date = class extends Right {{
        constructor(...given) {{ super(...(given.length ? given : [right() + off])); }}
        static now() {{ return right() + off; }}
    }};
}})()"""
_CALLS: Final = """(many) => Promise.all([...Array(many)].map(() =>
    auth.fetch(issuer + "/v1/me").then((answer) => answer.status, (error) => error.name)))"""


@dataclass
class Tab:
    """One tab, with the client as `auth` in it."""

    page: Page

    async def calls(self, many: int = 1) -> list[int | str]:
        """The status of each of so many calls at once, or the name of the error."""
        found: list[int | str] = await self.page.evaluate(_CALLS, many)
        return found

    async def tried(self, script: str, argument: object = None) -> dict[str, Any]:
        """What an act of the client came to: `value`, or `error` with what it says."""
        found: dict[str, Any] = await self.page.evaluate(f"(given) => tried({script})", argument)
        return found

    async def login(self, email: str = EMAIL) -> None:
        """Log in, as somebody who has an account."""
        done = await self.tried("auth.login(given)", {"email": email, "password": PASSWORD})
        assert done["value"]["email"] == email, done

    async def user(self) -> str | None:
        """Whom this tab believes to be logged in, after asking the server where it does not know."""
        done = await self.tried("auth.restore()")
        assert "value" in done, done
        return done["value"] and str(done["value"]["email"])

    async def told(self) -> list[list[str | None]]:
        """Of what the listeners of this tab were told: e-mail address, and why."""
        found: list[list[str | None]] = await self.page.evaluate("told")
        return found

    async def until_told(self, email: str | None) -> None:
        """Until the last thing that it was told is this."""
        await self.page.wait_for_function("(email) => told.length && told.at(-1)[0] === email", arg=email)


@dataclass
class Visit:
    """One browser: tabs that share cookies and storage. `faults`: what nobody in a page caught."""

    site: Site
    context: BrowserContext
    mode: str
    faults: list[str] = field(default_factory=list)

    @property
    def line(self) -> LossyLine:
        """What lies between this browser and the server."""
        return self.site.line

    async def tab(self, *, at: str | None = None, script: str = "", **options: object) -> Tab:
        """A new tab with a client, on the origin of the server or another one; `script` runs before."""
        page = await self.context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        if script:
            await page.add_init_script(script)
        await page.goto(f"{at or self.line.url}/app")
        chosen = {"issuer": self.line.url, "mode": self.mode, "patience": PATIENCE, **options}
        await page.evaluate(_OPEN, [f"{self.line.url}/static/sekisho.js", chosen])
        return Tab(page)

    async def tabs(self, many: int) -> list[Tab]:
        """So many tabs, the first of which logs in."""
        opened = [await self.tab() for _ in range(many)]
        await opened[0].login()
        for tab in opened:
            await tab.until_told(EMAIL)
        return opened


@dataclass
class Site:
    """The server behind its line, an application on another origin, and Chromium."""

    line: LossyLine
    elsewhere: LossyLine
    server: ClockedServer
    hand: ClockHand
    browser: Browser
    moved: float = 0

    def forward(self, seconds: float) -> None:
        """Let so much time pass for the server."""
        self.hand.forward(seconds)
        self.moved += seconds

    def clock_off(self, hours: int) -> str:
        """A script that sets the clock of a machine so many hours before or behind that of the server."""
        return _CLOCK_OFF.format((self.moved + hours * 3_600) * 1_000)

    @asynccontextmanager
    async def visited(self, mode: str, *, within: float = OPEN_SECONDS) -> AsyncIterator[Visit]:
        """A browser that has not been here before, on a line in order; fails where a page threw.

        `within`: seconds that it may be open, since `evaluate` waits for a page without end.
        """
        self.line.mend()
        context = await self.browser.new_context()
        context.set_default_timeout(30_000)
        visit = Visit(self, context, mode)
        try:
            async with asyncio.timeout(within):
                yield visit
            assert visit.faults == []
        finally:
            self.line.mend()
            await context.close()

    def account(self, email: str) -> None:
        """Make an account."""
        made = self.server.ask("POST", "/v1/accounts", {"email": email, "password": PASSWORD})
        assert made.status == 201, made


@asynccontextmanager
async def site(chromium: Chromium, folder: Path) -> AsyncIterator[Site]:
    """A server with two accounts."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 - only who drives a browser needs it

    async with LossyLine().listening() as line, LossyLine().listening() as elsewhere:
        settings = {"SEKISHO_ISSUER": line.url, "SEKISHO_ALLOWED_ORIGINS": elsewhere.url}
        hand = ClockHand(folder / "clock")
        with ClockedServer(folder / "data", settings=settings, clock=folder / "clock") as server:
            line.upstream = urlsplit(server.url).port or 0
            async with async_playwright() as playwright:
                browser = await playwright.chromium.connect_over_cdp(chromium.endpoint)
                opened = Site(line, elsewhere, server, hand, browser)
                for email in (EMAIL, OTHER):
                    opened.account(email)
                yield opened
                await browser.close()
