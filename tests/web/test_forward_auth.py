"""`GET /v1/forward-auth`: who sent the request that a reverse proxy asks about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sekisho.rules.events import Event
from sekisho.rules.ids import uuid7
from tests.web.browser import Browser, code_of
from tests.web.served import EMAIL, bearer

if TYPE_CHECKING:
    from tests.web.served import Served, Server

PATH = "/v1/forward-auth"
SAME = {"Sec-Fetch-Site": "same-origin"}
FOREIGN = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}


async def signed_in(served: Served) -> tuple[Browser, str]:
    """Somebody with two roles, and their id."""
    user_id = (await served.register())["id"]
    for number, role in enumerate(("editor", "admin")):
        event = Event("role_granted", served.clock(), uuid7(served.clock(), bytes([number] * 10)))
        await served.house.store.grant_role(user_id, role, now=served.clock(), event=event)
    browser = Browser(served, page={})
    await browser.login()
    return browser, user_id


async def test_a_proxy_is_told_who_it_is(served: Served) -> None:
    """204, three headers, no body: for a cookie and for an access token alike; never to be stored."""
    browser, user_id = await signed_in(served)
    tokens = await served.login()
    session_id = (await browser.get("/v1/me")).json()["session_id"]
    by_cookie = await browser.get(PATH, **{"X-Forwarded-Method": "GET"})
    by_token = await served.client.get(PATH, headers=bearer(tokens))
    for answer, session in ((by_cookie, session_id), (by_token, tokens["session_id"])):
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["x-sekisho-user"] == user_id
        assert answer.headers["x-sekisho-roles"] == "admin,editor"
        assert answer.headers["x-sekisho-session"] == session
        assert answer.headers["cache-control"] == "no-store"
        assert EMAIL not in str(answer.headers)


async def test_somebody_without_roles_has_an_empty_list(served: Served) -> None:
    """The header is there, so that the proxy overwrites what a client sent under its name."""
    await served.register()
    answer = await served.client.get(PATH, headers=bearer(await served.login()))
    assert answer.headers["x-sekisho-roles"] == ""


@pytest.mark.requirement("X11")
async def test_nobody_is_nobody(served: Served) -> None:
    """401 without a credential, with one of no worth, with one that has ended; and none of the headers."""
    browser, _ = await signed_in(served)
    tokens = await served.login()
    jar = dict(browser.jar)
    await browser.post("/v1/logout")
    await served.client.post("/v1/logout", headers=bearer(tokens))
    ended = await Browser(served, page={}, jar=jar).get(PATH, **{"X-Forwarded-Method": "GET"})
    answers = {
        "token_missing": await served.client.get(PATH),
        "session_unknown": await Browser(served, page={}, jar={"sekisho": "x"}).get(PATH),
        "token_malformed": await served.client.get(PATH, headers={"Authorization": "Bearer x"}),
        "session_revoked": await served.client.get(PATH, headers=bearer(tokens)),
    }
    assert code_of(ended) == (401, "session_revoked")
    for code, answer in answers.items():
        assert code_of(answer) == (401, code)
        assert not any(name.startswith("x-sekisho") for name in answer.headers)


async def test_a_refresh_cookie_says_nothing_here(served: Served) -> None:
    """It is for refreshing."""
    await served.register()
    browser = Browser(served)
    await browser.login("browser")
    assert code_of(await browser.get(PATH)) == (401, "token_missing")


@pytest.mark.requirement("F1")
@pytest.mark.parametrize("name", ["X-Forwarded-Method", "X-Original-Method"])
@pytest.mark.parametrize(
    ("method", "safe"),
    [("GET", True), ("HEAD", True), ("OPTIONS", True), ("get", True)]
    + [(method, False) for method in ("POST", "PUT", "PATCH", "DELETE", "PURGE", "", "GET, POST")],
)
async def test_an_unsafe_request_is_let_through_for_our_own_pages(
    served: Served, name: str, method: str, *, safe: bool
) -> None:
    """What the application behind the proxy would do by a cookie, a page of somebody else must not borrow."""
    browser, _ = await signed_in(served)
    foreign = await browser.get(PATH, **{name: method, **FOREIGN})
    assert code_of(foreign) == ((204, "") if safe else (403, "origin_not_allowed"))
    assert code_of(await browser.get(PATH, **{name: method, **SAME})) == (204, "")
    assert code_of(await browser.get(PATH, **{name: method})) == ((204, "") if safe else (403, "csrf_failed"))
    proven = {name: method, "Sekisho-CSRF": browser.csrf_token}
    assert code_of(await browser.get(PATH, **proven)) == (204, "")


@pytest.mark.requirement("F1")
@pytest.mark.parametrize(
    "said", [{}, {"X-Forwarded-Method": "GET", "X-Original-Method": "POST"}, {"X-HTTP-Method": "GET"}]
)
async def test_a_proxy_that_does_not_say_the_method_may_pass_on_anything(
    served: Served, said: dict[str, str]
) -> None:
    """None, or two that differ because a client sent one of them: held to be unsafe."""
    browser, _ = await signed_in(served)
    assert code_of(await browser.get(PATH, **said, **FOREIGN)) == (403, "origin_not_allowed")
    assert code_of(await browser.get(PATH, **said)) == (403, "csrf_failed")
    assert code_of(await browser.get(PATH, **said, **SAME)) == (204, "")


@pytest.mark.requirement("F1")
async def test_a_websocket_is_no_safe_request(served: Served) -> None:
    """Its handshake is a GET that any page may send without asking (cross-site WebSocket hijacking)."""
    browser, _ = await signed_in(served)
    shake = {"X-Forwarded-Method": "GET", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    assert code_of(await browser.get(PATH, **shake, **FOREIGN)) == (403, "origin_not_allowed")
    assert code_of(await browser.get(PATH, **shake, **SAME)) == (204, "")


@pytest.mark.requirement("F1")
async def test_a_token_needs_no_page(served: Served) -> None:
    """A program put it there, whatever the method and wherever the page."""
    await served.register()
    headers = {**bearer(await served.login()), "X-Forwarded-Method": "DELETE", **FOREIGN}
    assert code_of(await served.client.get(PATH, headers=headers)) == (204, "")


async def test_a_listed_page_may_change_something_behind_the_proxy(server: Server) -> None:
    """The one list governs here too."""
    async with server(allowed_origins="https://app.example.com") as served:
        browser, _ = await signed_in(served)
        listed = {"Origin": "https://app.example.com", "Sec-Fetch-Site": "same-site"}
        answer = await browser.get(PATH, **{"X-Forwarded-Method": "POST"}, **listed)
        assert code_of(answer) == (204, "")


async def test_asking_counts_as_use(served: Served) -> None:
    """A visitor of the application behind the proxy is not signed out of idleness."""
    browser, _ = await signed_in(served)
    served.house.usage.take()
    served.clock.now += 100
    await browser.get(PATH, **{"X-Forwarded-Method": "GET"})
    used, since = served.house.usage.take()
    assert (len(used), since) == (1, served.clock())
