"""One way of carrying a session for another: what it takes, and what is dead afterwards."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.browser import Browser, code_of, cookies_of
from tests.web.served import EMAIL, OTHER_PASSWORD, PASSWORD, bearer

if TYPE_CHECKING:
    import httpx2

    from tests.web.served import Served, Server

MODES = ("token", "browser", "session")
COOKIE = {"session": "sekisho", "browser": "sekisho-refresh"}


class Somebody:
    """A person signed in in one mode, and what they hold."""

    def __init__(self, served: Served, mode: str) -> None:
        self.served = served
        self.mode = mode
        self.browser = Browser(served)
        self.tokens: dict[str, Any] = {}

    async def sign_in(self) -> Somebody:
        """Log in."""
        if self.mode == "token":
            self.tokens = await self.served.login()
        else:
            self.tokens = await self.browser.login(self.mode)
        return self

    async def exchange(self, mode: str, password: str | None = None) -> httpx2.Response:
        """Ask for another mode by what carries the session now."""
        body = {"mode": mode} if password is None else {"mode": mode, "password": password}
        if self.mode == "token":
            return await self.browser.send("POST", "/v1/sessions/exchange", body, headers=bearer(self.tokens))
        return await self.browser.post("/v1/sessions/exchange", body)

    async def proofs(self, jar: dict[str, str]) -> list[tuple[int, str]]:
        """What each credential of the time before is answered, those of `jar` as cookies."""
        found = []
        if self.mode != "session":
            answer = await self.served.client.get("/v1/me", headers=bearer(self.tokens))
            found.append(code_of(answer))
        if self.mode == "token":
            body = {"refresh_token": self.tokens["refresh_token"]}
            found.append(code_of(await self.served.client.post("/v1/refresh", json=body)))
        if self.mode == "browser":
            found.append(code_of(await Browser(self.served, jar=dict(jar)).refresh()))
        if self.mode == "session":
            found.append(await Browser(self.served, jar=dict(jar)).me())
        return found


@pytest.mark.requirement("SE1", "C6")
@pytest.mark.parametrize(("before", "after"), list(product(MODES, MODES)))
async def test_with_the_password_every_mode_is_traded_for_every_mode(
    served: Served, before: str, after: str
) -> None:
    """The same session; what carried it is dead, access tokens of before included; the new one is alive."""
    await served.register()
    person = await Somebody(served, before).sign_in()
    jar = dict(person.browser.jar)
    answer = await person.exchange(after, PASSWORD)
    body = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert body["session_id"] == person.tokens["session_id"]
    assert ("refresh_token" in body) is (after == "token")
    assert ("access_token" in body) is (after != "session")
    wanted = {COOKIE[after]} if after in COOKIE else set()
    assert person.browser.jar.keys() - {"sekisho-device"} == wanted
    assert {code for _, code in await person.proofs(jar)} <= {
        "session_revoked",
        "session_unknown",
        "refresh_unknown",
    }
    if after == "session":
        assert await person.browser.me() == (200, "")
    else:
        assert (await served.client.get("/v1/me", headers=bearer(body))).status_code == 200
    if after == "browser":
        assert (await person.browser.refresh()).status_code == 200
    if after == "token":
        again = await served.client.post("/v1/refresh", json={"refresh_token": body["refresh_token"]})
        assert again.status_code == 200


@pytest.mark.requirement("R12")
@pytest.mark.parametrize(("before", "after"), list(product(MODES, MODES)))
async def test_without_the_password_a_cookie_is_traded_for_a_cookie_alone(
    served: Served, before: str, after: str
) -> None:
    """No script gets a readable credential out of an HttpOnly one, and no access token becomes a cookie."""
    await served.register()
    person = await Somebody(served, before).sign_in()
    jar = dict(person.browser.jar)
    answer = await person.exchange(after)
    if before != "token" and after != "token":
        assert answer.status_code == 200
        assert "refresh_token" not in answer.json()
        assert {code for _, code in await person.proofs(jar)} <= {
            "session_revoked",
            "session_unknown",
            "refresh_unknown",
        }
        return
    assert code_of(answer) == (422, "validation_failed")
    assert answer.json()["errors"] == [
        {**answer.json()["errors"][0], "pointer": "/password", "code": "field_missing"}
    ]
    assert "set-cookie" not in answer.headers
    assert {status for status, _ in await person.proofs(jar)} == {200}


@pytest.mark.requirement("R12")
async def test_an_access_token_in_mode_browser_needs_the_password_too(served: Served) -> None:
    """Though the cookie is there: the header counts, and what a script sends a script may have read."""
    await served.register()
    person = await Somebody(served, "browser").sign_in()
    headers = {"Sekisho-CSRF": person.browser.csrf_token, **bearer(person.tokens)}
    for mode in MODES:
        answer = await person.browser.send("POST", "/v1/sessions/exchange", {"mode": mode}, headers=headers)
        assert code_of(answer) == (422, "validation_failed")
        assert "set-cookie" not in answer.headers


@pytest.mark.requirement("W5", "X17")
async def test_a_wrong_password_is_counted_and_limited(served: Served) -> None:
    """No machine for guessing; refused attempts change nothing, and are on record."""
    await served.register()
    person = await Somebody(served, "session").sign_in()
    for _ in range(10):
        assert code_of(await person.exchange("token", "wrong")) == (401, "invalid_credentials")
    answer = await person.exchange("token", PASSWORD)
    assert code_of(answer) == (429, "rate_limited")
    assert await person.browser.me() == (200, "")
    events = await served.house.store.list_events(limit=100)
    assert Counter(event.kind for event in events)["reauthentication_failed"] == 10
    served.clock.now += int(answer.headers["retry-after"])
    assert (await person.exchange("token", PASSWORD)).status_code == 200


async def test_the_right_password_is_no_attempt(served: Served) -> None:
    """However often one changes the mode."""
    await served.register()
    person = await Somebody(served, "session").sign_in()
    for _ in range(25):
        assert (await person.exchange("session", PASSWORD)).status_code == 200
        await person.browser.open_page()


async def test_two_at_once_leave_one_credential(served: Served) -> None:
    """One wins; the other has presented a cookie that was replaced, and the jar keeps the winner's."""
    await served.register()
    person = await Somebody(served, "session").sign_in()
    pages = [
        Browser(served, jar=dict(person.browser.jar), csrf_token=person.browser.csrf_token) for _ in range(2)
    ]
    answers = await asyncio.gather(
        *(page.post("/v1/sessions/exchange", {"mode": "session"}) for page in pages)
    )
    assert sorted(code_of(answer) for answer in answers) == [(200, ""), (401, "session_unknown")]
    assert sorted([await page.me() for page in pages]) == [(200, ""), (401, "session_unknown")]
    assert all("set-cookie" not in answer.headers for answer in answers if answer.status_code == 401)


