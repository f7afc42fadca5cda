"""The front end without a framework, run as its words say: page, shop and auth server on three origins."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import threading
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from sekisho.features.pages.printing import PAGES
from sekisho.words.catalogue import words
from tests.features.pages.scenes import PHONE
from tests.parts import axe
from tests.parts.browser import Chromium, Visit, visiting
from tests.parts.examples import EXAMPLES, listening
from tests.parts.serving import Server, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.async_api import Locator, Page, Route

pytestmark = pytest.mark.browser

SPA = EXAMPLES / "spa"
EMAIL = "aya@example.com"
ADMINISTRATOR = "kanrisha@example.com"
PASSWORD = "a checkpoint on the road to Edo"
OTHER_PASSWORD = "fifty-three stations of the Tokaido"
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Running(NamedTuple):
    """Where the page is and the auth server, the server's data, and the link that it printed."""

    url: str
    auth: str
    data: Path
    link: str


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - as the base class has them
        """Say nothing: a test has its own words."""


@contextmanager
def pages(folder: Path) -> Iterator[str]:
    """The files of a folder on an origin of their own, as `python -m http.server` has them."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Running]:
    """All three, each by the command line of the README, on ports that were free."""
    serve, shop, _ = commands("README.md")
    folder, data = tmp_path / "spa", tmp_path / "data"
    folder.mkdir()
    with ExitStack() as stack:
        url = stack.enter_context(pages(folder))
        (origins,) = (word for word in shlex.split(serve) if "=" in word)
        name, _, listed = origins.partition("=")
        auth = stack.enter_context(
            Server(data, settings={name: listed.replace("http://localhost:8002", url)})
        )
        line = shlex.split(shop.replace("http://localhost:8002", url))
        at = stack.enter_context(listening(line, EXAMPLES, auth.url, tmp_path / "shop.log"))
        shop_url = f"http://localhost:{urlsplit(at).port}"
        for path in SPA.iterdir():
            text = path.read_text("utf-8")
            text = text.replace("http://localhost:8400", auth.url).replace("http://localhost:8001", shop_url)
            (folder / path.name).write_text(text, "utf-8")
        printed = re.search(r"http\S+/setup#\S+", auth.welcome)
        assert printed is not None
        yield Running(url, auth.url, data, printed[0])


def commands(page: str) -> list[str]:
    """The lines of its first block of shell."""
    (first, *_) = SHELL.findall((SPA / page).read_text("utf-8"))
    return str(first).splitlines()


def test_the_commands_are_found_where_make_run_installs_them() -> None:
    """Both languages say how, before the first command: in a new terminal there is no `sekisho`."""
    makefile = (EXAMPLES.parent / "Makefile").read_text("utf-8")
    (venv,) = re.findall(r"^VENV +:= (\S+)$", makefile, re.MULTILINE)
    for name in ("README.md", "README.ja.md"):
        before, *_ = SHELL.split((SPA / name).read_text("utf-8"))
        assert "`make run`" in before
        assert f"`. ../{venv}/bin/activate`" in before


def test_both_languages_show_the_same_commands() -> None:
    """What is run below is what both say; nothing but the page is served, least of all the server's keys."""
    english, japanese = (
        SHELL.findall((SPA / name).read_text("utf-8")) for name in ("README.md", "README.ja.md")
    )
    assert english == japanese
    assert commands("README.md")[2] == "python3 -m http.server --bind 127.0.0.1 --directory spa 8002"


def field(page: Page, label: str) -> Locator:
    """A field of the form that is seen; the others of that name are of forms that are not."""
    return page.locator("main:visible").get_by_label(label, exact=True)


async def fill(page: Page, button: str, **fields: str) -> None:
    """Fill in the form that is seen, by its labels, and press its button."""
    for label, value in fields.items():
        await field(page, label.replace("_", " ")).fill(value)
    await page.get_by_role("main").get_by_role("button", name=button, exact=True).click()


async def said(page: Page, text: str) -> None:
    """Wait until the page says so."""
    await page.get_by_role("status").get_by_text(text).wait_for()


def refused(visit: Visit, *statuses: int) -> None:
    """The console complained of refusals with these statuses, and of nothing else."""
    found = [int(fault.partition("status of ")[2][:3]) for fault in visit.faults]
    assert found == list(statuses), visit.faults
    visit.faults.clear()


