"""Somebody who has never seen it, with the link that `sekisho serve` prints and no script."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.features.pages.opened import JAPANESE, log_in
from tests.features.pages.scenes import PHONE
from tests.parts.browser import Chromium, visiting
from tests.parts.serving import Server
from tests.web.served import EMAIL, OTHER_PASSWORD, PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Page

pytestmark = pytest.mark.browser

ADMINISTRATOR = "kanrisha@example.com"


async def set_up(page: Page, link: str) -> None:
    """Follow the link, paste the code that a script would have taken out of it, and log out."""
    await page.goto(link)
    await page.get_by_label("設定コード").fill(link.partition("#")[2])
    await page.get_by_label("メールアドレス").fill(ADMINISTRATOR)
    await page.get_by_label("パスワード").fill(PASSWORD)
    await page.get_by_role("button", name="管理者を作る").click()
    await page.get_by_role("status").get_by_text("管理者のアカウントを作り").wait_for()
    await page.goto("/account")
    assert await page.locator("dl").get_by_text("admin", exact=True).count() == 1
    await page.get_by_role("button", name="この端末でログアウト").click()
    await page.get_by_role("heading", name="ログアウトしました").wait_for()
    await page.goto(link)
    await page.get_by_role("heading", name="初期設定の必要はありません").wait_for()


async def sign_up(page: Page) -> None:
    """From the first page of the server."""
    await page.goto("/")
    await page.get_by_role("link", name="新規登録").click()
    await page.get_by_role("heading", name="新規登録").wait_for()
    await log_in(page)
    await page.get_by_role("status").get_by_text("アカウントを作り、ログインしました。").wait_for()


async def mind_devices(page: Page, phone: Page) -> None:
    """See the telephone, end its session, let it log in again, end all others."""
    devices = page.get_by_role("region", name="ログイン中の端末")
    await phone.goto("/")
    await log_in(phone)
    await phone.wait_for_url("**/account")
    await page.goto("/account")
    names = await devices.locator(".name").all_text_contents()
    assert names == ["Linux の Chrome この端末", "iPhone の Safari"]
    await devices.get_by_role("button", name="iPhone の Safari をログアウトさせる").click()
    await page.get_by_role("status").get_by_text("その端末をログアウトさせました。").wait_for()
    assert await devices.get_by_role("listitem").count() == 1
    await phone.goto("/account")
    await phone.get_by_role("heading", name="ログイン").wait_for()
    assert "この端末のセッションは終了しています。" in await phone.locator("main").inner_text()
    await log_in(phone)
    await phone.wait_for_url("**/account")
    await page.goto("/account")
    await page.get_by_role("button", name="他の端末をすべてログアウトさせる").click()
    await page.get_by_role("status").get_by_text("他の端末をすべてログアウトさせました。").wait_for()
    await phone.reload()
    await phone.wait_for_url("**/login?**")


async def change_password(page: Page) -> None:
    """Mistype the present one, which is said and not kept; then change it."""
    await page.get_by_label("現在のパスワード").fill("違うパスワード")
    await page.get_by_label("新しいパスワード").fill(OTHER_PASSWORD)
    await page.get_by_role("button", name="パスワードを変更").click()
    assert "現在のパスワードが違います" in await page.get_by_role("alert").inner_text()
    assert await page.get_by_label("現在のパスワード").input_value() == ""
    await page.get_by_label("現在のパスワード").fill(PASSWORD)
    await page.get_by_label("新しいパスワード").fill(OTHER_PASSWORD)
    await page.get_by_role("button", name="パスワードを変更").click()
    await page.get_by_role("status").get_by_text("パスワードを変更しました。").wait_for()


@pytest.mark.requirement("H1", "SE6")
async def test_somebody_arrives_in_japanese_without_a_script(tmp_path: Path, chromium: Chromium) -> None:
    """Set up, sign up, log in on two devices, revoke one, change the password, on `sekisho serve` itself."""
    with Server(tmp_path / "data") as server:
        printed = re.search(r"http\S+/setup#\S+", server.welcome)
        assert printed is not None
        async with (
            visiting(chromium, server.url, **JAPANESE) as laptop,
            visiting(chromium, server.url, **JAPANESE, user_agent=PHONE) as phone,
        ):
            await set_up(laptop.page, printed[0])
            await sign_up(laptop.page)
            await mind_devices(laptop.page, phone.page)
            await change_password(laptop.page)
            await log_in(phone.page)
            await phone.page.get_by_role("alert").get_by_text("パスワードが違います").wait_for()
            await log_in(phone.page, EMAIL, OTHER_PASSWORD)
            await phone.page.wait_for_url("**/account")
