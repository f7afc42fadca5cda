"""Mode `session`: a cookie, and nothing that a script could read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sekisho.rules.events import Event
from sekisho.rules.ids import uuid7
from sekisho.upkeep import tell_usage
from tests.web.browser import Browser, code_of, cookies_of
from tests.web.served import EMAIL, OTHER_PASSWORD, PASSWORD, bearer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.web.served import Served, Server

IDLE = 7 * 86_400
LONGEST = 30 * 86_400
NEW_PASSWORD = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}


async def signed_in(served: Served, mode: str = "session") -> Browser:
    """A browser of somebody who has an account and has logged in."""
    await served.register()
    browser = Browser(served)
    await browser.login(mode)
    return browser


@pytest.mark.requirement("SE1", "F5")
async def test_somebody_logs_in_as_curl_would(served: Served) -> None:
    """The CSRF token with its cookie first; then the cookie of the session and nothing secret in the body."""
    account = await served.register()
    curl = Browser(served, page={})
    token = await curl.open_page()
    assert curl.jar.keys() == {"sekisho-csrf"}
    body = {"email": EMAIL, "password": PASSWORD, "mode": "session"}
    answer = await curl.send("POST", "/v1/login", body, headers={"Sekisho-CSRF": token})
    made = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert made.keys() == {"session_id", "expires_in", "csrf_token", "user"}
    assert (made["expires_in"], made["user"]["id"]) == (IDLE, account["id"])
    assert curl.jar.keys() == {"sekisho", "sekisho-device"}
    assert curl.jar["sekisho"].startswith("sks1_")
    assert curl.jar["sekisho"] not in answer.text
    me = await curl.get("/v1/me")
    assert (me.status_code, me.json()["session_id"]) == (200, made["session_id"])
    out = await curl.send("POST", "/v1/logout", headers={"Sekisho-CSRF": made["csrf_token"]})
    assert out.status_code == 204


@pytest.mark.requirement("SE2")
@pytest.mark.parametrize(
    ("issuer", "prefix", "secure"),
    [
        ("https://id.example.com", "__Host-", True),
        ("https://localhost:8443", "__Host-", True),
        ("http://localhost:8400", "", False),
        ("http://127.0.0.1:8400", "", False),
    ],
)
async def test_a_cookie_is_as_strict_as_its_scheme_allows(
    server: Server, issuer: str, prefix: str, *, secure: bool
) -> None:
    """HttpOnly, SameSite=Lax, this host alone; on https with the prefix and Secure."""
    async with server(issuer=issuer, signup="open") as served:
        await served.register()
        browser = Browser(served, page={})
        token = await browser.open_page()
        assert browser.jar.keys() == {f"{prefix}sekisho-csrf"}
        for mode, name, longest in (("session", "sekisho", LONGEST), ("browser", "sekisho-refresh", IDLE)):
            body = {"email": EMAIL, "password": PASSWORD, "mode": mode}
            answer = await browser.send("POST", "/v1/login", body, headers={"Sekisho-CSRF": token})
            lines = answer.headers.get_list("set-cookie")
            found = {line.partition("=")[0]: line for line in lines}
            attributes = found[prefix + name].split("; ")[1:]
            wanted = {f"Max-Age={longest}", "Path=/", "HttpOnly", "SameSite=Lax"}
            assert set(attributes) == wanted | ({"Secure"} if secure else set())
            assert all("; HttpOnly; SameSite=Lax" in line for line in lines)
            assert not any("domain" in line.lower() for line in lines)
            assert all(len(line) < 4096 for line in lines)
            assert EMAIL not in "".join(lines)
            token = await browser.open_page()


async def test_a_cookie_of_the_other_scheme_is_none(server: Server) -> None:
    """Behind https a cookie without the prefix, which any sibling host could have set, is not looked at."""
    async with server(issuer="https://id.example.com", signup="open") as served:
        await served.register()
        browser = Browser(served, page={})
        await browser.login()
        browser.jar = {"sekisho": browser.jar["__Host-sekisho"]}
        assert await browser.me() == (401, "token_missing")


@pytest.mark.requirement("SE6")
async def test_the_device_list_shows_every_mode_alike(served: Served) -> None:
    """One line a login, whatever carries it; the one that asks is marked."""
    browser = await signed_in(served)
    other = Browser(served)
    served.clock.now += 1
    await other.login("browser")
    served.clock.now += 1
    await served.login()
    answer = await browser.get("/v1/sessions")
    lines = answer.json()["sessions"]
    assert [(line["mode"], line["current"]) for line in lines] == [
        ("token", False),
        ("browser", False),
        ("session", True),
    ]
    for line in lines[:2]:
        assert (await browser.delete(f"/v1/sessions/{line['id']}")).status_code == 204
    assert len((await browser.get("/v1/sessions")).json()["sessions"]) == 1


@pytest.mark.requirement("SE5")
async def test_logging_out_deletes_the_cookie_and_the_session(served: Served) -> None:
    """204; the cookie is told to go, a copy of it is refused, and a second time it is no fault."""
    browser = await signed_in(served)
    copy = Browser(served, jar=dict(browser.jar), csrf_token=browser.csrf_token)
    answer = await browser.post("/v1/logout")
    assert answer.status_code == 204
    assert cookies_of(answer) == {"sekisho": ""}
    assert "Max-Age=0; Path=/; HttpOnly; SameSite=Lax" in answer.headers["set-cookie"]
    assert answer.headers["clear-site-data"] == '"cache"'
    assert await browser.me() == (401, "token_missing")
    assert await copy.me() == (401, "session_revoked")
    assert (await copy.post("/v1/logout")).status_code == 204


async def test_logging_out_elsewhere(served: Served) -> None:
    """Of one other line, and of all others; this browser stays signed in, its cookie as it was."""
    browser = await signed_in(served)
    others = [Browser(served) for _ in range(3)]
    ids = [(await other.login())["session_id"] for other in others]
    assert (await browser.delete(f"/v1/sessions/{ids[0]}")).status_code == 204
    assert await others[0].me() == (401, "session_revoked")
    assert await others[1].me() == (200, "")
    answer = await browser.post("/v1/logout", {"scope": "others"})
    assert (answer.status_code, cookies_of(answer)) == (204, {})
    assert [await other.me() for other in others[1:]] == [(401, "session_revoked")] * 2
    assert await browser.me() == (200, "")
    answer = await browser.post("/v1/logout", {"scope": "all"})
    assert (answer.status_code, cookies_of(answer)) == (204, {"sekisho": ""})


@pytest.mark.requirement("SE6")
async def test_a_disabled_account_has_no_session(served: Served) -> None:
    """At once, in every mode."""
    browser = await signed_in(served)
    user_id = (await browser.get("/v1/me")).json()["id"]
    now = served.clock()
    event = Event("account_disabled", now, uuid7(now, bytes(10)), user_id=user_id)
    await served.house.store.set_status(user_id, "disabled", now=now, event=event)
    assert await browser.me() == (401, "session_revoked")


@pytest.mark.requirement("SE1", "F4")
async def test_a_new_password_brings_a_new_cookie(served: Served) -> None:
    """The old cookie is dead, the CSRF token that went with it too; every other session has ended."""
    browser, other = await signed_in(served), Browser(served)
    await other.login()
    copy = Browser(served, jar=dict(browser.jar), csrf_token=browser.csrf_token)
    answer = await browser.post("/v1/password", NEW_PASSWORD)
    assert (answer.status_code, answer.content) == (204, b"")
    assert cookies_of(answer).keys() == {"sekisho"}
    assert browser.jar["sekisho"] != copy.jar["sekisho"]
    assert await browser.me() == (200, "")
    assert await copy.me() == (401, "session_unknown")
    assert await other.me() == (401, "session_revoked")
    assert code_of(await browser.post("/v1/logout")) == (403, "csrf_failed")
    await browser.open_page()
    assert code_of(await browser.post("/v1/logout")) == (204, "")


@pytest.mark.requirement("SE1")
async def test_a_cookie_that_was_replaced_ends_nobody_elses_session(served: Served) -> None:
    """Whoever copied it before the password was changed cannot log the owner's other devices out."""
    browser = await signed_in(served)
    thief = Browser(served, jar=dict(browser.jar), csrf_token=browser.csrf_token)
    assert (await browser.post("/v1/password", NEW_PASSWORD)).status_code == 204
    phone = Browser(served)
    await phone.login(password=OTHER_PASSWORD)
    for scope in ("others", "all"):
        assert code_of(await thief.post("/v1/logout", {"scope": scope})) == (401, "session_unknown")
    assert (await phone.me(), await browser.me()) == ((200, ""), (200, ""))