async def refreshes(visit: Visit) -> int:
    """How many refreshes were answered with another access token."""
    return len([each for each in visit.responses if each.url.endswith("/v1/refresh") and each.status == 200])


async def enter(page: Page, password: str = PASSWORD, email: str = EMAIL) -> None:
    """Log in, in English, and wait for the page behind it."""
    await field(page, "E-mail address").fill(email)
    await field(page, "Password").fill(password)
    await page.get_by_role("main").get_by_role("button", name="Log in").click()
    await page.get_by_text(f"Logged in as {email}").wait_for()


@pytest.mark.long
@pytest.mark.requirement("R12")
async def test_somebody_gains_a_right_and_minds_two_tabs(site: Running, chromium: Chromium) -> None:
    """Sign up, ask the shop, gain a right, be ended by another device, log out in every tab at once."""
    async with visiting(chromium, site.url) as laptop, visiting(chromium, site.url) as phone:
        page, other = laptop.page, phone.page
        await page.goto("/")
        await page.get_by_role("heading", name="Log in").wait_for()
        refused(laptop, 401)  # nobody: the question itself, once a page
        assert await axe.violations(page) == []
        await page.get_by_role("button", name="Sign up").click()
        await field(page, "E-mail address").fill(EMAIL)
        await field(page, "Password").fill(PASSWORD)
        await page.get_by_role("main").get_by_role("button", name="Sign up").click()
        await said(page, "Your account was made, and you are logged in.")

        await page.get_by_role("button", name="Products").click()
        await page.get_by_text("sedge hat").wait_for()
        assert await axe.violations(page) == []
        await page.get_by_role("button", name="Customers").click()
        await said(page, "It needs the permission customers:read.")
        refused(laptop, 403)
        allowed = run("user", "allow", EMAIL, "customers:read", SEKISHO_DATA=str(site.data))
        assert allowed.returncode == 0, allowed.stderr
        # The feed brings it within a second: then the token is stale, and the client refreshes it by itself.
        while not await page.get_by_text("Hakone Inn").count():
            await page.get_by_role("button", name="Customers").click()
            await page.locator("#goods li, #status:not(:empty)").first.wait_for()
        assert await refreshes(laptop) == 1
        assert 401 in {int(fault.partition("status of ")[2][:3]) for fault in laptop.faults}
        laptop.faults.clear()

        await other.goto("/")
        await other.get_by_role("heading", name="Log in").wait_for()
        await enter(other)
        refused(phone, 401)
        await other.get_by_role("button", name="Log out everywhere").click()
        await said(other, "You are logged out.")
        await page.get_by_role("button", name="Products").click()
        await said(page, "The session on this device was ended. Log in again.")
        laptop.faults.clear()

        await enter(page)
        second = await laptop.context.new_page()
        await second.goto("/")
        await second.get_by_text(f"Logged in as {EMAIL}").wait_for()
        await page.get_by_role("main").get_by_role("button", name="Log out", exact=True).click()
        for each in (page, second):
            await said(each, "You are logged out.")
        await enter(second)
        await page.get_by_text(f"Logged in as {EMAIL}").wait_for()


async def set_up(visit: Visit, site: Running) -> None:
    """Open the page with the code of the printed link, mistype, and make the administrator, in Japanese."""
    page, code = visit.page, site.link.partition("#")[2]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"/#{code}")
    await page.get_by_role("heading", name="サーバーの初期設定").wait_for()
    refused(visit, 401)
    assert await field(page, "設定コード").input_value() == code
    assert await page.evaluate("[location.href, history.length]") == [f"{site.url}/", 2]
    assert not any(code in url.removeprefix(f"{site.url}/#{code}") for url in asked)
    assert await axe.violations(page) == []
    await fill(page, "管理者を作る", メールアドレス=ADMINISTRATOR, パスワード="password")
    await said(page, "パスワード: 推測されやすいパスワードです。別のものにしてください。")
    await field(page, "パスワード").fill(PASSWORD)
    # As a double click does, wherever the first moves the button to.
    await page.locator("#setup form").evaluate("(form) => [form.requestSubmit(), form.requestSubmit()]")
    await said(page, "管理者のアカウントを作り、ログインしました。リンクはもう使えません。")
    assert len([url for url in asked if url.endswith("/v1/setup")]) == 2, "mistyped, and then sent once"
    refused(visit, 422)
    shown = run("user", "show", ADMINISTRATOR, "--json", SEKISHO_DATA=str(site.data))
    made = json.loads(shown.stdout)
    assert (made["roles"], made["locale"]) == (["admin"], "ja")