@pytest.mark.requirement("SE1")
async def test_an_access_token_of_before_can_do_nothing_more(served: Served) -> None:
    """Not look, not log others out, not change the password, not be exchanged; it may log out of its own."""
    await served.register()
    person, other = await Somebody(served, "browser").sign_in(), await Somebody(served, "token").sign_in()
    assert (await person.exchange("session")).status_code == 200
    old = bearer(person.tokens)
    for method, path, body in (
        ("GET", "/v1/me", None),
        ("GET", "/v1/sessions", None),
        ("GET", "/v1/forward-auth", None),
        ("DELETE", f"/v1/sessions/{other.tokens['session_id']}", None),
        ("POST", "/v1/logout", {"scope": "others"}),
        ("POST", "/v1/logout", {"scope": "all"}),
        ("POST", "/v1/password", {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}),
        ("POST", "/v1/sessions/exchange", {"mode": "token", "password": PASSWORD}),
    ):
        answer = await served.client.request(method, path, json=body, headers=old)
        assert code_of(answer) == (401, "session_revoked"), path
    assert (await served.client.get("/v1/me", headers=bearer(other.tokens))).status_code == 200
    assert await person.browser.me() == (200, "")


async def test_an_exchange_moves_no_end(served: Served) -> None:
    """On the last day there is a day left, however often it is exchanged."""
    await served.register()
    person = await Somebody(served, "browser").sign_in()
    for _ in range(29):
        served.clock.now += 86_400
        assert (await person.browser.refresh()).status_code == 200
    answer = await person.exchange("session")
    assert answer.json()["expires_in"] == 86_400
    assert "Max-Age" in answer.headers["set-cookie"]
    served.clock.now += 86_400
    assert await person.browser.me() == (401, "session_expired")


async def test_a_cookie_that_comes_by_a_token_ends_the_session_that_was_there(served: Served) -> None:
    """As a login does: one browser, one session."""
    await served.register()
    person, tokens = await Somebody(served, "session").sign_in(), await served.login()
    old = Browser(served, jar=dict(person.browser.jar))
    body = {"mode": "session", "password": PASSWORD}
    answer = await person.browser.send("POST", "/v1/sessions/exchange", body, headers=bearer(tokens))
    assert answer.status_code == 200
    assert await old.me() == (401, "session_revoked")
    assert (await person.browser.get("/v1/me")).json()["session_id"] == tokens["session_id"]


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        ({}, (401, "token_missing")),
        ({"Cookie": "sekisho=x"}, (401, "session_unknown")),
        ({"Cookie": "sekisho-refresh=x"}, (401, "refresh_unknown")),
        ({"Authorization": "Bearer x"}, (401, "token_malformed")),
    ],
)
async def test_nobody_exchanges_nothing(
    served: Served, credential: dict[str, str], expected: tuple[int, str]
) -> None:
    """Without a credential, or with one of no worth."""
    body = {"mode": "session", "password": PASSWORD}
    answer = await served.client.post("/v1/sessions/exchange", json=body, headers=credential)
    assert code_of(answer) == expected
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", [{}, {"mode": "cookie"}, {"mode": None}, {"mode": "session", "password": 1}])
async def test_an_exchange_is_read_strictly(served: Served, body: dict[str, object]) -> None:
    """Three modes, and a password that is text; the fault is named."""
    await served.register()
    person = await Somebody(served, "session").sign_in()
    answer = await person.browser.post("/v1/sessions/exchange", body)
    assert code_of(answer) == (422, "validation_failed")
    assert await person.browser.me() == (200, "")


@pytest.mark.parametrize("mode", ["token", "browser"])
async def test_without_stored_sessions_there_is_nothing_to_exchange(server: Server, mode: str) -> None:
    """409 `not_stored`, by token and by cookie; the credential stays."""
    async with server(refresh_store="none") as served:
        await served.register()
        person = await Somebody(served, mode).sign_in()
        answer = await person.exchange("browser", PASSWORD)
        assert (code_of(answer), cookies_of(answer)) == ((409, "not_stored"), {})
        assert (await served.client.get("/v1/me", headers=bearer(person.tokens))).status_code == 200
        body = {"email": EMAIL, "password": PASSWORD, "mode": "token"}
        assert (await served.client.post("/v1/login", json=body)).status_code == 200
