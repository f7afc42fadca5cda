"""Which page may make a browser do what: the whole matrix of F7, told by one sentence each of F1 and F4."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import pytest

from tests.web.browser import Browser, code_of
from tests.web.cross_site import LISTED, ORIGINS, OWN, SITES, passes
from tests.web.served import EMAIL, OTHER_PASSWORD, PASSWORD, bearer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

    from tests.web.served import Served, Server

TOKENS = ("none", "valid", "another session's", "stale", "of before the login")
UNKNOWN = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@dataclass(frozen=True)
class Act:
    """Something unsafe that a cookie speaks for, such that being let through changes nothing that matters."""

    method: str
    path: str
    body: object
    #: What is answered to who is let through.
    answers: frozenset[tuple[int, str]]


ACTS = {
    "logout": Act("POST", "/v1/logout", {"scope": "this"}, frozenset({(204, "")})),
    "exchange": Act(
        "POST", "/v1/sessions/exchange", {"mode": "token"}, frozenset({(422, "validation_failed")})
    ),
    "password": Act(
        "POST",
        "/v1/password",
        {"current_password": PASSWORD, "new_password": "short"},
        frozenset({(422, "validation_failed")}),
    ),
    "sessions": Act("DELETE", f"/v1/sessions/{UNKNOWN}", None, frozenset({(404, "not_found")})),
    "login": Act(
        "POST",
        "/v1/login",
        {"email": EMAIL, "password": "wrong", "mode": "session"},
        frozenset({(401, "invalid_credentials"), (429, "rate_limited")}),
    ),
}


@dataclass
class Stage:
    """A browser that is signed in, and every CSRF token that somebody could have."""

    browser: Browser
    tokens: dict[str, str]

    def requests(self) -> Iterator[tuple[str | None, str | None, str, dict[str, str]]]:
        """Every combination, and its headers."""
        for site, origin, token in product(SITES, ORIGINS, TOKENS):
            headers = {"Sec-Fetch-Site": site, "Origin": origin, "Sekisho-CSRF": self.tokens.get(token)}
            yield site, origin, token, {name: value for name, value in headers.items() if value is not None}


async def signed_in(served: Served) -> Stage:
    """Whose password was changed, so that there is a token of the cookie before."""
    await served.register()
    browser, other = Browser(served, page={}), Browser(served, page={})
    await other.login()
    before = await browser.open_page()
    await browser.login()
    stale = browser.csrf_token
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert (await browser.post("/v1/password", body)).status_code == 204
    tokens = {"valid": await browser.open_page(), "another session's": other.csrf_token}
    return Stage(browser, {**tokens, "stale": stale, "of before the login": before})


@pytest.mark.requirement("F1", "F2", "F4", "F7", "SE5")
@pytest.mark.parametrize("name", [name for name in ACTS if name != "login"])
async def test_a_cookie_acts_for_our_own_and_listed_pages_alone(server: Server, name: str) -> None:
    """The gate by the page, then the token by the cookie; both codes are 403 and say which it was."""
    act = ACTS[name]
    async with server(allowed_origins=LISTED) as served:
        stage = await signed_in(served)
        for site, origin, token, headers in stage.requests():
            answer = await stage.browser.send(act.method, act.path, act.body, headers=headers, keep=False)
            found = code_of(answer)
            if not passes(site, origin):
                expected = {(403, "origin_not_allowed")}
            elif token != "valid":
                expected = {(403, "csrf_failed")}
            else:
                expected = set(act.answers)
            assert found in expected, (site, origin, token)
            assert found[0] < 300 or "set-cookie" not in answer.headers


@pytest.mark.requirement("F5", "F7")
async def test_a_login_is_as_guarded_as_what_comes_after_it(server: Server) -> None:
    """Nobody is signed in by a page of somebody else; the token is bound to a cookie of its own."""
    act = ACTS["login"]
    async with server(allowed_origins=LISTED) as served:
        stage = await signed_in(served)
        visitor, another = Browser(served, page={}), Browser(served, page={})
        tokens = {
            "valid": await visitor.open_page(),
            "another session's": stage.tokens["valid"],
            "stale": await another.open_page(),
            "of before the login": stage.tokens["of before the login"],
        }
        for site, origin, token, headers in Stage(visitor, tokens).requests():
            answer = await visitor.send("POST", act.path, act.body, headers=headers, keep=False)
            if not passes(site, origin):
                expected = {(403, "origin_not_allowed")}
            elif token != "valid":
                expected = {(403, "csrf_failed")}
            else:
                expected = set(act.answers)
            assert code_of(answer) in expected, (site, origin, token)
            assert "set-cookie" not in answer.headers


@pytest.mark.requirement("F1", "F7")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_looking_is_free(server: Server, method: str) -> None:
    """GET and HEAD change nothing, so neither page nor token matters; who may read the answer is CORS."""
    async with server(allowed_origins=LISTED) as served:
        stage = await signed_in(served)
        for site, origin, token, headers in stage.requests():
            for path in ("/v1/me", "/v1/sessions", "/v1/csrf"):
                answer = await stage.browser.send(method, path, headers=headers, keep=False)
                assert answer.status_code == 200, (site, origin, token, path)
                readable = answer.headers.get("access-control-allow-origin")
                assert readable == (LISTED if origin == LISTED else None)


@pytest.mark.requirement("F1", "F7", "R12")
async def test_a_cookie_is_refreshed_for_our_own_and_listed_pages_alone(server: Server) -> None:
    """The gate, then the header in the place of the token."""
    async with server(allowed_origins=LISTED) as served:
        await served.register()
        browser = Browser(served, page={})
        await browser.login("browser")
        for site, origin, client in product(SITES, ORIGINS, (None, "1")):
            headers = {"Sec-Fetch-Site": site, "Origin": origin, "Sekisho-Client": client}
            sent = {name: value for name, value in headers.items() if value is not None}
            answer = await browser.send("POST", "/v1/refresh", headers=sent)
            if not passes(site, origin):
                expected = (403, "origin_not_allowed")
            else:
                expected = (200, "") if client else (403, "csrf_failed")
            assert code_of(answer) == expected, (site, origin, client)


@pytest.mark.requirement("F1")
async def test_programs_are_not_asked(served: Served) -> None:
    """Neither cookie nor Origin, mode `token`: no CSRF token; the bearer token is proof enough."""
    await served.register()
    tokens = await served.login()
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    answer = await served.client.post("/v1/password", json=body, headers=bearer(tokens))
    assert answer.status_code == 204
    answer = await served.client.post("/v1/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert answer.status_code == 200


@pytest.mark.requirement("F1")
@pytest.mark.parametrize("path", ["/v1/accounts", "/v1/login", "/v1/refresh", "/v1/logout"])
async def test_a_foreign_page_may_not_even_send_what_needs_no_cookie(served: Served, path: str) -> None:
    """The gate is before everything: the body is not read, whatever credential it carries."""
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = await served.client.post(path, content=b"{", headers=headers)
    assert code_of(answer) == (403, "origin_not_allowed")


@pytest.mark.requirement("F2", "X03", "X15")
@pytest.mark.parametrize(
    "origin",
    [
        "https://localhost:8400",
        "http://localhost",
        "http://localhost:8401",
        "http://LOCALHOST:8400",
        "http://localhost:8400/",
        "http://localhost:8400.evil.example",
        "http://evil.example",
        "null",
        "",
        "http://localhost:8400, http://localhost:8400",
    ],
)
async def test_our_origin_is_the_issuers_whatever_the_host_header_says(served: Served, origin: str) -> None:
    """Scheme, host and port, character by character; the Host header is the attacker's to choose."""
    headers = {"Origin": origin, "Host": "evil.example"}
    answer = await served.client.post("/v1/refresh", json={"refresh_token": "x"}, headers=headers)
    assert code_of(answer) == (403, "origin_not_allowed")
    own = {"Origin": OWN, "Host": "evil.example"}
    answer = await served.client.post("/v1/refresh", json={"refresh_token": "x"}, headers=own)
    assert code_of(answer) == (401, "refresh_unknown")


