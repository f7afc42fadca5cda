"""Every flow with the keyboard alone: in the order that is read, seeing at each step where one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest

from tests.features.pages.opened import ENGLISH, log_in, site
from tests.features.pages.scenes import ANOTHER, PHONE, elsewhere
from tests.parts.browser import Chromium, visiting
from tests.web.served import OTHER_PASSWORD, PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

    from tests.web.served import Server

pytestmark = pytest.mark.browser

#: What has the focus: its accessible name as far as the page gives one, the ring around it in CSS pixels, and
#: how many of five points on it lie in the window and under nothing else (WCAG 2.2, 2.4.7 and 2.4.11).
_FOCUS: Final = """() => {
    const on = document.activeElement, style = getComputedStyle(on), box = on.getClientRects()[0];
    // Its middle, and its corners as far as they are not rounded off.
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const [far, high] = [box.width / 2 - 4, box.height / 2 - 4];
    const points = [[0, 0], [-1, -1], [-1, 1], [1, -1], [1, 1]].map(([a, b]) => [x + a * far, y + b * high]);
    const name = on.labels?.[0]?.innerText ?? on.getAttribute('aria-label') ?? on.innerText;
    return {
        name: name.replace(/\\s+/g, ' '),
        ring: style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth),
        seen: points.filter(point => on.contains(document.elementFromPoint(...point))).length,
    };
}"""


@dataclass
class Keyboard:
    """Somebody with no mouse, on a page."""

    page: Page

    async def at(self) -> str:
        """The name of what has the focus, which can be seen: its ring, and all of it."""
        found: dict[str, Any] = await self.page.evaluate(_FOCUS)
        assert (found["ring"] >= 2, found["seen"]) == (True, 5), found
        return str(found["name"])

    async def tab(self, *, back: bool = False) -> str:
        """One further, or one back; what is there."""
        await self.page.keyboard.press("Shift+Tab" if back else "Tab")
        return await self.at()

    async def go_to(self, name: str) -> None:
        """Press Tab until one is there: once around the page at most."""
        passed: list[str] = []
        while (here := await self.tab()) != name:
            assert here not in passed or here == passed[-1], f"{name} is not among {passed}"
            passed.append(here)

    async def type(self, text: str) -> None:
        """Write."""
        await self.page.keyboard.type(text)

    async def enter(self) -> None:
        """Do it, and wait for what comes of it."""
        async with self.page.expect_event("load"):
            await self.page.keyboard.press("Enter")

    async def told(self, text: str) -> None:
        """Be told that, by what a screen reader reads out."""
        said = self.page.get_by_role("status").or_(self.page.get_by_role("alert"))
        assert text in await said.inner_text()


@pytest.fixture(params=["none", "active"], ids=["own colours", "forced colours"])
async def keyboard(
    request: pytest.FixtureRequest, server: Server, chromium: Chromium
) -> AsyncIterator[Keyboard]:
    """In a small window, where little has room, in the colours of the page and in those of the reader."""
    forced: Literal["active", "none"] = request.param
    window = {"width": 360, "height": 500}
    async with site(server) as url, visiting(chromium, url, **ENGLISH, viewport=window) as visit:
        await visit.page.emulate_media(forced_colors=forced)
        yield Keyboard(visit.page)


async def test_sign_up_and_log_in(keyboard: Keyboard) -> None:
    """Mistype, be led to the field, mend it; log out and in again, in the order that is read."""
    page = keyboard.page
    await page.goto("/signup")
    assert await keyboard.at() == "E-mail address"
    await keyboard.type("ken@example.com")
    assert await keyboard.tab() == "Password"
    await keyboard.type("password1")
    await keyboard.enter()
    assert await page.evaluate("document.activeElement.id") == "summary"
    assert (await keyboard.tab()).startswith("Password is a password that a guesser would try early")
    await page.keyboard.press("Enter")
    assert await keyboard.at() == "Password"
    await keyboard.type(PASSWORD)
    assert await keyboard.tab() == "Show Password"
    assert await keyboard.tab() == "Sign up"
    await keyboard.enter()
    await page.wait_for_url("**/account?done=signup")
    order = [await keyboard.tab() for _ in range(11)]
    assert order == [
        "Skip to the content",
        "関所 sekisho",
        "日本語",
        "English",
        "Log out on this device",
        "Current password",
        "Show Current password",
        "New password",
        "Show New password",
        "Change password",
        "Download my data",
    ]
    assert [await keyboard.tab(back=True) for _ in range(6)][-1] == "Log out on this device"
    await keyboard.enter()
    await page.get_by_role("heading", name="You are logged out").wait_for()
    await keyboard.go_to("Log in again")
    await keyboard.enter()
    assert await keyboard.at() == "E-mail address"
    await keyboard.type("ken@example.com")
    await keyboard.tab()
    await keyboard.type(PASSWORD)
    await keyboard.enter()
    await page.wait_for_url("**/account")


async def test_revoke_a_device_and_change_the_password(keyboard: Keyboard) -> None:
    """Past the header by the link that is there for it; each button says which device it is for."""
    page = keyboard.page
    await page.goto("/login")
    await log_in(page)
    await page.wait_for_url("**/account")
    await elsewhere(page.url.removesuffix("/account"), **{"User-Agent": PHONE})
    await page.reload()
    assert await keyboard.tab() == "Skip to the content"
    await page.keyboard.press("Enter")
    assert await keyboard.tab() == "日本語"
    await keyboard.go_to("Log out Safari on iPhone, logged in 18 Nov 2026, 11:06 UTC")
    await keyboard.enter()
    await keyboard.told("That device was logged out.")

    await keyboard.go_to("Current password")
    await keyboard.type("not this one")
    await keyboard.go_to("New password")
    await keyboard.type(OTHER_PASSWORD)
    await keyboard.enter()
    await keyboard.told("The current password is not right")
    assert await keyboard.tab() == "Current password"
    await keyboard.type(PASSWORD)
    await keyboard.go_to("New password")
    await keyboard.type(OTHER_PASSWORD)
    assert await keyboard.tab() == "Show New password"
    assert await keyboard.tab() == "Change password"
    await page.keyboard.press("Space")
    await page.wait_for_url("**/account?done=password")
    await keyboard.told("Your password was changed.")


async def test_delete_the_account(keyboard: Keyboard) -> None:
    """The way to it is a link, the deed a button behind the password."""
    page = keyboard.page
    await page.goto("/signup")
    await log_in(page, ANOTHER)
    await page.wait_for_url("**/account?done=signup")
    await keyboard.go_to("Delete my account")
    await keyboard.enter()
    await keyboard.go_to("Password")
    await keyboard.type(PASSWORD)
    assert await keyboard.tab() == "Show Password"
    assert await keyboard.tab() == "Delete for good"
    await keyboard.enter()
    await keyboard.told("Your account was deleted, with everything that belonged to it.")