async def test_the_code_leaves_the_address_before_anybody_answers(site: Running, chromium: Chromium) -> None:
    """However long the first answer takes: what is looked at and shared meanwhile has no code in it."""
    asked, answered = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await answered.wait()
        await route.continue_()

    async with visiting(chromium, site.url) as visit:
        page, code = visit.page, site.link.partition("#")[2]
        await page.route("**/v1/refresh", hold)
        await page.goto(f"/#{code}")
        await asked.wait()
        assert page.url == f"{site.url}/"
        answered.set()
        await page.get_by_role("heading", name="Set up this server").wait_for()
        assert await field(page, "Setup code").input_value() == code
        refused(visit, 401)


async def test_a_page_without_its_server_waits_for_it(site: Running, chromium: Chromium) -> None:
    """Its client is the auth server's: until that is there it says so, and keeps the code to itself."""
    async with visiting(chromium, site.url) as visit:
        page, code = visit.page, site.link.partition("#")[2]
        await page.route(f"{site.auth}/**", lambda route: route.abort())
        await page.goto(f"/#{code}")
        waiting = page.get_by_role("main").get_by_text("Waiting for the auth server")
        await waiting.wait_for()
        assert page.url == f"{site.url}/"
        assert await axe.violations(page) == []
        await page.unroute_all()
        await page.get_by_role("heading", name="Set up this server").wait_for()
        assert await field(page, "Setup code").input_value() == code
        assert await waiting.count() == 0
        visit.faults[:] = [fault for fault in visit.faults if "net::ERR_FAILED" not in fault]
        refused(visit, 401)


async def set_up_again(visit: Visit, site: Running) -> None:
    """The link once more, while the page is open: it makes nobody."""
    page = visit.page
    await page.evaluate(f"location.hash = {site.link.partition('#')[2]!r}")
    await page.get_by_role("heading", name="サーバーの初期設定").wait_for()
    await fill(page, "管理者を作る", メールアドレス="ken@example.com", パスワード=PASSWORD)
    await said(page, "初期設定の必要はありません。")
    refused(visit, 403)


async def mind_devices(laptop: Visit, phone: Visit) -> None:
    """See both, end the telephone, which is out at its next call, and let it in again."""
    page, other = laptop.page, phone.page
    await other.goto("/")
    await other.get_by_role("heading", name="ログイン").wait_for()
    refused(phone, 401)
    await fill(other, "ログイン", メールアドレス=EMAIL, パスワード=PASSWORD)
    await other.get_by_text(f"ログイン中: {EMAIL}").wait_for()
    await page.reload()
    devices = page.get_by_role("region", name="ログイン中の端末").get_by_role("listitem")
    await devices.nth(1).wait_for()
    assert await devices.locator("b").all_text_contents() == ["iPhone の Safari", "Linux の Chrome"]
    assert await devices.nth(1).locator("em").text_content() == "この端末"
    assert await axe.violations(page) == []
    await devices.get_by_role("button", name="ログアウトさせる").click()
    await said(page, "その端末をログアウトさせました。")
    assert await devices.locator("b").all_text_contents() == ["Linux の Chrome"]
    # The shop may not have heard of it yet; the feed brings it within a second.
    ended = other.get_by_role("status").get_by_text("この端末のセッションは終了しています。")
    while not await ended.count():
        await other.get_by_role("button", name="商品").click()
        await other.locator("#goods li").or_(ended).first.wait_for()
    await other.get_by_role("heading", name="ログイン").wait_for()
    assert {int(fault.partition("status of ")[2][:3]) for fault in phone.faults} == {401}
    phone.faults.clear()
    await fill(other, "ログイン", メールアドレス=EMAIL, パスワード=PASSWORD)
    await other.get_by_text(f"ログイン中: {EMAIL}").wait_for()