@pytest.mark.requirement("SE4")
async def test_an_unused_session_ends_at_its_second(served: Served) -> None:
    """Idle: a second before it is alive, then it is not, though the browser still has the cookie."""
    browser = await signed_in(served)
    served.clock.now += IDLE - 1
    assert await browser.me() == (200, "")  # looked at, and not told: what was not told is lost in a crash
    served.clock.now += 1
    assert await browser.me() == (401, "session_expired")
    assert code_of(await browser.get("/v1/sessions")) == (401, "session_expired")


@pytest.mark.requirement("SE4")
async def test_use_keeps_a_session_alive_until_its_absolute_end(served: Served) -> None:
    """Told of in batches, it counts from the use and not from the telling; no use passes the end."""
    browser = await signed_in(served)
    begun = served.clock()
    while served.clock() < begun + LONGEST - IDLE:
        served.clock.now += IDLE - 10
        assert await browser.me() == (200, "")
        served.clock.now += 4
        await tell_usage(served.house)
    used = served.clock() - 4
    (line,) = (await browser.get("/v1/sessions")).json()["sessions"]
    assert line["last_used_at"] > line["created_at"]
    served.clock.now = min(used + IDLE, begun + LONGEST) - 1
    assert await browser.me() == (200, "")
    served.clock.now += 1
    assert await browser.me() == (401, "session_expired")


