"""The first run: one link, one administrator, and nothing for anybody who only tries."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from tests.features.pages.conftest import with_pages
from tests.features.pages.visitor import Seen, Visitor
from tests.web.browser import OWN_PAGE
from tests.web.served import EMAIL, PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from tests.web.served import Served, Server


@pytest.fixture
async def empty(server: Server) -> AsyncIterator[Served]:
    """A server without any account."""
    async with server(features=with_pages) as running:
        yield running


async def set_up(visitor: Visitor, code: str, email: str = EMAIL) -> httpx2.Response:
    """Fill in the page."""
    return await visitor.fill("/setup", code=code, email=email, password=PASSWORD)


async def test_the_first_account_is_an_administrator(empty: Served) -> None:
    """Made and logged in by one form, with the role `admin`, in the language of the page; on record."""
    visitor = Visitor(empty, headers={**OWN_PAGE, "Accept-Language": "ja"})
    answer = await set_up(visitor, await empty.setup_code())
    assert (answer.status_code, answer.headers["location"]) == (303, "/welcome?done=setup")
    page = await visitor.see(answer.headers["location"])
    assert "管理者のアカウントを作り、ログインしました。" in page.words
    assert page.of("a", href="/account")
    assert "ロール admin" in (await visitor.see("/account")).words
    (account,) = await empty.house.store.list_accounts()
    assert (account.email, account.locale) == (EMAIL, "ja")
    events = await empty.house.store.list_events(user_id=account.id)
    assert {(each.kind, each.about.get("by")) for each in events} == {
        ("account_created", "setup"),
        ("role_granted", "setup"),
        ("login_succeeded", None),
    }


@pytest.mark.requirement("X13")
async def test_a_code_is_used_once(empty: Served) -> None:
    """The same form again, and the page itself, say that there is nothing to set up."""
    code, other = await empty.setup_code(), Visitor(empty)
    page = await other.see("/setup")
    await set_up(Visitor(empty), code)
    answer = Seen(await other.send(page, "/setup", code=code, email="ken@example.com", password=PASSWORD))
    assert (answer.status, "There is nothing to set up" in answer.words) == (403, True)
    assert (await other.see("/setup")).status == 403
    assert len(await empty.house.store.list_accounts()) == 1


async def test_looking_at_the_link_spends_nothing(empty: Served) -> None:
    """Whatever fetched it before its owner did."""
    code, visitor = await empty.setup_code(), Visitor(empty)
    for _ in range(3):
        assert (await visitor.see("/setup")).status == 200
        assert (await visitor.ask("HEAD", "/setup")).status_code == 200
    assert (await set_up(visitor, code)).status_code == 303


async def test_a_code_expires(empty: Served) -> None:
    """After half an hour to the second; an open form is told so, and another start brings another code."""
    code, visitor = await empty.setup_code(), Visitor(empty)
    page = await visitor.see("/setup")
    empty.clock.now += 1800
    answer = Seen(await visitor.send(page, "/setup", code=code, email=EMAIL, password=PASSWORD))
    assert (answer.status, "the link has expired" in answer.words) == (403, True)
    assert (await visitor.see("/setup")).status == 403
    assert (await set_up(visitor, await empty.setup_code())).status_code == 303


async def test_only_the_newest_code_counts(empty: Served) -> None:
    """Each start makes another one."""
    old, new = await empty.setup_code(), await empty.setup_code()
    page = Seen(await set_up(Visitor(empty), old))
    assert (page.status, "This is not the setup code" in page.words) == (403, True)
    assert page.of("input", id="code")["aria-invalid"] == "true"
    assert (await set_up(Visitor(empty), new)).status_code == 303


async def test_who_signs_up_first_shuts_the_operator_out_of_nothing(empty: Served) -> None:
    """The code still makes the administrator; not of the address that is taken, and then it counts on."""
    code = await empty.setup_code()
    await empty.register("ken@example.com")
    visitor = Visitor(empty)
    page = Seen(await set_up(visitor, code, "ken@example.com"))
    assert (page.status, "There is an account with this e-mail address" in page.words) == (409, True)
    assert (await set_up(visitor, code)).status_code == 303
    found = await empty.house.store.list_accounts()
    roles = [(await empty.house.store.rights_of(each.id)).roles for each in found]
    assert [each.email for each in found] == [EMAIL, "ken@example.com"]
    assert roles == [("admin",), ()]


async def test_another_administrator_closes_the_setup(empty: Served) -> None:
    """Whoever was given the role in any other way: the code makes no second beside him."""
    code, visitor = await empty.setup_code(), Visitor(empty)
    page = await visitor.see("/setup")
    assert page.status == 200
    await empty.appoint("ken@example.com")
    assert (await visitor.see("/setup")).status == 403
    answer = await visitor.send(page, "/setup", code=code, email=EMAIL, password=PASSWORD)
    assert answer.status_code == 403
    assert [each.email for each in await empty.house.store.list_accounts()] == ["ken@example.com"]


async def test_the_last_administrator_cannot_delete_himself(empty: Served) -> None:
    """The page says why and what to do, with 409; with a second one it is done."""
    visitor = Visitor(empty)
    await set_up(visitor, await empty.setup_code())
    page = Seen(await visitor.fill("/account/delete", password=PASSWORD))
    assert (page.status, "Nobody else administers this server" in page.words) == (409, True)
    assert await visitor.signed_in()
    page = Seen(await visitor.fill("/account/delete", password="wrong"))
    assert page.status == 401
    await empty.appoint("ken@example.com")
    answer = await visitor.fill("/account/delete", password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/logout?done=deleted")


@pytest.mark.requirement("X13")
async def test_two_browsers_at_once_make_one_administrator(empty: Served) -> None:
    """Ten send the same form at the same time: one 303, nine refusals, one account."""
    code = await empty.setup_code()
    visitors = [Visitor(empty) for _ in range(10)]
    pages = [await each.see("/setup") for each in visitors]
    answers = await asyncio.gather(
        *(
            each.send(page, "/setup", code=code, email=f"{number}@example.com", password=PASSWORD)
            for number, (each, page) in enumerate(zip(visitors, pages, strict=True))
        )
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [303, *[403] * 9]
    (account,) = await empty.house.store.list_accounts()
    won = next(number for number, answer in enumerate(answers) if answer.status_code == 303)
    assert account.email == f"{won}@example.com"


@pytest.mark.requirement("X17")
async def test_guesses_have_to_wait(empty: Served) -> None:
    """Ten from one network at once, and then they wait; who has the code does not, from there either."""
    code, visitor = await empty.setup_code(), Visitor(empty)
    for _ in range(10):
        page = Seen(await set_up(visitor, "0" * 28))
        assert page.status == 403
        assert "password" not in page.forms["/setup"] or page.forms["/setup"]["password"] == ""
    page = Seen(await set_up(visitor, "0" * 28))
    assert (page.status, "retry-after" in page.answer.headers) == (429, True)
    assert "device" not in page.words  # none has ever logged in, and it would be held up as well
    assert (await set_up(visitor, code)).status_code == 303


async def test_a_stranger_learns_nothing_by_the_other_fields(empty: Served) -> None:
    """Without the code, address and password are not looked at; with it, a fault does not spend it."""
    code, visitor = await empty.setup_code(), Visitor(empty)
    for guess in ("x", "0" * 28):
        page = Seen(await visitor.fill("/setup", code=guess, email="x", password="x"))
        assert (page.status, "E-mail address" in page.words.partition("Make the account")[0]) == (403, False)
    page = Seen(await visitor.fill("/setup", code=code, email="x", password="short"))
    assert page.status == 422
    assert page.of("input", id="email")["aria-invalid"] == "true"
    assert page.of("input", id="password")["aria-invalid"] == "true"
    assert page.of("input", id="code")["value"] == code
    assert (await visitor.send(page, "/setup", email=EMAIL, password=PASSWORD)).status_code == 303


async def test_the_form_passes_the_gates(empty: Served) -> None:
    """Another site cannot send it, nor can anybody without the token of this browser."""
    code, visitor = await empty.setup_code(), Visitor(empty)
    form = {"code": code, "email": EMAIL, "password": PASSWORD}
    assert (await visitor.ask("POST", "/setup", form)).status_code == 403
    page = await visitor.see("/setup")
    form["csrf_token"] = page.forms["/setup"]["csrf_token"]
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert (await visitor.ask("POST", "/setup", form, **foreign)).status_code == 403
    assert await empty.house.store.list_accounts() == []


async def test_the_code_is_in_no_log_and_in_no_database(
    empty: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """Right or wrong, spent or not: in neither spelling, and a digest is all that is kept."""
    caplog.set_level(logging.DEBUG)
    code, visitor = await empty.setup_code(), Visitor(empty)
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    await set_up(visitor, wrong)
    await visitor.fill("/setup", code=code, email="x", password="x")
    file = empty.house.settings.sqlite_path
    assert file is not None
    stored = b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    await set_up(visitor, code)
    stored += b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    told = "".join(record.getMessage() for record in caplog.records)
    assert "/setup" in told
    for spelling in (code, code.replace("-", ""), wrong, code.lower()):
        assert spelling not in told
        assert spelling.encode() not in stored


async def test_what_runs_on_the_page_is_a_file_of_ours(empty: Served) -> None:
    """One module under the strict policy; nothing inline, and without it there is a field to paste into."""
    await empty.setup_code()
    page = await Visitor(empty).see("/setup")
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert [set(each) for each in scripts] == [{"type", "src"}] * 2
    script = next(each for each in scripts if "code-from-link" in each["src"])
    answer = await Visitor(empty).ask("GET", script["src"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert len(answer.content) < 700
    assert "script-src 'self'" in page.answer.headers["content-security-policy"]
    assert page.of("input", id="code")["type"] == "text"
    assert page.of("input", id="password")["autocomplete"] == "new-password"