@pytest.mark.requirement("F1", "X04")
@pytest.mark.parametrize(
    "pairs",
    [
        [("Origin", OWN), ("Origin", "https://evil.example")],
        [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "same-origin")],
    ],
)
async def test_a_header_that_is_there_twice_says_nothing(
    served: Served, pairs: list[tuple[str, str]]
) -> None:
    """Refused, whichever of them would have passed."""
    answer = await served.client.post("/v1/refresh", json={"refresh_token": "x"}, headers=pairs)
    assert code_of(answer) == (403, "origin_not_allowed")


@pytest.mark.requirement("F6")
@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"],
)
async def test_what_a_form_can_send_is_no_json(served: Served, kind: str) -> None:
    """415 for every type that crosses origins without asking, on every endpoint with a body."""
    await served.register()
    browser = Browser(served)
    await browser.login()
    headers = {"Content-Type": kind, "Sekisho-CSRF": browser.csrf_token}
    for path in ("/v1/login", "/v1/password", "/v1/sessions/exchange", "/v1/logout", "/v1/refresh"):
        answer: httpx2.Response = await browser.send("POST", path, {"mode": "session"}, headers=headers)
        assert code_of(answer) == (415, "unsupported_media_type"), path


@pytest.mark.requirement("F6")
async def test_no_header_or_field_overrides_the_method(served: Served) -> None:
    """A GET stays a GET."""
    await served.register()
    browser = Browser(served)
    await browser.login()
    for name in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        answer = await browser.send("GET", "/v1/sessions?_method=DELETE", headers={name: "DELETE"})
        assert answer.status_code == 200
    assert await browser.me() == (200, "")


