"""The account page: who I am, where I am signed in, another password, and the way out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.features.pages.test_entering import disable
from tests.features.pages.visitor import Seen, Visitor
from tests.web.browser import Browser
from tests.web.served import EMAIL, OTHER_PASSWORD, PASSWORD

if TYPE_CHECKING:
    from tests.web.served import Served

IDLE = 7 * 86_400
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
async def owner(visitor: Visitor) -> Visitor:
    """Somebody who has logged in."""
    await visitor.log_in()
    return visitor


async def phone_of(served: Served) -> Visitor:
    """The same person on another device, a minute later."""
    served.clock.now += 60
    phone = Visitor(served)
    phone.headers = {**phone.headers, "User-Agent": PHONE}
    await phone.log_in()
    return phone


def devices(page: Seen) -> list[str]:
    """The ids of the devices that can be signed out."""
    found = [each["value"] for tag, each in page.tags if tag == "button" and each.get("name") == "session"]
    return [value for value in found if value != "others"]


@pytest.mark.requirement("SE6")
async def test_the_device_list_shows_what_its_owner_recognises(owner: Visitor) -> None:
    """Program and system, when and from where, the newest first; this device is marked and has no button."""
    await phone_of(owner.served)
    owner.served.clock.now += 1
    await Browser(owner.served).login("browser")
    owner.served.clock.now += 7200
    page = await owner.see("/account")
    assert len(devices(page)) == 2
    at = "18 Nov 2026, 11:07 UTC"
    assert f"Safari on iPhone Last used 2 h ago ({at}) From 127.0.0.1 Logged in {at}" in page.words
    assert page.words.count("This device") == 1
    label = page.of("button", value=devices(page)[1])["aria-label"]
    assert label == "Log out Safari on iPhone, logged in 18 Nov 2026, 11:07 UTC"


@pytest.mark.requirement("SE6")
async def test_one_device_is_signed_out(owner: Visitor) -> None:
    """That one and no other; the page says so, and a second time that it had been."""
    phone, tablet = await phone_of(owner.served), await phone_of(owner.served)
    page = await owner.see("/account")
    answer = await owner.send(page, "/account/sessions", session=devices(page)[1])
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?done=session")
    assert not await phone.signed_in()
    assert await tablet.signed_in()
    assert "That device was logged out." in (await owner.see(answer.headers["location"])).words
    again = Seen(await owner.send(page, "/account/sessions", session=devices(page)[1]))
    assert again.status == 404
    assert "That device had already been logged out" in again.words
    assert len(devices(again)) == 1


@pytest.mark.requirement("SE6")
async def test_every_other_device_is_signed_out(owner: Visitor) -> None:
    """In every mode; this one stays."""
    phone = await phone_of(owner.served)
    program = await owner.served.login()
    page = await owner.see("/account")
    answer = await owner.send(page, "/account/sessions", session="others")
    assert answer.headers["location"] == "/account?done=others"
    assert not await phone.signed_in()
    refused = await owner.served.client.post("/v1/refresh", json={"refresh_token": program["refresh_token"]})
    assert refused.json()["code"] == "session_revoked"
    page = await owner.see("/account")
    assert devices(page) == []
    assert "Log out everywhere else" not in page.words


@pytest.mark.requirement("X24")
async def test_nobody_elses_device_is_signed_out(owner: Visitor) -> None:
    """404 for the id of another account's session, and it lives on; so for what is no id at all."""
    await owner.served.register("ken@example.com")
    ken = Visitor(owner.served)
    await ken.log_in("ken@example.com")
    phone = Visitor(owner.served)
    await phone.log_in("ken@example.com")
    (theirs,) = devices(await ken.see("/account"))
    page = await owner.see("/account")
    for session_id in (theirs, "x", ""):
        answer = await owner.ask("POST", "/account/sessions", {**token_of(page), "session": session_id})
        assert answer.status_code == 404, session_id
    assert await phone.signed_in()
    answer = await owner.ask("POST", "/account/sessions", token_of(page))
    assert answer.status_code == 422


def token_of(page: Seen) -> dict[str, str]:
    """The CSRF token of a page, as the field that carries it."""
    return {"csrf_token": page.forms["/preferences"]["csrf_token"]}


@pytest.mark.requirement("SE1", "SE6")
async def test_a_new_password_ends_every_other_session(owner: Visitor) -> None:
    """This device stays, by another cookie; the old cookie, the other device and the old password do not."""
    phone = await phone_of(owner.served)
    copy = Visitor(owner.served, jar=dict(owner.jar))
    page = await owner.see("/account")
    filled = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    answer = await owner.send(page, "/account/password", **filled)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?done=password")
    assert owner.jar["sekisho"] != copy.jar["sekisho"]
    page = await owner.see(answer.headers["location"])
    assert "Your password was changed. Every other device was logged out." in page.words
    assert not await phone.signed_in()
    assert not await copy.signed_in()
    assert (await phone.fill("/login", email=EMAIL, password=PASSWORD)).status_code == 401
    await phone.log_in(password=OTHER_PASSWORD)


