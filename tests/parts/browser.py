"""A Chromium of our own: headless, on this machine alone, driven through Playwright by whoever connects."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import BrowserContext, ConsoleMessage, Page, Response

_PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
#: A browser looks for updates, experiments and lists of bad sites; ours knows no host but this machine.
_ALONE = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--hide-scrollbars",  # so that a window of 360 pixels has 360 pixels to show, as on a telephone
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
#: The console tells of most violations of a content policy; the event is fired for each.
_TELL_VIOLATIONS = """addEventListener("securitypolicyviolation", (violation) =>
    console.error(`content policy: ${violation.effectiveDirective} ${violation.blockedURI}`))"""
_START_SECONDS = 60.0
#: Milliseconds that anything on a page may take, on a machine that does other things as well.
_PATIENCE = 30_000
#: Seconds that a window may be open. Much of Playwright waits without end for a page that hangs (`evaluate`,
#: `count`), and the limit of the suite, which is a little longer, stops the loop that would close the window.
OPEN_SECONDS = 100.0
#: Seconds that a window may take to open, and to close; what does not close goes with its browser.
_DOOR_SECONDS = 30.0


class BrowserUnavailableError(RuntimeError):
    """No browser can run here; the message says why and how to change that."""


def require() -> str:
    """The program.

    Raises:
        BrowserUnavailableError: it, or Playwright, is not there.
    """
    if importlib.util.find_spec("playwright") is None:
        raise BrowserUnavailableError("Playwright is not installed; make test installs it")
    found = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if found is None:
        raise BrowserUnavailableError(
            "no Chromium found; Debian: apt-get install chromium; macOS: brew install chromium"
        )
    return found


class Chromium:
    """One Chromium: started on entry, stopped and removed on exit; `endpoint` is where Playwright connects.

    Raises:
        BrowserUnavailableError: see `require`.
    """

    endpoint: str

    def __init__(self) -> None:
        self._program = require()
        self._folder = Path(tempfile.mkdtemp(prefix="sekisho-chromium-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it, and wait until it says where it listens."""
        profile = self._folder / "profile"
        # root has no sandbox to enter, and what is shown here is ours.
        root = ("--no-sandbox",) if os.geteuid() == 0 else ()
        arguments = ("--headless=new", "--remote-debugging-port=0", "--disable-dev-shm-usage", *_ALONE, *root)
        log = self._folder / "log"
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [self._program, *arguments, f"--user-data-dir={profile}", "about:blank"],
                stdout=file,
                stderr=file,
            )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with suppress(FileNotFoundError):
                said = (profile / "DevToolsActivePort").read_text().split("\n")
                if len(said) == 2:
                    self.endpoint = f"ws://127.0.0.1:{said[0]}{said[1]}"
                    return self
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Chromium did not start: {log.read_text(errors='replace')}")
            time.sleep(0.01)

    def __exit__(self, *_: object) -> None:
        """Stop it and remove what it wrote."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass
class Visit:
    """A window of somebody's own, with cookies of its own, and all that went wrong in it.

    `faults`: what the console says is wrong, violations of the content policy among it. `responses`: what was
    fetched.
    """

    context: BrowserContext
    page: Page
    faults: list[str] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)

    def watch(self) -> None:
        """Listen from now on."""
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("response", self._fetched)

    def _fetched(self, response: Response) -> None:
        self.responses.append(response)

    def _said(self, message: ConsoleMessage) -> None:
        # A refusal is shown with its status, and the console repeats that of every page.
        refused = "Failed to load resource: the server responded with a status of 4" in message.text
        if message.type in {"error", "warning"} and not (refused and self._is_document(message)):
            self.faults.append(f"{message.type}: {message.text}")

    def _is_document(self, message: ConsoleMessage) -> bool:
        return urlsplit(message.location["url"]).path == urlsplit(self.page.url).path


@asynccontextmanager
async def visiting(chromium: Chromium, url: str, **context: Any) -> AsyncIterator[Visit]:  # noqa: ANN401 - as Playwright has them
    """A window on `url`, closed at the end; fails if the console had anything to complain of.

    `context`: options of Playwright's contexts, such as `locale` or `java_script_enabled`.

    Raises:
        TimeoutError: it was open for too long.
    """
    from playwright.async_api import async_playwright  # noqa: PLC0415 - only who drives a browser needs it

    async with async_playwright() as playwright:
        async with asyncio.timeout(_DOOR_SECONDS):
            browser = await playwright.chromium.connect_over_cdp(chromium.endpoint)
            # Pages tell times where the reader is, and a machine may be anywhere.
            opened = await browser.new_context(base_url=url, **{"timezone_id": "Etc/UTC", **context})
            opened.set_default_timeout(_PATIENCE)
            await opened.add_init_script(_TELL_VIOLATIONS)
            visit = Visit(opened, await opened.new_page())
        visit.watch()
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                yield visit
            assert not visit.faults, visit.faults
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(_DOOR_SECONDS):
                    await opened.close()
                    await browser.close()
