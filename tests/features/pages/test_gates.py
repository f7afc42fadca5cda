"""Who may send a form: our own pages, with the token of this browser's own cookie. All of F7, for pages."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from tests.features.pages.conftest import with_pages
from tests.features.pages.visitor import Seen, Visitor
from tests.web.cross_site import LISTED, ORIGINS, SITES, passes
from tests.web.served import EMAIL, OTHER_PASSWORD, PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.web.served import Served, Server

#: An origin whose name ends in ours.
BESIDE = "http://evil.localhost:8400"
TOKENS = ("none", "valid", "another browser's", "of before the login")

#: Forms for whoever is signed in, filled in such that being let through changes nothing that matters.
SIGNED_IN = {
    "/account/password": ({"current_password": PASSWORD, "new_password": "short"}, 422),
    "/account/sessions": ({"session": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"}, 404),
    "/account/language": ({"locale": "xx"}, 422),
    "/account/delete": ({"pass word": PASSWORD}, 422),
    "/preferences": ({"language": "xx"}, 422),
}
#: And for whoever is not.
STRANGER = {
    "/login": ({"email": EMAIL, "password": "wrong"}, {401, 429}),
    "/signup": ({"email": "x", "password": "short"}, {422, 429}),
    "/preferences": ({"language": "xx"}, {422}),
}


@pytest.fixture
async def listed(server: Server) -> AsyncIterator[Served]:
    """A server that knows one browser application on another origin."""
    async with server(features=with_pages, allowed_origins=LISTED) as running:
        await running.register()
        yield running


def sent_by(site: str | None, origin: str | None) -> dict[str, str]:
    """The headers that a browser adds by itself."""
    found = {"Sec-Fetch-Site": site, "Origin": origin}
    return {name: value for name, value in found.items() if value is not None}


async def token(visitor: Visitor, path: str = "/login") -> str:
    """The token of a page that this browser was shown."""
    return (await visitor.see(path)).forms["/preferences"]["csrf_token"]


@pytest.mark.requirement("F1", "F2", "F4", "F7")
@pytest.mark.parametrize("path", SIGNED_IN)
async def test_a_form_acts_for_our_own_pages_alone(listed: Served, path: str) -> None:
    """First the page it came from, then the token of this very session; both refusals are 403, and pages."""
    visitor, other = Visitor(listed), Visitor(listed)
    before = await token(visitor)
    await visitor.log_in()
    await other.log_in()
    tokens = {
        "none": {},
        "valid": {"csrf_token": await token(visitor, "/account")},
        "another browser's": {"csrf_token": await token(other, "/account")},
        "of before the login": {"csrf_token": before},
    }
    form, through = SIGNED_IN[path]
    visitor.headers = {}
    for site, origin, kind in product(SITES, (*ORIGINS, BESIDE), TOKENS):
        answer = await visitor.ask("POST", path, {**form, **tokens[kind]}, **sent_by(site, origin))
        assert "set-cookie" not in answer.headers
        if not passes(site, origin):
            assert (answer.status_code, "This web site may not do that" in Seen(answer).words) == (403, True)
        elif kind == "valid":
            assert answer.status_code == through, (site, origin)
        elif path == "/preferences":  # there is nothing to explain: it is the same page again
            assert (answer.status_code, answer.headers["location"]) == (303, "/account")
        else:
            words = Seen(answer).words
            assert (answer.status_code, "This page was open for too long" in words) == (403, True)


@pytest.mark.requirement("F5", "F7")
@pytest.mark.parametrize("path", STRANGER)
async def test_nobody_is_logged_in_by_a_page_of_somebody_else(listed: Served, path: str) -> None:
    """Login CSRF: before there is a session the token is bound to a cookie of its own."""
    visitor, other = Visitor(listed), Visitor(listed)
    tokens = {
        "none": {},
        "valid": {"csrf_token": await token(visitor)},
        "another browser's": {"csrf_token": await token(other)},
    }
    form, through = STRANGER[path]
    visitor.headers = {}
    for site, origin, kind in product(SITES, (*ORIGINS, BESIDE), tokens):
        answer = await visitor.ask("POST", path, {**form, **tokens[kind]}, **sent_by(site, origin))
        if passes(site, origin) and kind == "valid":
            assert answer.status_code in through, (site, origin)
        else:
            led_back = path == "/preferences" and passes(site, origin)
            assert answer.status_code == (303 if led_back else 403), (site, origin, kind)
        assert "set-cookie" not in answer.headers


@pytest.mark.requirement("F5", "X05")
async def test_a_cookie_of_before_the_login_that_was_planted_is_of_no_use_afterwards(
    visitor: Visitor,
) -> None:
    """Whoever could set that cookie knows a token for it; after the login that token is worth nothing."""
    planted = await token(visitor)
    await visitor.log_in()
    form = {"csrf_token": planted, "session": "others"}
    page = Seen(await visitor.ask("POST", "/account/sessions", form))
    assert (page.status, "Nothing was done." in page.words) == (403, True)


@pytest.mark.requirement("F4")
async def test_an_old_form_is_shown_again_fresh(visitor: Visitor) -> None:
    """No dead end: 403 with a form whose token is good, the address kept, the password not."""
    form = {"csrf_token": "skc1_old", "email": EMAIL, "password": PASSWORD, "next": "/docs"}
    page = Seen(await visitor.ask("POST", "/login", form))
    assert (page.status, page.forms["/login"]["email"]) == (403, EMAIL)
    assert PASSWORD not in page.answer.text
    answer = await visitor.send(page, "/login", password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/docs")
    form = {"csrf_token": "skc1_old", "current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    page = Seen(await visitor.ask("POST", "/account/password", form))
    assert page.status == 403
    answer = await visitor.send(
        page, "/account/password", current_password=PASSWORD, new_password=OTHER_PASSWORD
    )
    assert answer.headers["location"] == "/account?done=password"


@pytest.mark.requirement("F1", "X26")
@pytest.mark.parametrize("path", ["/login", "/account/password", "/logout", "/preferences"])
async def test_the_gate_is_before_the_form(visitor: Visitor, path: str) -> None:
    """A foreign page is refused before its body is read; whoever asks for JSON is told in JSON."""
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = await visitor.ask("POST", path, {"x": "y"}, Accept="*/*", **foreign)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")


@pytest.mark.requirement("F4")
async def test_a_logout_that_nobody_asked_for_does_not_happen(visitor: Visitor) -> None:
    """By a link, or by a form without the token."""
    await visitor.log_in()
    assert (await visitor.ask("GET", "/logout")).status_code == 200
    page = Seen(await visitor.ask("POST", "/logout", {"csrf_token": ""}))
    assert (page.status, "This page was open for too long" in page.words) == (403, True)
    assert await visitor.signed_in()


@pytest.mark.requirement("F4")
async def test_the_token_is_no_part_of_an_address(visitor: Visitor) -> None:
    """In the query it counts for nothing."""
    await visitor.log_in()
    good = await token(visitor, "/account")
    answer = await visitor.ask("POST", f"/account/sessions?csrf_token={good}", {"session": "others"})
    assert answer.status_code == 403


@pytest.mark.requirement("F6")
@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "multipart/form-data; boundary=x", "", "x-www-form-urlencoded"]
)
async def test_only_a_form_is_a_form(visitor: Visitor, kind: str) -> None:
    """415, as a page, for every other type."""
    answer = await visitor.ask("POST", "/login", {"email": EMAIL}, **{"Content-Type": kind})
    page = Seen(answer)
    assert (page.status, page.of("a", **{"class": "button first"})["href"]) == (415, "/")


@pytest.mark.requirement("SE2")
async def test_two_session_cookies_are_refused_on_a_page(visitor: Visitor) -> None:
    """400 as a page, and nothing that either of them could do."""
    await visitor.log_in()
    pair = f"sekisho={visitor.jar['sekisho']}"
    visitor.jar = {}
    for path in ("/account", "/login", "/logout"):
        answer = await visitor.ask("GET", path, Cookie=f"{pair}; {pair}")
        assert answer.status_code == 400, path
        assert "The request contradicts itself" in Seen(answer).words


async def test_a_field_that_no_form_has_is_refused(visitor: Visitor) -> None:
    """422; and how a session is carried is the page's to say: nobody gets a token from it."""
    answer = await visitor.fill("/login", email=EMAIL, password=PASSWORD, admin="true")
    assert (answer.status_code, "sekisho" in visitor.jar) == (422, False)
    answer = await visitor.fill("/login", email=EMAIL, password=PASSWORD, mode="token")
    assert (answer.status_code, answer.content) == (303, b"")
    assert visitor.jar.keys() == {"sekisho", "sekisho-device"}
