"""The first run in a real browser: with a script and without, up to an account that is deleted again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.features.pages.opened import ENGLISH, JAPANESE, first_run, log_in
from tests.parts.browser import Chromium, visiting
from tests.web.served import EMAIL, PASSWORD

if TYPE_CHECKING:
    from tests.web.served import Server

pytestmark = pytest.mark.browser


async def test_somebody_sets_up_without_a_script_and_an_account_is_deleted(
    server: Server, chromium: Chromium
) -> None:
    """In Japanese: the code is pasted; the one administrator stays; another account goes, with its way in."""
    async with first_run(server) as (url, code), visiting(chromium, url, **JAPANESE) as visit:
        page = visit.page
        await page.goto(f"/setup#{code}")
        assert await page.get_by_label("設定コード").input_value() == ""
        await page.get_by_label("設定コード").fill(code)
        await page.get_by_label("メールアドレス").fill(EMAIL)
        await page.get_by_label("パスワード").fill(PASSWORD)
        await page.get_by_role("button", name="管理者を作る").click()
        await page.get_by_role("status").get_by_text("管理者のアカウントを作り").wait_for()
        await page.get_by_role("link", name="アカウントへ戻る").click()
        async with page.expect_download() as started:
            await page.get_by_role("link", name="データをダウンロード").click()
        download = await started.value
        assert download.suggested_filename == "sekisho-account-2026-11-18.json"
        await page.get_by_role("link", name="アカウントを削除").click()
        await page.get_by_label("パスワード").fill(PASSWORD)
        await page.get_by_role("button", name="完全に削除する").click()
        await page.get_by_role("alert").get_by_text("このサーバーには他に管理者がいません").wait_for()

        await page.get_by_role("link", name="削除せずに戻る").click()
        await page.get_by_role("button", name="この端末でログアウト").click()
        await page.goto("/signup")
        await log_in(page, "ken@example.com")
        await page.wait_for_url("**/account?done=signup")
        await page.get_by_role("link", name="アカウントを削除").click()
        await page.get_by_label("パスワード").fill(PASSWORD)
        await page.get_by_role("button", name="完全に削除する").click()
        await page.get_by_text("アカウントに属するものも、すべて削除しました。").wait_for()
        await page.goto("/account")
        await page.get_by_role("heading", name="ログイン").wait_for()


async def test_a_script_takes_the_code_out_of_the_address(server: Server, chromium: Chromium) -> None:
    """It is in the form, not in the address bar or the history, and was sent nowhere; then it is used."""
    async with first_run(server) as (url, code), visiting(chromium, url, **ENGLISH) as visit:
        page = visit.page
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(f"/setup#{code}")
        await page.wait_for_url("**/setup")
        assert await page.get_by_label("Setup code").input_value() == code
        assert await page.evaluate("location.href") == f"{url}/setup"
        assert await page.evaluate("document.activeElement.id") == "email"
        assert code not in "".join(asked).replace(f"{url}/setup#{code}", "", 1)
        await page.goto(f"/setup#{code}")
        await page.get_by_label("E-mail address").fill(EMAIL)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Make the administrator").click()
        await page.get_by_role("status").get_by_text("The administrator's account was made").wait_for()
