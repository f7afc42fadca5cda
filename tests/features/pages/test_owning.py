"""What somebody may do with an account as a whole: take its data along, choose its language, delete it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from sekisho.rules.revocation import Entry
from tests.features.pages.visitor import Seen, Visitor
from tests.web.browser import Browser
from tests.web.served import EMAIL, PASSWORD, bearer

if TYPE_CHECKING:
    from typing import Any

    from tests.web.served import Served


@pytest.fixture
async def owner(visitor: Visitor) -> Visitor:
    """Somebody who has logged in."""
    await visitor.log_in()
    return visitor


async def data_of(owner: Visitor) -> tuple[dict[str, Any], str]:
    """The file, read and as it came."""
    answer = await owner.ask("GET", "/account/data")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found, answer.text


async def test_somebody_takes_along_what_is_kept_of_them(owner: Visitor) -> None:
    """Account, rights, sessions of every mode and one's events: a file with the day in its name."""
    served = owner.served
    account = await served.house.store.find_account(email=EMAIL)
    assert account is not None
    await Browser(served).login("browser")
    await Visitor(served).fill("/login", email=EMAIL, password="wrong")
    answer = await owner.ask("GET", "/account/data")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="sekisho-account-2026-11-18.json"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    found = answer.json()
    assert (found["account"]["id"], found["account"]["email"]) == (account.id, EMAIL)
    assert found["issuer"] == served.house.settings.issuer
    assert sorted(each["mode"] for each in found["sessions"]) == ["browser", "session"]
    assert [each["current"] for each in found["sessions"]].count(True) == 1
    kinds = sorted(each["kind"] for each in found["security_events"])
    assert kinds == ["account_created", "login_failed", "login_succeeded", "login_succeeded"]
    assert {each["ip"] for each in found["security_events"]} == {"127.0.0.1"}


@pytest.mark.requirement("H4", "H7")
async def test_no_secret_and_nobody_else_is_in_the_file(owner: Visitor) -> None:
    """Neither hash nor digest nor cookie of one's own, and no word about another account."""
    served = owner.served
    await served.register("ken@example.com")
    ken = Visitor(served)
    await ken.log_in("ken@example.com")
    tokens = await served.login()
    found, text = await data_of(owner)
    credentials = await served.house.store.find_credentials(email=EMAIL)
    assert credentials is not None
    for secret in (credentials.password_hash, PASSWORD, tokens["refresh_token"], *owner.jar.values()):
        assert secret not in text
    assert not re.search(r"argon2|skr1_|sks1_|hash|digest|fam\b", text)
    assert "ken@example.com" not in text
    theirs, _ = await data_of(ken)
    ids = {each["id"] for each in found["sessions"]}
    assert not ids & {each["id"] for each in theirs["sessions"]}