async def change_password(visit: Visit) -> None:
    """Mistype the present one, choose one that is too short, then change it."""
    page = visit.page
    for current, new, text in (
        ("違うパスワード", OTHER_PASSWORD, "メールアドレスかパスワードが違います。"),
        (PASSWORD, "short", "新しいパスワード: 短すぎます。"),
        (PASSWORD, OTHER_PASSWORD, "パスワードを変更しました。他の端末はすべてログアウトになりました。"),
    ):
        # Whose it is, for a password manager.
        assert await page.locator("#password [autocomplete=username]").input_value() == EMAIL
        await fill(page, "パスワードを変更", 現在のパスワード=current, 新しいパスワード=new)
        await said(page, text)
    refused(visit, 401, 422)


@pytest.mark.requirement("R12")
async def test_somebody_arrives_in_japanese(site: Running, chromium: Chromium) -> None:
    """Set up, sign up, log in on two devices, end one, change the password: through the client alone."""
    japanese = {"locale": "ja-JP"}
    async with (
        visiting(chromium, site.url, **japanese) as laptop,
        visiting(chromium, site.url, **japanese, user_agent=PHONE) as phone,
    ):
        page, other = laptop.page, phone.page
        await set_up(laptop, site)
        assert await page.evaluate("[document.documentElement.lang, document.title]") == ["ja", "関所の店"]
        await page.get_by_role("main").get_by_role("button", name="ログアウト", exact=True).click()
        await said(page, "ログアウトしました。")
        await set_up_again(laptop, site)
        await page.reload()
        await page.get_by_role("button", name="新規登録").click()
        await fill(page, "登録する", メールアドレス=EMAIL, パスワード=PASSWORD)
        await said(page, "アカウントを作り、ログインしました。")
        refused(laptop, 401)
        await mind_devices(laptop, phone)
        await change_password(laptop)
        await other.get_by_role("button", name="商品").click()
        await said(other, "この端末のセッションは終了しています。")
        phone.faults.clear()
        await fill(other, "ログイン", メールアドレス=EMAIL, パスワード=PASSWORD)
        await said(other, "メールアドレスかパスワードが違います。")
        await fill(other, "ログイン", パスワード=OTHER_PASSWORD)
        await other.get_by_text(f"ログイン中: {EMAIL}").wait_for()
        refused(phone, 401)


async def test_it_speaks_two_languages(site: Running, chromium: Chromium) -> None:
    """Of the browser's the first that it knows, else English; a choice rewrites the page, and is kept."""
    async with visiting(chromium, site.url, locale="fr-FR") as visit:
        page, spoken = visit.page, "document.documentElement.lang"
        await page.goto("/")
        await page.get_by_role("heading", name="Log in").wait_for()
        assert await page.evaluate(spoken) == "en"
        await fill(page, "Log in", **{"E-mail_address": EMAIL, "Password": PASSWORD})
        await said(page, "E-mail address or password is not right.")
        await page.get_by_role("button", name="日本語").click()
        await page.get_by_role("heading", name="ログイン").wait_for()
        assert await page.get_by_role("status").text_content() == ""
        assert await page.get_by_role("button", name="日本語", pressed=True).count() == 1
        await page.reload()
        await page.get_by_role("heading", name="ログイン").wait_for()
        assert await page.evaluate(spoken) == "ja"
        refused(visit, 401, 401, 401)
        told = await page.evaluate("import('./words.js').then((module) => module.WORDS)")
        says_what_the_server_says(told["en"], told["ja"])


def says_what_the_server_says(english: dict[str, str], japanese: dict[str, str]) -> None:
    """Both have the same ids and values; and what the server's pages say too is said in the same words."""
    assert english.keys() == japanese.keys()
    values = re.compile(r"\{\w+\}")
    pages = [(text, words(PAGES, "ja").texts[name]) for name, text in words(PAGES, "en").texts.items()]
    product = {(text, other) for text, other in pages if isinstance(text, str)}  # else it counts something
    known = {text for text, _ in product}
    for name, text in english.items():
        assert sorted(values.findall(text)) == sorted(values.findall(japanese[name])), name
        assert text not in known or (text, japanese[name]) in product, name
    assert len(known & set(english.values())) > 20