@pytest.mark.requirement("SE4")
async def test_a_short_time_out_is_kept_off_by_use(server: Server) -> None:
    """One minute, used every ten seconds: alive after ten minutes, and dead a minute after the last use."""
    async with server(session_idle="60s") as served:
        browser = await signed_in(served)
        for _ in range(60):
            served.clock.now += 10
            assert await browser.me() == (200, "")
            await tell_usage(served.house)
        served.clock.now += 60
        assert await browser.me() == (401, "session_expired")


async def test_what_could_not_be_told_is_told_at_the_next_use(served: Served) -> None:
    """A database that was away for a moment costs no session its time."""
    browser = await signed_in(served)
    served.clock.now += 100
    assert await browser.me() == (200, "")
    used, since = served.house.usage.take()
    assert (len(used), since) == (1, served.clock())
    served.house.usage.lost(used)
    served.clock.now += 1
    assert await browser.me() == (200, "")
    await tell_usage(served.house)
    served.clock.now += IDLE - 1
    assert await browser.me() == (200, "")


@pytest.mark.requirement("SE1")
@pytest.mark.parametrize(
    ("first", "second"), [("session", "session"), ("session", "browser"), ("browser", "session")]
)
async def test_a_new_login_ends_the_session_that_the_browser_had(
    served: Served, first: str, second: str
) -> None:
    """Another id, another secret; the one before is dead, and its cookie of the other mode is told to go."""
    browser = await signed_in(served, first)
    before = dict(browser.jar)
    body = {"email": EMAIL, "password": PASSWORD, "mode": second}
    answer = await browser.post("/v1/login", body)
    assert answer.status_code == 200
    names = {"session": "sekisho", "browser": "sekisho-refresh"}
    assert browser.jar.keys() == {names[second], "sekisho-device"}
    old = Browser(served, jar=before)
    if first == "session":
        assert await old.me() == (401, "session_revoked")
    else:
        assert code_of(await old.refresh()) == (401, "session_revoked")
    other = Browser(served)
    await other.login()
    assert len((await other.get("/v1/sessions")).json()["sessions"]) == 2


