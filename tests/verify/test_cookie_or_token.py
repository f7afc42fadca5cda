"""A session cookie and an access token on one route, behind every guard and a real `sekisho serve`."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from sekisho_verify import SessionCookies, Verifier
from tests.parts.serving import Server, run, until
from tests.verify import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.verify.guarded import Ask

PASSWORD = "a checkpoint on the road to Edo"
FOREIGN = (("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example"))
SAME = (("Sec-Fetch-Site", "same-origin"),)


@dataclass(frozen=True, slots=True)
class Visit:
    """A login in mode `session`: its cookie, its CSRF token, and the browser that it was made in."""

    browser: httpx2.Client
    session_id: str
    csrf: str

    @property
    def text(self) -> str:
        """The value of the cookie."""
        value: str | None = self.browser.cookies.get("sekisho")
        assert value is not None
        return value

    @property
    def cookie(self) -> tuple[str, str]:
        """The header in which a browser sends it, among others."""
        return "Cookie", f"theme=dark; sekisho={self.text}; _ga=1"

    def log_out(self) -> None:
        """End it, at the auth server."""
        answer = self.browser.post("/v1/logout", headers={"Sekisho-CSRF": self.csrf})
        assert answer.status_code == 204, answer.text


@dataclass(frozen=True, slots=True)
class Town:
    """The auth server, the account of a keeper, and ways to log in."""

    server: Server
    keeper: str
    browsers: ExitStack
    tokens_of: dict[str, dict[str, Any]]

    def visit(self, email: str = "keeper@example.com", browser: httpx2.Client | None = None) -> Visit:
        """Log in with a cookie."""
        if browser is None:
            browser = self.browsers.enter_context(httpx2.Client(base_url=self.server.url, timeout=30))
        before = browser.get("/v1/csrf").json()["csrf_token"]
        account = {"email": email, "password": PASSWORD, "mode": "session"}
        answer = browser.post("/v1/login", json=account, headers={"Sekisho-CSRF": before})
        assert answer.status_code == 200, answer.text
        return Visit(browser, answer.json()["session_id"], answer.json()["csrf_token"])

    def tokens(self, email: str = "keeper@example.com") -> dict[str, Any]:
        """Log in with tokens, once."""
        if email not in self.tokens_of:
            account = {"email": email, "password": PASSWORD, "mode": "token"}
            self.tokens_of[email] = self.server.ask("POST", "/v1/login", account).json
        return self.tokens_of[email]

    def verifier(self) -> Verifier:
        """What an API holds."""
        return Verifier(issuer=self.server.url, audience="api", feed=None)

    def sessions(self) -> SessionCookies:
        """The same for cookies."""
        return SessionCookies(self.server.url)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One auth server with two accounts for all."""
    with Server(tmp_path_factory.mktemp("auth") / "data") as server, ExitStack() as browsers:
        ids: dict[str, str] = {}
        for email in ("keeper@example.com", "visitor@example.com"):
            made = server.ask("POST", "/v1/accounts", {"email": email, "password": PASSWORD})
            ids[email] = made.json["id"]
        granted = run("user", "grant", "keeper@example.com", "keeper", SEKISHO_DATA=str(server.data))
        assert granted.returncode == 0, granted.stderr
        yield Town(server, ids["keeper@example.com"], browsers, {})


@pytest.fixture(params=guarded.GUARDS, ids=lambda guard: guard.__name__)
def api(request: pytest.FixtureRequest, town: Town) -> Iterator[Ask]:
    """The API behind one guard after the other."""
    build: Callable[..., Any] = request.param
    verifier = town.verifier()
    with verifier, build(verifier, town.sessions()) as ask:
        yield ask


@pytest.fixture(scope="module")
def visit(town: Town) -> Visit:
    """A keeper who has logged in with a cookie, and stays."""
    return town.visit()


def bearer(tokens: dict[str, Any]) -> tuple[str, str]:
    """The header that presents an access token."""
    return "Authorization", f"Bearer {tokens['access_token']}"


