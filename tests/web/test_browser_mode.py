"""Mode `browser`: an access token for the script, and a refresh token that no script can read."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from tests.web.browser import Browser, code_of, cookies_of
from tests.web.served import EMAIL, OTHER_PASSWORD, PASSWORD, bearer

if TYPE_CHECKING:
    from tests.web.served import Served, Server

GRACE = 10


async def signed_in(served: Served) -> tuple[Browser, dict[str, str]]:
    """A browser of somebody who has logged in, and what the login said."""
    await served.register()
    browser = Browser(served)
    return browser, await browser.login("browser")


@pytest.mark.requirement("R12")
async def test_a_login_hands_the_script_an_access_token_alone(served: Served) -> None:
    """The refresh token is in an HttpOnly cookie, in no body, and is good for nothing but refreshing."""
    browser, body = await signed_in(served)
    assert body.keys() == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_expires_in",
        "session_id",
        "user",
    }
    assert browser.jar.keys() == {"sekisho-refresh", "sekisho-device"}
    assert browser.jar["sekisho-refresh"].startswith("skr1_")
    assert await browser.me() == (401, "token_missing")
    assert (await served.client.get("/v1/me", headers=bearer(body))).status_code == 200


@pytest.mark.requirement("R12")
async def test_a_refresh_brings_the_next_cookie(served: Served) -> None:
    """A fresh access token in the body, the successor in the cookie, for as long as it is good."""
    browser, login = await signed_in(served)
    before = browser.jar["sekisho-refresh"]
    answer = await browser.refresh()
    body = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert body.keys() == login.keys()
    assert body["session_id"] == login["session_id"]
    assert cookies_of(answer).keys() == {"sekisho-refresh"}
    assert "Max-Age=604800; Path=/; HttpOnly; SameSite=Lax" in answer.headers["set-cookie"]
    assert browser.jar["sekisho-refresh"] not in {before, answer.text}
    assert browser.jar["sekisho-refresh"] not in answer.text
    assert (await served.client.get("/v1/me", headers=bearer(body))).status_code == 200


@pytest.mark.requirement("R12", "X20")
@pytest.mark.parametrize("header", [None, "", "0", "true", "2", "1, 1"])
async def test_a_cookie_is_refreshed_by_our_client_alone(served: Served, header: str | None) -> None:
    """Without the header that no form can send: 403, and nothing has happened."""
    browser, _ = await signed_in(served)
    headers = {} if header is None else {"Sekisho-Client": header}
    answer = await browser.send("POST", "/v1/refresh", headers=headers)
    assert code_of(answer) == (403, "csrf_failed")
    assert "set-cookie" not in answer.headers
    assert (await browser.refresh()).status_code == 200


async def test_a_page_without_a_cookie_is_told_to_log_in(served: Served) -> None:
    """A script cannot see whether there is an HttpOnly cookie, so it asks, and is told as of a dead one."""
    answer = await Browser(served).refresh()
    assert code_of(answer) == (401, "refresh_unknown")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("header", [{}, {"Sekisho-Client": "0"}])
async def test_a_program_without_a_token_is_told_what_is_missing(
    served: Served, header: dict[str, str]
) -> None:
    """422 at the member: whoever does not mean a cookie has forgotten something."""
    answer = await Browser(served).send("POST", "/v1/refresh", headers=header)
    assert (code_of(answer), answer.json()["errors"][0]["pointer"]) == (
        (422, "validation_failed"),
        "/refresh_token",
    )


@pytest.mark.requirement("C6")
async def test_a_cookie_is_not_taken_in_a_body_nor_a_token_in_a_cookie(served: Served) -> None:
    """What is HttpOnly comes back HttpOnly, and no program's token becomes a browser's cookie."""
    browser, _ = await signed_in(served)
    answer = await served.client.post("/v1/refresh", json={"refresh_token": browser.jar["sekisho-refresh"]})
    assert code_of(answer) == (401, "refresh_unknown")
    tokens = await served.login()
    planted = Browser(served, jar={"sekisho-refresh": tokens["refresh_token"]})
    assert code_of(await planted.refresh()) == (401, "refresh_unknown")
    assert (await browser.refresh()).status_code == 200
    answer = await served.client.post("/v1/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert answer.status_code == 200


async def test_a_refused_refresh_leaves_the_cookie(served: Served) -> None:
    """Whatever the refusal: one that comes late must not undo what another tab was given meanwhile."""
    browser, login = await signed_in(served)
    spent = dict(browser.jar)
    await browser.refresh()
    served.clock.now += GRACE
    for refused, jar in (
        ("refresh_reused", spent),
        ("session_revoked", browser.jar),
        ("refresh_unknown", {"sekisho-refresh": "x"}),
    ):
        answer = await Browser(served, jar=dict(jar)).refresh()
        assert code_of(answer) == (401, refused)
        assert "set-cookie" not in answer.headers
    assert (await served.client.get("/v1/me", headers=bearer(login))).status_code == 401


async def test_a_page_that_is_loaded_twice_keeps_its_cookie(served: Served) -> None:
    """Just handed out: a fresh access token and no cookie, so that this answer, if late, rewinds nothing."""
    browser, _ = await signed_in(served)
    await browser.refresh()
    served.clock.now += 2 * GRACE - 1
    answer = await browser.refresh()
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    served.clock.now += 1
    assert "sekisho-refresh" in cookies_of(await browser.refresh())


@pytest.mark.requirement("R5")
@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_tabs_that_wake_together_are_all_signed_in(served: Served, order: tuple[int, ...]) -> None:
    """Three refresh with one cookie within the grace; in whichever order they arrive, the next is good."""
    browser, _ = await signed_in(served)
    answers = []
    for _ in range(3):
        answers.append(await browser.refresh(keep=False))
        served.clock.now += 4
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({cookies_of(answer)["sekisho-refresh"] for answer in answers}) == 1
    for at in order:
        browser.keep(answers[at])
    served.clock.now += 900
    assert (await browser.refresh()).status_code == 200


@pytest.mark.requirement("R5")
@pytest.mark.parametrize("late", [0.0, 1.0, GRACE - 0.1])
async def test_a_late_answer_does_not_put_the_cookie_back(served: Served, late: float) -> None:
    """The last replay within the grace arrives up to another grace later: nobody has gone on meanwhile."""
    browser, _ = await signed_in(served)
    spent = Browser(served, jar=dict(browser.jar))
    await browser.refresh()
    served.clock.now += GRACE - 0.1
    replayed = await spent.refresh()
    assert replayed.status_code == 200
    served.clock.now += late
    await browser.refresh()
    browser.keep(replayed)
    served.clock.now += 900
    assert (await browser.refresh()).status_code == 200


@pytest.mark.requirement("R5")
async def test_an_answer_of_an_earlier_rotation_is_made_good_within_the_grace(served: Served) -> None:
    """A cookie that was put back by a very late answer is repaired by the next refresh, if that is soon."""
    browser, _ = await signed_in(served)
    first = await browser.refresh()
    served.clock.now += 2 * GRACE
    await browser.refresh()
    newest = browser.jar["sekisho-refresh"]
    browser.keep(first)
    assert browser.jar["sekisho-refresh"] != newest
    served.clock.now += GRACE - 1
    assert (await browser.refresh()).status_code == 200
    assert browser.jar["sekisho-refresh"] == newest


@pytest.mark.requirement("R3")
async def test_a_later_one_is_reuse_and_its_price_is_known(served: Served) -> None:
    """More than a grace late, and used later still: not to be told from a thief, so the session ends."""
    browser, _ = await signed_in(served)
    first = await browser.refresh()
    served.clock.now += 2 * GRACE
    await browser.refresh()
    browser.keep(first)
    served.clock.now += GRACE
    assert code_of(await browser.refresh()) == (401, "refresh_reused")


@pytest.mark.requirement("R5")
async def test_a_later_one_is_made_good_where_the_key_stayed_the_same(served: Served) -> None:
    """A page cannot see which cookie it has; one key for the whole login proves any one generation back."""
    browser, _ = await signed_in(served)
    key = "7.of-this-login"
    first = await browser.refresh(key=key)
    served.clock.now += 2 * GRACE
    await browser.refresh(key=key)
    browser.keep(first)
    served.clock.now += 3_600
    assert (await browser.refresh(key=key)).status_code == 200
    served.clock.now += 3_600
    assert (await browser.refresh(key=key)).status_code == 200


@pytest.mark.requirement("R3")
@pytest.mark.parametrize("thief_has_the_key", [False, True])
async def test_a_key_for_the_whole_login_hides_no_thief(served: Served, thief_has_the_key: bool) -> None:  # noqa: FBT001 - a case
    """Without it a spent cookie is reuse; with it the thief collides with the owner's next refresh."""
    browser, _ = await signed_in(served)
    key = "7.of-this-login"
    thief = Browser(served, jar=dict(browser.jar))
    await browser.refresh(key=key)
    served.clock.now += 900
    stolen = await thief.refresh(key=key if thief_has_the_key else None)
    if thief_has_the_key:
        assert stolen.status_code == 200
        served.clock.now += 900
        assert code_of(await browser.refresh(key=key)) == (401, "refresh_reused")
    else:
        assert code_of(stolen) == (401, "refresh_reused")
    assert code_of(await browser.refresh(key=key)) == (401, "session_revoked")
    assert code_of(await thief.refresh(key=key)) == (401, "session_revoked")


