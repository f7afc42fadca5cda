"""A walk past every page in every state that it can be in, faults included; in either language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2

from tests.web.served import EMAIL, PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from playwright.async_api import Locator, Page

ANOTHER = "ken.watanabe+a-rather-long-address@mail.example.com"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/19.0 Mobile/15E148 Safari/604.1"
)


async def submit(page: Page, **filled: str) -> None:
    """Fill in fields by their names, and press the button that does what the page is for."""
    for name, value in filled.items():
        await page.locator(f"main [name={name}]").fill(value)
    await press(page.locator("main button.first"))


async def press(button: Locator) -> None:
    """Press it, and wait for the page behind it."""
    async with button.page.expect_event("load"):
        await button.click()


async def elsewhere(url: str, **browser: str) -> dict[str, str]:
    """Log in on another device; the header by which it ends that."""
    async with httpx2.AsyncClient(base_url=url, headers=browser) as client:
        body = {"email": EMAIL, "password": PASSWORD, "mode": "token"}
        answer = await client.post("/v1/login", json=body)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return {"Authorization": f"Bearer {tokens['access_token']}"}


async def guess(url: str, headers: Mapping[str, str] | None = None) -> None:
    """Give wrong passwords until none is heard: of the account, or of whose access token that is."""
    path, name = ("/v1/password", "current_password") if headers else ("/v1/login", "password")
    body = (
        {name: "x", "new_password": PASSWORD[::-1]}
        if headers
        else {"email": EMAIL, name: "x", "mode": "token"}
    )
    async with httpx2.AsyncClient(base_url=url, headers=headers) as client:
        while (answer := await client.post(path, json=body)).status_code == 401:
            pass
    assert answer.status_code == 429, answer.text


async def first_steps(page: Page, code: str) -> AsyncIterator[str]:
    """From the link that was printed to the administrator's account; yields the name of each scene."""
    await page.goto(f"/setup#{code}")
    await page.wait_for_url("**/setup")
    yield "setup"
    await submit(page, email=EMAIL, password="short")
    yield "setup-refused"
    await submit(page, code="0000-0000", password=PASSWORD)
    yield "setup-code-refused"
    await submit(page, code=code, email=EMAIL, password=PASSWORD)
    yield "welcome"


async def owner(page: Page, url: str) -> AsyncIterator[str]:
    """What somebody sees of an account, as whom they are logged in."""
    await elsewhere(url, **{"User-Agent": PHONE})
    gone = await elsewhere(url, **{"User-Agent": "curl/8.5.0"})
    await page.goto("/welcome")
    yield "welcome-ticked"
    await page.goto("/account")
    yield "account"
    async with httpx2.AsyncClient(base_url=url, headers=gone) as client:
        assert (await client.post("/v1/logout", json={})).status_code == 204
    await press(page.get_by_role("button", name="curl"))
    yield "account-device-gone"
    await press(page.get_by_role("button", name="iPhone"))
    yield "account-device-ended"
    await submit(page, current_password="x", new_password=PASSWORD[::-1])
    yield "account-password-refused"
    await submit(page, current_password=PASSWORD, new_password="short")
    yield "account-password-short"
    await page.goto("/account/delete")
    yield "delete"
    await submit(page, password="x")
    yield "delete-refused"
    await page.goto("/logout")
    yield "logout"
    await submit(page)
    yield "logged-out"


async def stranger(page: Page, url: str) -> AsyncIterator[str]:
    """What somebody sees who is not logged in, up to an account of their own that they delete."""
    for path in ("/login", "/login?why=session_expired"):
        await page.goto(path)
        yield "login" if path == "/login" else "login-again"
    await submit(page, email=EMAIL, password="x")
    yield "login-refused"
    await page.context.clear_cookies()
    await submit(page, password=PASSWORD)
    yield "login-too-old"
    await guess(url)
    await submit(page, password=PASSWORD)
    yield "login-limited"
    await page.goto("/signup")
    yield "signup"
    await submit(page, email=EMAIL, password=PASSWORD)
    yield "signup-taken"
    await submit(page, email=ANOTHER, password="password1")
    yield "signup-refused"
    for name, path in {"error": "/nothing", "problem": "/problems/conflict", "problems": "/problems"}.items():
        await page.goto(path)
        yield name
    await page.goto("/signup")
    await submit(page, email=ANOTHER, password=PASSWORD)
    yield "signed-up"
    await page.goto("/account/delete")
    await submit(page, password=PASSWORD)
    yield "deleted"


async def turned_away(page: Page, url: str, code: str) -> AsyncIterator[str]:
    """The refusals that are met less often, on a server where nobody signs up."""
    await page.goto(f"/setup#{code}")
    await page.wait_for_url("**/setup")
    await submit(page, code=code, email=EMAIL, password=PASSWORD)
    await page.goto("/setup")
    yield "setup-closed"
    await page.goto("/account/delete")
    await submit(page, password=PASSWORD)
    yield "delete-last"
    await guess(url, await elsewhere(url))
    await submit(page, password="x")
    yield "delete-limited"
    await page.goto("/account")
    await submit(page, current_password="x", new_password=PASSWORD[::-1])
    yield "account-limited"
    await page.context.clear_cookies()
    await page.goto("/signup")
    yield "signup-closed"
    await page.goto("/login")
    yield "login-alone"
    await send(page, f"{url}/problems")
    yield "method"
    await page.goto("/login")
    await submit(page, email=EMAIL, password="x" * 70_000)
    yield "too-large"
    await page.goto("about:blank")
    await send(page, f"{url}/login")
    yield "origin"


async def send(page: Page, url: str) -> None:
    """Send an empty form from where it stands."""
    async with page.expect_event("load"):
        await page.evaluate(
            """url => {
                const form = document.createElement("form");
                Object.assign(form, { method: "post", action: url });
                document.body.append(form);
                form.submit();
            }""",
            url,
        )