async def test_the_file_is_for_who_is_signed_in(visitor: Visitor) -> None:
    """A stranger is led to the login; nothing of anybody is said."""
    for path in ("/account/data", "/account/delete"):
        answer = await visitor.ask("GET", path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/account")
        assert answer.text == ""


def languages_of(page: Seen) -> list[str]:
    """Which of the buttons of the account are pressed."""
    return [
        each["value"]
        for tag, each in page.tags
        if tag == "button" and each.get("name") == "locale" and each["aria-pressed"] == "true"
    ]


async def test_a_language_is_chosen_for_the_account(owner: Visitor) -> None:
    """It is kept with the account, shown at once here and in `/v1/me` of other sessions; and recorded."""
    served = owner.served
    tokens = await served.login()
    phone = Visitor(served)
    await phone.log_in()
    assert languages_of(await phone.see("/account")) == []
    answer = await owner.fill("/account", "/account/language", locale="ja")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?done=language")
    page = await owner.see(answer.headers["location"])
    assert page.of("html")["lang"] == "ja"
    assert "言語を変更しました。" in page.words
    assert languages_of(page) == ["ja"]
    me = await served.client.get("/v1/me", headers=bearer(tokens))
    assert me.json()["locale"] == "ja"
    # A cookie whose look-up was remembered knows it too.
    assert languages_of(await phone.see("/account")) == ["ja"]
    (event,) = await served.house.store.list_events(kind="locale_changed")
    assert event.about == {"locale": "ja"}
    await owner.fill("/account", "/account/language", locale="ja")
    assert len(await served.house.store.list_events(kind="locale_changed")) == 1


async def test_a_language_that_nobody_speaks_here_is_refused(owner: Visitor) -> None:
    """422 beside the buttons, and the account stays as it was."""
    for sent in ({"locale": "tlh"}, {"locale": ""}, {}):
        page = Seen(await owner.fill("/account", "/account/language", **sent))
        assert page.status == 422
        assert "Something is not right yet" in page.words
    assert (await data_of(owner))[0]["account"]["locale"] == "und"


@pytest.mark.requirement("SE5", "SE6")
async def test_an_account_is_deleted_by_its_owner(owner: Visitor) -> None:
    """Password once more; then account, sessions and tokens are gone, published and on record."""
    served = owner.served
    tokens = await served.login()
    phone = Visitor(served)
    await phone.log_in()
    copy = Visitor(served, jar=dict(owner.jar))
    before = (await served.house.store.rights_of(tokens["user"]["id"])).rv
    page = await owner.see("/account/delete")
    assert f"The account {EMAIL}, its rights and every session" in page.words
    answer = await owner.send(page, "/account/delete", password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/logout?done=deleted")
    assert answer.headers["clear-site-data"] == '"cache"'
    assert "sekisho" not in owner.jar
    assert answer.headers["clear-site-data"] == '"cache"'
    assert "Your account was deleted" in (await owner.see("/logout?done=deleted")).words
    for gone in (phone, copy):
        assert not await gone.signed_in()
    refused = await served.client.post("/v1/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert refused.json()["code"] == "refresh_unknown"
    assert (await served.client.get("/v1/me", headers=bearer(tokens))).status_code == 401
    assert (await owner.fill("/login", email=EMAIL, password=PASSWORD)).status_code == 401
    (event,) = await served.house.store.list_events(kind="account_deleted")
    assert (event.about, event.ip) == ({"by": "owner"}, "127.0.0.1")
    published = await served.house.store.revoked_since(
        [Entry("user", event.user_id or "", "revoked")], before
    )
    assert published
    await served.register()  # the address is free again


@pytest.mark.requirement("SE7", "X17")
async def test_a_wrong_password_deletes_nothing(owner: Visitor) -> None:
    """401 in the form, counted: the eleventh guess waits, also for the right one."""
    page = Seen(await owner.fill("/account/delete", password="not it at all"))
    assert page.status == 401
    assert "The password is not right" in page.words
    assert page.of("input", id="password")["aria-invalid"] == "true"
    assert "not it at all" not in page.answer.text
    assert await owner.signed_in()
    for _ in range(9):
        await owner.fill("/account/delete", password="wrong")
    page = Seen(await owner.fill("/account/delete", password=PASSWORD))
    assert (page.status, "retry-after" in page.answer.headers) == (429, True)
    assert await owner.signed_in()


async def test_deleting_is_never_a_link(owner: Visitor) -> None:
    """A GET asks; without the token of this session, or without a password, nothing is done."""
    page = await owner.see("/account/delete")
    answer = await owner.ask("POST", "/account/delete", {"password": PASSWORD})
    assert answer.status_code == 403
    answer = await owner.send(page, "/account/delete")
    assert (answer.status_code, "Password is" in Seen(answer).words) == (401, False)
    token = page.forms["/account/delete"]["csrf_token"]
    assert (await owner.ask("POST", "/account/delete", {"csrf_token": token})).status_code == 422
    assert await owner.signed_in()


async def test_the_account_page_leads_there(owner: Visitor) -> None:
    """Two links in a section of their own."""
    page = await owner.see("/account")
    assert page.of("a", href="/account/data")["class"] == "button"
    assert page.of("a", href="/account/delete")
    assert "Your data" in page.words


async def test_what_a_link_says_is_not_shown_as_done(served: Served) -> None:
    """Another site cannot tell somebody that an account was deleted."""
    stranger = Visitor(served)
    page = await stranger.see("/logout?done=deleted", **{"Sec-Fetch-Site": "cross-site"})
    assert "deleted" not in page.words