def test_a_route_takes_either_and_sees_no_difference(api: Ask, town: Town, visit: Visit) -> None:
    """The same account with the same roles, each by the session that it came with."""
    tokens = town.tokens()
    by_cookie, by_token = api("GET", visit.cookie), api("GET", bearer(tokens))
    who = {"sub": town.keeper, "sid": visit.session_id, "roles": ["keeper"]}
    assert (by_cookie.status, by_cookie.json) == (200, who)
    assert (by_token.status, by_token.json) == (200, {**who, "sid": tokens["session_id"]})


def test_rights_are_asked_for_alike(api: Ask, town: Town, visit: Visit) -> None:
    """A keeper passes by either; a visitor lacks the role by either, and is told so by its name."""
    for header in (visit.cookie, bearer(town.tokens())):
        assert api("GET", header, at="/keeper").json["sub"] == town.keeper
    for header in (town.visit("visitor@example.com").cookie, bearer(town.tokens("visitor@example.com"))):
        refused = api("GET", header, at="/keeper")
        assert refused.code == (403, "insufficient_scope")
        assert refused.headers["www-authenticate"].startswith('Bearer error="insufficient_scope"')


@pytest.mark.requirement("F1", "F2", "F4")
def test_what_changes_something_comes_from_a_page_of_ours(api: Ask, town: Town, visit: Visit) -> None:
    """By its place, or by the CSRF token of this very session where a browser does not say; else 403."""
    assert api("POST", visit.cookie, *SAME).status == 200
    assert api("POST", visit.cookie, ("Sekisho-CSRF", visit.csrf)).status == 200
    for page, code in (
        (FOREIGN, "origin_not_allowed"),
        ((*FOREIGN, ("Sekisho-CSRF", visit.csrf)), "origin_not_allowed"),
        ((("Sec-Fetch-Site", "same-site"),), "origin_not_allowed"),
        ((("Origin", "null"),), "origin_not_allowed"),
        ((), "csrf_failed"),
        ((("Sekisho-CSRF", town.visit().csrf),), "csrf_failed"),
    ):
        refused = api("POST", visit.cookie, *page)
        assert refused.code == (403, code)
        assert "www-authenticate" not in refused.headers
    assert api("GET", visit.cookie, *FOREIGN).status == 200  # a link from elsewhere changes nothing


@pytest.mark.requirement("F1")
def test_a_client_does_not_choose_what_the_issuer_is_told(api: Ask, visit: Visit) -> None:
    """Not the method, by any header that proxies use; not the page, by sending a header twice."""
    for name in ("X-Original-Method", "X-Forwarded-Method", "X_Original_Method", "X-HTTP-Method-Override"):
        assert api("POST", visit.cookie, *FOREIGN, (name, "GET")).code == (403, "origin_not_allowed")
    for twice in ((*FOREIGN, *SAME), (*SAME, *FOREIGN)):
        assert api("POST", visit.cookie, *twice).code == (403, "origin_not_allowed")
    shake = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    assert api("GET", visit.cookie, *FOREIGN, shake).code == (403, "origin_not_allowed")


@pytest.mark.requirement("C6")
def test_where_both_are_there_the_header_decides(api: Ask, town: Town, visit: Visit) -> None:
    """Good or bad, and it needs no page of ours: a program put it there. Another scheme is no such header."""
    tokens = town.tokens("visitor@example.com")
    assert api("POST", visit.cookie, bearer(tokens), *FOREIGN).json["sid"] == tokens["session_id"]
    assert api("GET", visit.cookie, ("Authorization", "Bearer x")).code == (401, "token_malformed")
    assert api("GET", visit.cookie, ("Authorization", "Basic eDp5")).json["sid"] == visit.session_id


@pytest.mark.requirement("C6")
def test_neither_passes_for_the_other(api: Ask, town: Town, visit: Visit) -> None:
    """A cookie is no bearer token; a token, a refresh token and a CSRF token are no cookie."""
    assert api("GET", ("Authorization", f"Bearer {visit.text}")).code == (401, "token_malformed")
    tokens = town.tokens()
    for other in (tokens["access_token"], tokens["refresh_token"], visit.csrf):
        refused = api("GET", ("Cookie", f"sekisho={other}"))
        assert refused.code == (401, "session_unknown")
        assert refused.headers["www-authenticate"] == (
            'Bearer error="invalid_token", error_description="There is no such session"'
        )
    for name in ("sekisho-refresh", "__Host-sekisho", "Sekisho", "xsekisho"):
        assert api("GET", ("Cookie", f"{name}={visit.text}")).code == (401, "token_missing")