async def test_a_late_answer_of_the_session_before_brings_a_dead_cookie(served: Served) -> None:
    """Somebody logs in while a tab refreshes: should that arrive last, the next refresh says it is over."""
    browser, _ = await signed_in(served)
    late = await browser.refresh(keep=False)
    await browser.login("browser")
    browser.keep(late)
    assert code_of(await browser.refresh()) == (401, "session_revoked")


async def test_a_lost_answer_is_recovered_by_its_key(served: Served) -> None:
    """By cookie as by body: the key chosen beforehand makes the second use a recovery, any time later."""
    browser, _ = await signed_in(served)
    key = "tab-7"
    assert (await browser.refresh(keep=False, key=key)).status_code == 200
    served.clock.now += 86_400
    assert (await browser.refresh(key=key)).status_code == 200
    served.clock.now += 86_400
    assert (await browser.refresh()).status_code == 200


@pytest.mark.requirement("R3")
async def test_a_stolen_cookie_ends_the_session_when_both_were_used(served: Served) -> None:
    """Owner and thief collide, as with a token."""
    browser, _ = await signed_in(served)
    thief = Browser(served, jar=dict(browser.jar))
    assert (await thief.refresh()).status_code == 200
    served.clock.now += 900
    assert code_of(await browser.refresh()) == (401, "refresh_reused")
    assert code_of(await thief.refresh()) == (401, "session_revoked")