@pytest.mark.requirement("F4")
async def test_a_csrf_token_goes_in_its_header_alone(served: Served) -> None:
    """Not in the address, where logs would have it, and not in a cookie, which the browser adds by itself."""
    await served.register()
    browser = Browser(served)
    await browser.login()
    token = browser.csrf_token
    answer = await browser.send("POST", f"/v1/logout?csrf_token={token}&Sekisho-CSRF={token}")
    assert code_of(answer) == (403, "csrf_failed")
    copy = Browser(served, jar={**browser.jar, "sekisho-csrf": token, "Sekisho-CSRF": token})
    assert code_of(await copy.send("POST", "/v1/logout")) == (403, "csrf_failed")


@pytest.mark.requirement("F4")
async def test_a_csrf_token_is_another_text_each_time(served: Served) -> None:
    """All of them good while the cookie stays; the cookie of before the login is made once."""
    visitor = Browser(served)
    tokens = {await visitor.open_page() for _ in range(5)}
    cookie = visitor.jar["sekisho-csrf"]
    assert (len(tokens), "set-cookie" in (await visitor.get("/v1/csrf")).headers) == (5, False)
    assert visitor.jar["sekisho-csrf"] == cookie
    visitor.jar["sekisho-csrf"] = "made up"
    await visitor.open_page()
    assert visitor.jar["sekisho-csrf"] not in {cookie, "made up"}


@pytest.mark.requirement("H2")
async def test_a_listed_page_signs_in_with_cookies(server: Server) -> None:
    """Preflight, token, login, and an answer that it may read with what it has to know."""
    async with server(allowed_origins=LISTED) as served:
        await served.register()
        page = Browser(served, page={"Origin": LISTED, "Sec-Fetch-Site": "same-site"})
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,sekisho-csrf,sekisho-client,idempotency-key",
        }
        preflight = await page.send("OPTIONS", "/v1/login", headers=asked)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == LISTED
        assert preflight.headers["access-control-allow-credentials"] == "true"
        await page.login()
        answer = await page.get("/v1/me")
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == LISTED
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert (await page.post("/v1/logout")).status_code == 204