def test_cookies_that_no_browser_of_ours_sends(api: Ask, visit: Visit) -> None:
    """Two of them, truncated, overlong, not ASCII, empty, with a line break: refused by a stable code."""
    text = visit.text
    for cookie in (
        f"sekisho={text}; sekisho={text}",
        f"sekisho=x; sekisho={text}",
        f"sekisho={text};sekisho=",
    ):
        refused = api("GET", ("Cookie", cookie))
        assert refused.code == (400, "invalid_request")
    for spoiled in (
        *(text[:-1], text + "A", text[:20], text.swapcase(), "", text + "A" * 10_000),
        *("\xe9" + text, text + "\r\nX-Evil: 1", text + "\x00", f'"{text}"', text + ", x", text + "="),
    ):
        assert api("GET", ("Cookie", f"sekisho={spoiled}")).code == (401, "session_unknown")


def test_nobody_is_asked_for_either(api: Ask) -> None:
    """Without a credential the challenge has no error, and the words name both ways."""
    refused = api("GET", ("Cookie", "theme=dark"))
    assert (refused.code, refused.headers["www-authenticate"]) == ((401, "token_missing"), "Bearer")
    problem = refused.json if "title" in refused.json else refused.json["detail"]
    assert problem["detail"] == "Log in, or send an access token as Authorization: Bearer."


@pytest.mark.requirement("SE5")
def test_a_logout_counts_here_at_once_for_what_changes_something(api: Ask, town: Town, visit: Visit) -> None:
    """Nothing that was remembered helps; another session of the account lives on."""
    gone = town.visit()
    cookie = gone.cookie
    assert api("GET", cookie).json["sid"] == gone.session_id
    gone.log_out()
    refused = api("POST", cookie, *SAME)
    assert refused.code == (401, "session_revoked")
    assert refused.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    assert api("POST", visit.cookie, *SAME).json["sid"] == visit.session_id


@pytest.mark.requirement("SE5")
def test_a_logout_counts_here_soon_for_everything_else(town: Town) -> None:
    """Half a second is all that is remembered."""
    gone, verifier = town.visit(), town.verifier()
    with guarded.asgi(verifier, town.sessions()) as api:
        cookie = gone.cookie
        assert api("GET", cookie).json["sid"] == gone.session_id
        gone.log_out()
        until(lambda: api("GET", cookie).code == (401, "session_revoked"), "the logout counts")


@pytest.mark.requirement("SE1")
def test_a_session_that_was_planted_is_not_the_one_that_is_logged_in(api: Ask, town: Town) -> None:
    """The login in that browser makes another one, and ends what a stranger had put there (fixation)."""
    planted = town.visit("visitor@example.com")
    stolen = planted.cookie
    assert api("GET", stolen).json["sid"] == planted.session_id
    victim = town.visit(browser=planted.browser)
    assert api("GET", victim.cookie).json["sub"] == town.keeper
    assert api("POST", stolen, *SAME).code == (401, "session_revoked")


@pytest.mark.requirement("H6")
def test_an_issuer_that_is_down_lets_nobody_in(town: Town, tmp_path: Path) -> None:
    """503 for cookies, with the time to try again and no challenge; tokens are judged without it."""
    with Server(tmp_path / "data") as server:
        assert (
            server.ask("POST", "/v1/accounts", {"email": "a@example.com", "password": PASSWORD}).status == 201
        )
        here = replace(town, server=server, tokens_of={})
        cookie, tokens, verifier = (
            here.visit("a@example.com").cookie,
            here.tokens("a@example.com"),
            here.verifier(),
        )
        sessions = SessionCookies(server.url, remember=0)
        with verifier, guarded.asgi(verifier, sessions) as api:
            assert api("GET", cookie).status == 200
            server.stop()
            refused = api("GET", cookie)
            assert refused.code == (503, "sessions_unavailable")
            assert (refused.headers["retry-after"], "www-authenticate" in refused.headers) == ("5", False)
            assert api("GET", bearer(tokens)).json["sid"] == tokens["session_id"]