@pytest.mark.requirement("SE5")
async def test_logging_out_by_the_access_token_removes_the_cookie(served: Served) -> None:
    """204, the cookie is told to go, and what somebody kept of it is dead."""
    browser, login = await signed_in(served)
    copy = Browser(served, jar=dict(browser.jar))
    answer = await browser.send("POST", "/v1/logout", headers=bearer(login))
    assert (answer.status_code, cookies_of(answer)) == (204, {"sekisho-refresh": ""})
    assert answer.headers["clear-site-data"] == '"cache"'
    assert code_of(await copy.refresh()) == (401, "session_revoked")


@pytest.mark.requirement("SE5", "F4")
async def test_logging_out_by_the_cookie_takes_a_csrf_token(served: Served) -> None:
    """Whose access token has expired logs out by the cookie; a page of somebody else cannot."""
    browser, _ = await signed_in(served)
    answer = await browser.send("POST", "/v1/logout", headers={"Sekisho-Client": "1"})
    assert code_of(answer) == (403, "csrf_failed")
    copy = Browser(served, jar=dict(browser.jar))
    answer = await browser.post("/v1/logout")
    assert (answer.status_code, cookies_of(answer)) == (204, {"sekisho-refresh": ""})
    assert code_of(await copy.refresh()) == (401, "session_revoked")