async def test_a_login_that_fails_ends_nothing(served: Served) -> None:
    """Whoever mistypes stays who they were."""
    browser = await signed_in(served)
    body = {"email": EMAIL, "password": "wrong", "mode": "session"}
    assert code_of(await browser.post("/v1/login", body)) == (401, "invalid_credentials")
    assert await browser.me() == (200, "")


@pytest.mark.requirement("SE1", "X05")
async def test_a_planted_cookie_is_never_adopted(served: Served) -> None:
    """Fixation: whatever cookie was there before, the login makes its own, and the planted one stays dead."""
    thief = await signed_in(served)
    planted = dict(thief.jar)
    await served.register("ken@example.com")
    victim = Browser(served, jar={"sekisho": planted["sekisho"]})
    mine = await victim.login(email="ken@example.com")
    assert victim.jar["sekisho"] != planted["sekisho"]
    assert (await victim.get("/v1/me")).json()["session_id"] == mine["session_id"]
    assert await Browser(served, jar=planted).me() == (401, "session_revoked")


@pytest.mark.requirement("SE1", "X16")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "",
        lambda _: "sks1_",
        lambda _: "x",
        lambda t: t[:-1],
        lambda t: t[:40],
        lambda t: t + "A",
        lambda t: t * 60,
        lambda t: f'"{t}"',
        lambda t: t[:-1] + ("A" if t[-1] != "A" else "B"),
        lambda t: t.lower(),
        lambda t: t[:30] + "\u00e9" + t[31:],
        lambda t: t[:30] + "%00" + t[33:],
        lambda _: "5f0c9d1e-admin",
    ],
)
async def test_a_cookie_that_is_not_ours_is_unknown(served: Served, spoil: Callable[[str], str]) -> None:
    """Truncated, overlong, recased, not ASCII: one answer, nothing adopted or set, and login still works."""
    browser = await signed_in(served)
    spoiled = spoil(browser.jar["sekisho"])
    served.client.cookies.clear()
    answer = await served.client.get("/v1/me", headers={b"Cookie": b"sekisho=" + spoiled.encode("latin-1")})
    assert code_of(answer) == (401, "session_unknown")
    assert "set-cookie" not in answer.headers
    again = Browser(served, jar={"sekisho": spoiled.encode("ascii", "replace").decode()})
    await again.login()
    assert await again.me() == (200, "")


@pytest.mark.requirement("C6", "X06")
async def test_one_kind_of_credential_is_not_taken_for_another(served: Served) -> None:
    """Tokens as cookies, cookies as tokens, each in each other's place."""
    browser = await signed_in(served)
    tokens, window = await served.login(), Browser(served)
    await window.login("browser")
    cookie, refresh = browser.jar["sekisho"], window.jar["sekisho-refresh"]
    csrf = browser.csrf_token
    for text in (
        tokens["access_token"],
        tokens["refresh_token"],
        refresh,
        csrf,
        browser.jar["sekisho-device"],
    ):
        assert await Browser(served, jar={"sekisho": text}).me() == (401, "session_unknown")
    for text in (tokens["access_token"], tokens["refresh_token"], cookie, csrf):
        answer = await Browser(served, jar={"sekisho-refresh": text}).refresh()
        assert code_of(answer) == (401, "refresh_unknown")
    for text in (cookie, refresh, tokens["refresh_token"], csrf):
        answer = await served.client.get("/v1/me", headers={"Authorization": f"Bearer {text}"})
        assert code_of(answer)[0] == 401
        assert code_of(answer)[1] in {"token_malformed", "token_signature_mismatch"}
    for text in (cookie, refresh, tokens["access_token"], csrf):
        answer = await served.client.post("/v1/refresh", json={"refresh_token": text})
        assert code_of(answer) == (401, "refresh_unknown")
    for text in (cookie, refresh, tokens["access_token"]):
        assert code_of(await browser.post("/v1/logout", **{"Sekisho-CSRF": text})) == (403, "csrf_failed")
    assert await browser.me() == (200, "")
    assert (await served.client.get("/v1/me", headers=bearer(tokens))).status_code == 200