async def test_a_password_that_is_not_right_changes_nothing(owner: Visitor) -> None:
    """401 beside the form, on the whole page; nothing that was typed comes back."""
    filled = {"current_password": "not it at all", "new_password": OTHER_PASSWORD}
    page = Seen(await owner.fill("/account", "/account/password", **filled))
    assert page.status == 401
    assert "The current password is not right" in page.words
    assert "Where you are logged in" in page.words
    assert page.of("input", id="current_password")["aria-describedby"] == "summary"
    assert "aria-invalid" not in page.of("input", id="new_password")
    assert not re.search("not it at all|fifty-three", page.answer.text)
    assert await owner.signed_in()


async def test_a_new_password_is_held_to_the_policy(owner: Visitor) -> None:
    """422, with the fault beside its field."""
    filled = {"current_password": PASSWORD, "new_password": "password1"}
    page = Seen(await owner.fill("/account", "/account/password", **filled))
    assert page.status == 422
    described = page.of("input", id="new_password")["aria-describedby"]
    assert described == "new_password-fault new_password-hint"
    assert "New password is a password that a guesser would try early; choose another." in page.words


async def test_password_managers_find_the_form(owner: Visitor) -> None:
    """By the well-known address; the form's own address leads to the page, and a reload to no dead end."""
    answer = await owner.ask("GET", "/.well-known/change-password")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/password")
    answer = await owner.ask("GET", "/account/password")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account#password")
    answer = await owner.ask("GET", "/account/sessions")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account#devices")
    page = await owner.see("/account")
    kinds = [each["autocomplete"] for tag, each in page.tags if tag == "input" and "autocomplete" in each]
    assert kinds == ["username", "current-password", "new-password"]
    login = await Visitor(owner.served).see("/login")
    kinds = [each["autocomplete"] for tag, each in login.tags if tag == "input" and "autocomplete" in each]
    assert kinds == ["username webauthn", "current-password"]


@pytest.mark.requirement("SE5")
async def test_logging_out_is_a_form(owner: Visitor) -> None:
    """A link only asks; the button ends the session and removes the cookie, and once more is no fault."""
    page = await owner.see("/logout")
    assert f"Log out of {EMAIL} on this device?" in page.words
    assert await owner.signed_in()
    copy = Visitor(owner.served, jar=dict(owner.jar))
    answer = await owner.send(page, "/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/logout")
    assert "sekisho" not in owner.jar
    assert not await copy.signed_in()
    page = await owner.see("/logout")
    assert "You are logged out" in page.words
    assert "15 minutes at most" in page.words
    answer = await owner.ask("POST", "/logout", token_of(page))
    assert (answer.status_code, answer.headers["location"]) == (303, "/logout")


@pytest.mark.requirement("SE4")
async def test_an_idle_session_leads_back_to_the_login(owner: Visitor) -> None:
    """Which says why, and afterwards leads to the account again."""
    page = await owner.see("/account")
    owner.served.clock.now += IDLE
    answer = await owner.ask("GET", "/account")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/login?next=/account&why=session_expired",
    )
    login = await owner.see(answer.headers["location"])
    assert "You were logged out because you had not been here for a while." in login.words
    filled = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    answer = await owner.send(page, "/account/password", **filled)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/login?next=/account&why=session_expired",
    )
    answer = await owner.send(login, "/login", email=EMAIL, password=PASSWORD)
    assert answer.headers["location"] == "/account"


@pytest.mark.requirement("SE6")
async def test_a_disabled_account_is_shown_nothing(owner: Visitor) -> None:
    """Its session is over at the next page, whatever form was open."""
    page = await owner.see("/account")
    await disable(owner.served, EMAIL)
    answer = await owner.ask("GET", "/account")
    assert answer.headers["location"] == "/login?next=/account&why=session_revoked"
    answer = await owner.send(page, "/account/sessions", session="others")
    assert answer.headers["location"] == "/login?next=/account&why=session_revoked"


async def test_who_never_logged_in_is_asked_to(visitor: Visitor) -> None:
    """And told nothing of a session that ended."""
    answer = await visitor.ask("GET", "/account")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/account")
    assert (await visitor.see(answer.headers["location"])).status == 200


async def test_the_page_knows_sessions_of_a_browser_application(served: Served) -> None:
    """Mode `browser`: its refresh cookie shows the account, and a new password brings another one."""
    window = Browser(served)
    await window.login("browser")
    visitor = Visitor(served, jar=dict(window.jar))
    answer = await visitor.fill(
        "/account", "/account/password", current_password=PASSWORD, new_password=OTHER_PASSWORD
    )
    assert answer.headers["location"] == "/account?done=password"
    assert visitor.jar["sekisho-refresh"] != window.jar["sekisho-refresh"]
    assert await visitor.signed_in()
    assert (await window.refresh()).status_code == 401


async def test_a_message_is_shown_only_where_a_page_of_ours_led(owner: Visitor) -> None:
    """A link of somebody else cannot tell of a password that was never changed, nor say its own words."""
    told = "Your password was changed."
    assert told in (await owner.see("/account?done=password")).words
    for site in ("cross-site", "same-site", "none"):
        page = await owner.see("/account?done=password", **{"Sec-Fetch-Site": site})
        assert told not in page.words, site
    page = await owner.see("/account?done=%3Cb%3Ehello")
    assert "hello" not in page.answer.text