async def test_a_spent_cookie_logs_out_of_its_own_session(served: Served) -> None:
    """And of no other one, once its family was replaced."""
    browser, login = await signed_in(served)
    old = Browser(served, jar=dict(browser.jar), csrf_token=browser.csrf_token)
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert (await browser.send("POST", "/v1/password", body, headers=bearer(login))).status_code == 204
    other = Browser(served)
    await other.login(password=OTHER_PASSWORD)
    assert code_of(await old.post("/v1/logout", {"scope": "all"})) == (401, "session_unknown")
    assert await other.me() == (200, "")


@pytest.mark.requirement("SE1")
async def test_a_new_password_renews_the_cookie(served: Served) -> None:
    """By the access token, with the cookie beside it: another family, and the old one is unknown."""
    browser, login = await signed_in(served)
    old = Browser(served, jar=dict(browser.jar))
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    answer = await browser.send("POST", "/v1/password", body, headers=bearer(login))
    assert (answer.status_code, list(cookies_of(answer))) == (204, ["sekisho-refresh"])
    assert code_of(await old.refresh()) == (401, "refresh_unknown")
    assert (await browser.refresh()).status_code == 200


async def test_a_cookie_of_another_session_is_not_renewed(served: Served) -> None:
    """Nor one that is dead: the answer brings nothing, and the session that asked goes on."""
    browser, _ = await signed_in(served)
    tokens = await served.login()
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    answer = await browser.send("POST", "/v1/password", body, headers=bearer(tokens))
    assert (answer.status_code, cookies_of(answer)) == (204, {})
    answer = await served.client.post("/v1/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert answer.status_code == 200


async def test_a_cookie_and_its_throttle_secret_serve_the_next_login(served: Served) -> None:
    """While strangers wait, a browser that has logged in before gets on, by a cookie that it never sees."""
    browser, _ = await signed_in(served)
    wrong = {"email": EMAIL, "password": "wrong", "mode": "token"}
    while (await served.client.post("/v1/login", json=wrong)).status_code == 401:
        pass
    stranger = Browser(served)
    await stranger.open_page()
    body = {**wrong, "password": PASSWORD, "mode": "browser"}
    assert code_of(await stranger.post("/v1/login", body)) == (429, "rate_limited")
    assert (await browser.post("/v1/login", body)).status_code == 200


@pytest.mark.requirement("SE5")
async def test_without_stored_sessions_the_cookie_is_the_token(server: Server) -> None:
    """The same cookie again at each refresh; logging out by it, and logging in anew, end it."""
    async with server(refresh_store="none") as served:
        browser, login = await signed_in(served)
        first = dict(browser.jar)
        answer = await browser.refresh()
        assert (answer.status_code, cookies_of(answer)) == (200, {})
        assert "refresh_token" not in answer.json()
        served.clock.now += 1
        await browser.login("browser")
        assert code_of(await Browser(served, jar=first).refresh()) == (401, "session_revoked")
        served.clock.now += 1
        copy = Browser(served, jar=dict(browser.jar))
        assert code_of(await browser.post("/v1/logout", **{"Sekisho-CSRF": ""})) == (403, "csrf_failed")
        answer = await browser.post("/v1/logout")
        assert (answer.status_code, cookies_of(answer)) == (204, {"sekisho-refresh": ""})
        assert code_of(await copy.refresh()) == (401, "session_revoked")
        assert (await served.client.get("/v1/me", headers=bearer(login))).status_code == 401