@pytest.mark.requirement("SE2", "X04")
@pytest.mark.parametrize("split", [False, True])
async def test_two_cookies_of_one_name_are_refused(served: Served, *, split: bool) -> None:
    """400, in one header or in two, for whoever reads that cookie; and of no matter to who does not."""
    browser = await signed_in(served)
    pair = f"sekisho={browser.jar['sekisho']}"
    headers = [("Cookie", pair), ("Cookie", pair)] if split else [("Cookie", f"{pair}; {pair}")]
    served.client.cookies.clear()
    for path in ("/v1/me", "/v1/csrf", "/v1/forward-auth"):
        answer = await served.client.get(path, headers=headers)
        assert code_of(answer) == (400, "invalid_request"), path
    answer = await served.client.post("/v1/logout", headers=headers)
    assert code_of(answer) == (400, "invalid_request")
    for path in ("/healthz", "/.well-known/jwks.json", "/openapi.json"):
        assert (await served.client.get(path, headers=headers)).status_code == 200, path
    tokens = await served.login()
    answer = await served.client.get("/v1/me", headers=[*headers, *bearer(tokens).items()])
    assert answer.status_code == 200


async def test_a_token_counts_before_a_cookie(served: Served) -> None:
    """A program wrote the header, a browser added the cookie, which does not make up for a bad token."""
    browser = await signed_in(served)
    tokens = await served.login()
    me = await browser.get("/v1/me", **bearer(tokens))
    assert me.json()["session_id"] == tokens["session_id"]
    answer = await browser.get("/v1/me", Authorization="Bearer x")
    assert code_of(answer) == (401, "token_malformed")


async def test_a_worthless_cookie_leaves_no_other_one_behind(served: Served) -> None:
    """Logging out finds the good refresh cookie beside a session cookie of no worth."""
    await served.register()
    window = Browser(served)
    await window.login("browser")
    good = window.jar["sekisho-refresh"]
    window.jar["sekisho"] = "sks1_x"
    assert code_of(await window.post("/v1/logout", **{"Sekisho-CSRF": ""})) == (403, "csrf_failed")
    answer = await window.post("/v1/logout")
    assert (answer.status_code, cookies_of(answer)) == (204, {"sekisho": "", "sekisho-refresh": ""})
    assert code_of(await Browser(served, jar={"sekisho-refresh": good}).refresh()) == (401, "session_revoked")


async def test_logging_out_with_cookies_of_no_worth_removes_them(served: Served) -> None:
    """Their owner is logged out already."""
    browser = Browser(served, jar={"sekisho": "x", "sekisho-refresh": "y"})
    answer = await browser.send("POST", "/v1/logout")
    assert (answer.status_code, cookies_of(answer)) == (204, {"sekisho": "", "sekisho-refresh": ""})


async def test_without_stored_sessions_there_is_no_session_mode(server: Server) -> None:
    """409 `not_stored`, and no cookie."""
    async with server(refresh_store="none") as served:
        await served.register()
        browser = Browser(served)
        await browser.open_page()
        answer = await browser.post("/v1/login", {"email": EMAIL, "password": PASSWORD, "mode": "session"})
        assert code_of(answer) == (409, "not_stored")
        assert "set-cookie" not in answer.headers
