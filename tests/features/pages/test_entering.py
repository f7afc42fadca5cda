"""Logging in and signing up on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from sekisho.features.pages.printing import PAGES
from sekisho.rules.events import Event
from sekisho.rules.ids import uuid7
from sekisho.words.catalogue import words
from tests.features.pages.conftest import with_pages
from tests.features.pages.visitor import Seen, Visitor
from tests.web.browser import cookies_of
from tests.web.served import EMAIL, OTHER_PASSWORD, PASSWORD

if TYPE_CHECKING:
    from tests.web.served import Served, Server


async def test_the_first_page_view_brings_the_cookie_of_the_token(visitor: Visitor) -> None:
    """Once; a second view has another token for the same cookie."""
    first = await visitor.see("/login")
    assert cookies_of(first.answer).keys() == {"sekisho-csrf"}
    second = await visitor.see("/login")
    assert "set-cookie" not in second.answer.headers
    tokens = {page.forms["/login"]["csrf_token"] for page in (first, second)}
    assert len(tokens) == 2
    assert all(token.startswith("skc1_") for token in tokens)


@pytest.mark.requirement("A10", "F5", "SE1")
async def test_somebody_logs_in_and_sees_the_account(visitor: Visitor) -> None:
    """303 to the account, the session in a cookie and nowhere else, the cookie of before the login gone."""
    answer = await visitor.fill("/login", email=EMAIL, password=PASSWORD)
    assert (answer.status_code, answer.headers["location"], answer.content) == (303, "/account", b"")
    assert visitor.jar.keys() == {"sekisho", "sekisho-device"}
    page = await visitor.see("/account")
    assert page.status == 200
    assert EMAIL in page.words
    assert visitor.jar["sekisho"] not in page.answer.text


@pytest.mark.requirement("W6")
@pytest.mark.parametrize("who", ["wrong", "unknown", "disabled"])
async def test_what_is_not_right_is_shown_in_the_form(visitor: Visitor, who: str) -> None:
    """401 with one sentence for wrong, unknown and disabled; the address stays, the password does not."""
    if who == "disabled":
        await disable(visitor.served, EMAIL)
    email = "nobody@example.com" if who == "unknown" else EMAIL
    password = OTHER_PASSWORD if who == "wrong" else PASSWORD
    page = Seen(await visitor.fill("/login", email=email, password=password))
    assert (page.status, page.answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "E-mail address or password is not right" in page.words
    assert page.forms["/login"]["email"] == email
    assert password not in page.answer.text
    for name in ("email", "password"):
        told = page.of("input", id=name)
        assert (told["aria-invalid"], told["aria-describedby"]) == ("true", "summary")
    assert page.of("div", id="summary")["role"] == "alert"
    assert "sekisho" not in visitor.jar
    if who == "wrong":
        answer = await visitor.send(page, "/login", email=email, password=PASSWORD)
        assert answer.headers["location"] == "/account"


async def disable(served: Served, email: str) -> None:
    """As an operator does."""
    found = await served.house.store.find_credentials(email=email)
    assert found is not None
    now = served.clock()
    event = Event("account_disabled", now, uuid7(now, bytes(10)), user_id=found.account.id)
    await served.house.store.set_status(found.account.id, "disabled", now=now, event=event)


@pytest.mark.requirement("W5")
async def test_the_throttle_says_how_long_to_wait(visitor: Visitor) -> None:
    """429 with Retry-After, and the seconds in the sentence that a person reads."""
    page = await visitor.see("/login")
    for _ in range(200):
        page = Seen(await visitor.send(page, "/login", email=EMAIL, password="wrong"))
        if page.status == 429:
            break
    assert page.status == 429
    assert f"Wait {page.answer.headers['retry-after']} second" in page.words
    assert words(PAGES, "en")("login.known_device") in page.words
    assert page.forms["/login"]["email"] == EMAIL


@pytest.mark.requirement("SE1", "X05")
async def test_a_planted_session_is_never_adopted(visitor: Visitor) -> None:
    """Fixation: a login brings another id and secret, and ends the session that the browser was given."""
    await visitor.log_in()
    planted = Visitor(visitor.served, jar=dict(visitor.jar))
    await visitor.served.register("ken@example.com")
    form = {"email": "ken@example.com", "password": PASSWORD}
    token = (await planted.see("/account")).forms["/logout"]["csrf_token"]
    answer = await planted.ask("POST", "/login", {**form, "csrf_token": token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert planted.jar["sekisho"] != visitor.jar["sekisho"]
    assert "ken@example.com" in (await planted.see("/account")).words
    assert not await visitor.signed_in()


async def test_who_is_signed_in_is_not_asked_again(visitor: Visitor) -> None:
    """`/`, the login and the sign-up lead to the account; without a session `/` leads to the login."""
    assert (await visitor.ask("GET", "/")).headers["location"] == "/login"
    await visitor.log_in()
    for path in ("/", "/login", "/signup"):
        answer = await visitor.ask("GET", path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account"), path
    answer = await visitor.ask("GET", "/login?next=%2Fdocs%3Fa%3Db")
    assert answer.headers["location"] == "/docs?a=b"


@pytest.mark.requirement("A14", "X21", "X22")
@pytest.mark.parametrize("page", ["/login", "/signup"])
async def test_a_login_goes_on_where_it_was_asked_for(visitor: Visitor, page: str) -> None:
    """The path is kept through a mistake, from one page to the other, and is where the login ends."""
    target = "/docs/page?a=b&c=d#e"
    seen = await visitor.see(f"{page}?next=%2Fdocs%2Fpage%3Fa%3Db%26c%3Dd%23e")
    seen = Seen(await visitor.send(seen, page, email="new@example.com", password="short"))
    assert seen.forms[page]["next"] == target
    assert "next=%2Fdocs%2Fpage%3Fa%3Db%26c%3Dd%23e" in seen.answer.text
    email = EMAIL if page == "/login" else "new@example.com"
    answer = await visitor.send(seen, page, email=email, password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, target)


@pytest.mark.requirement("A14", "X22", "X23")
@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        " //evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "account",
        "",
        "/" + "a" * 3000,
        "/\u3042",
        "/%0d%0aSet-Cookie:x=y\r\nX: y",
    ],
)
async def test_a_login_never_leads_elsewhere(visitor: Visitor, target: str) -> None:
    """Whatever is no path of this origin counts for nothing, in the address and in the form."""
    page = await visitor.ask("GET", f"/login?next={quote(target, safe='')}")
    assert "evil" not in page.text
    form = {**Seen(page).forms["/login"], "email": EMAIL, "password": PASSWORD, "next": target}
    answer = await visitor.ask("POST", "/login", form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    answer = await visitor.ask("GET", f"/login?next={quote(target, safe='')}")
    assert answer.headers["location"] == "/account"


@pytest.mark.requirement("A14", "X04")
@pytest.mark.parametrize(
    "target",
    [
        "/account?done=password",
        "/./account?x=y&done=others#e",
        "/%61ccount?d%6Fne=signup",
        "/login?next=%2Faccount%3Fdone%3Dpassword",
        "/welcome?done=password",
        "/%77elcome?done=setup",
    ],
)
async def test_a_link_does_not_make_us_say_what_was_not_done(visitor: Visitor, target: str) -> None:
    """From a login our own form leads on: what is told there, to whomever, is not for a link to ask for."""
    await visitor.served.appoint("ken@example.com")
    seen = await visitor.see(f"/login?next={quote(target, safe='')}")
    answer = await visitor.send(seen, "/login", email="ken@example.com", password=PASSWORD)
    while answer.status_code == 303:
        answer = await visitor.ask("GET", answer.headers["location"].replace("/./", "/").partition("#")[0])
    told = {each["class"] for _, each in Seen(answer).tags if "class" in each}
    assert ("ken@example.com" in answer.text, "notice" in told) == (True, False)


async def test_an_application_may_be_told_what_was_done(visitor: Visitor) -> None:
    """`done` is a word of ours on our own page alone."""
    seen = await visitor.see("/login?next=%2Ftasks%3Fdone%3D1")
    answer = await visitor.send(seen, "/login", email=EMAIL, password=PASSWORD)
    assert answer.headers["location"] == "/tasks?done=1"


async def test_somebody_signs_up(visitor: Visitor) -> None:
    """An account in the language of the page, logged in at once, and the page says so, once."""
    page = await visitor.see("/signup", **{"Accept-Language": "ja"})
    form = {**page.forms["/signup"], "email": "ken@example.com", "password": PASSWORD}
    answer = await visitor.ask("POST", "/signup", form, **{"Accept-Language": "ja"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?done=signup")
    assert visitor.jar.keys() == {"sekisho", "sekisho-device"}
    page = await visitor.see(answer.headers["location"])
    assert "アカウントを作り、ログインしました。" in page.words
    found = await visitor.served.house.store.find_credentials(email="ken@example.com")
    assert found is not None
    assert found.account.locale == "ja"


async def test_every_fault_of_a_sign_up_is_shown_beside_its_field(visitor: Visitor) -> None:
    """422: linked from the summary, tied to the fields by aria-describedby; what was typed is kept."""
    page = Seen(await visitor.fill("/signup", email="not an address", password="short"))
    assert page.status == 422
    assert page.forms["/signup"]["email"] == "not an address"
    assert page.forms["/signup"]["password"] == ""
    for name, described in (("email", "email-fault"), ("password", "password-fault password-hint")):
        told = page.of("input", id=name)
        assert (told["aria-invalid"], told["aria-describedby"]) == ("true", described)
        assert page.of("a", href=f"#{name}")
        assert page.of("p", id=f"{name}-fault")
    assert "Password must have at least 8 characters." in page.words
    assert "short" not in page.answer.text


async def test_an_address_that_is_taken_is_said_in_the_form(visitor: Visitor) -> None:
    """409, and the way to the login is on the page."""
    page = Seen(await visitor.fill("/signup", email=EMAIL, password=OTHER_PASSWORD))
    assert page.status == 409
    assert "There is an account with this e-mail address" in page.words
    assert page.of("a", href="/login")
    assert "sekisho" not in visitor.jar


@pytest.mark.parametrize("policy", ["invite", "closed"])
async def test_where_nobody_may_sign_up_there_is_no_way_to_it(server: Server, policy: str) -> None:
    """No link, 403 for the page and for its form, and no account."""
    async with server(features=with_pages, signup=policy) as served:
        visitor = Visitor(served)
        login = await visitor.see("/login")
        assert "/signup" not in login.answer.text
        page = await visitor.see("/signup")
        assert page.status == 403
        assert "Accounts cannot be made here by oneself" in page.words
        token = login.forms["/login"]["csrf_token"]
        form = {"csrf_token": token, "email": EMAIL, "password": PASSWORD}
        assert (await visitor.ask("POST", "/signup", form)).status_code == 403
        assert await served.house.store.find_credentials(email=EMAIL) is None


async def test_a_server_without_sessions_has_no_pages(server: Server) -> None:
    """`SEKISHO_REFRESH_STORE=none`: nothing that a cookie could name, so nothing to log in to."""
    async with server(features=with_pages, refresh_store="none") as served:
        answer = await Visitor(served).ask("GET", "/login")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
