"""Log in, refresh, log out, the device list: what each answers, to the letter."""

from __future__ import annotations

import pytest

from sekisho.rules.events import Event
from sekisho.rules.ids import uuid7
from tests.web.served import EMAIL, PASSWORD, Served, Server, bearer


async def test_a_login_answers_a_pair_and_the_person(served: Served) -> None:
    """Tokens, lifetimes in seconds, the session, the user and the device secret; never to be stored."""
    account = await served.register()
    answer = await served.client.post(
        "/v1/login", json={"email": EMAIL, "password": PASSWORD, "mode": "token"}
    )
    body = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert body.keys() == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "refresh_expires_in",
        "session_id",
        "user",
        "device_token",
    }
    assert (body["token_type"], body["expires_in"], body["refresh_expires_in"]) == ("Bearer", 900, 604_800)
    assert body["refresh_token"].startswith("skr1_")
    assert body["user"] == {
        "id": account["id"],
        "email": EMAIL,
        "locale": "und",
        "roles": [],
        "groups": [],
        "entitlements": [],
    }


@pytest.mark.requirement("W6", "X07")
async def test_unknown_wrong_and_disabled_are_one_answer(served: Served) -> None:
    """Status, headers and body are the same, the request id aside."""
    account = await served.register()
    await served.register("ken@example.com")
    await served.house.store.set_status(
        account["id"], "disabled", now=served.clock(), event=_disabled(account["id"], served.clock())
    )
    answers = []
    for email, password in (
        (EMAIL, PASSWORD),
        ("ken@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("not an address", PASSWORD),
    ):
        answer = await served.client.post(
            "/v1/login", json={"email": email, "password": password, "mode": "token"}
        )
        headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        body = {name: value for name, value in answer.json().items() if name != "request_id"}
        answers.append((answer.status_code, headers, body))
    assert answers[0][0] == 401
    assert answers[0][2]["code"] == "invalid_credentials"
    assert all(each == answers[0] for each in answers)


def _disabled(user_id: str, now: float) -> Event:
    return Event("account_disabled", now, uuid7(now, bytes(10)), user_id=user_id)


@pytest.mark.parametrize("mode", ["cookie", "TOKEN", ""])
async def test_other_modes_are_named_as_the_fault(served: Served, mode: str) -> None:
    """There are three modes; any other word is the fault."""
    body = {"email": EMAIL, "password": PASSWORD, "mode": mode}
    answer = await served.client.post("/v1/login", json=body)
    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        ("/mode", "invalid_value")
    ]


@pytest.mark.requirement("X17")
async def test_guessing_has_to_wait(served: Served) -> None:
    """After ten wrong passwords the answer is 429 with Retry-After, also for the right one."""
    await served.register()
    wrong = {"email": EMAIL, "password": "wrong", "mode": "token"}
    for _ in range(10):
        assert (await served.client.post("/v1/login", json=wrong)).status_code == 401
    answer = await served.client.post("/v1/login", json={**wrong, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["retry-after"] in answer.json()["detail"]
    served.clock.now += int(answer.headers["retry-after"])
    assert (await served.client.post("/v1/login", json={**wrong, "password": PASSWORD})).status_code == 200


async def test_a_known_device_is_not_held_up_by_others(served: Served) -> None:
    """Whoever sends the device secret of an earlier login logs in while strangers wait."""
    await served.register()
    device_token = (await served.login())["device_token"]
    wrong = {"email": EMAIL, "password": "wrong", "mode": "token"}
    while (await served.client.post("/v1/login", json=wrong)).status_code == 401:
        pass
    assert (await served.login(device_token=device_token))["device_token"] == device_token


async def test_a_refresh_answers_the_next_pair(served: Served) -> None:
    """The pair of the same session, without a device secret."""
    await served.register()
    first = await served.login()
    answer = await served.client.post("/v1/refresh", json={"refresh_token": first["refresh_token"]})
    second = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert second.keys() == first.keys() - {"device_token"}
    assert second["session_id"] == first["session_id"]
    assert second["refresh_token"] != first["refresh_token"]
    assert (await served.client.get("/v1/me", headers=bearer(second))).status_code == 200


async def test_a_reused_refresh_token_ends_the_session(served: Served) -> None:
    """The second use, out of the grace, is `refresh_reused`, and the session is dead for everybody."""
    await served.register()
    first = await served.login()
    second = (await served.client.post("/v1/refresh", json={"refresh_token": first["refresh_token"]})).json()
    served.clock.now += 11
    answer = await served.client.post("/v1/refresh", json={"refresh_token": first["refresh_token"]})
    assert (answer.status_code, answer.json()["code"]) == (401, "refresh_reused")
    answer = await served.client.post("/v1/refresh", json={"refresh_token": second["refresh_token"]})
    assert (answer.status_code, answer.json()["code"]) == (401, "session_revoked")
    answer = await served.client.get("/v1/me", headers=bearer(second))
    assert (answer.status_code, answer.json()["code"]) == (401, "session_revoked")
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token"')


async def test_a_lost_response_is_recovered_by_its_key(served: Served) -> None:
    """The key that the client chose beforehand makes the second use, any time later, a recovery."""
    await served.register()
    first = await served.login()
    lost = {"refresh_token": first["refresh_token"]}
    headers = {"Idempotency-Key": "tab-7/!~"}
    assert (await served.client.post("/v1/refresh", json=lost, headers=headers)).status_code == 200
    served.clock.now += 86_400
    assert (await served.client.post("/v1/refresh", json=lost, headers=headers)).status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 201, "with space", "caf\u00e9", "tab\there"])
async def test_an_unfit_idempotency_key_is_refused_before_anything_happens(served: Served, key: str) -> None:
    """1 to 200 visible ASCII characters; the refresh token is still good afterwards."""
    await served.register()
    tokens = await served.login()
    body = {"refresh_token": tokens["refresh_token"]}
    headers = {b"Idempotency-Key": key.encode("latin-1")}
    answer = await served.client.post("/v1/refresh", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    served.clock.now += 60
    assert (await served.client.post("/v1/refresh", json=body)).status_code == 200


@pytest.mark.parametrize(
    "text", ["", "skr1_", "skr1_AAAA", "x" * 20_000, "\u95a2\u6240", "skr1_" + "A" * 158]
)
async def test_what_we_never_sealed_is_unknown(served: Served, text: str) -> None:
    """Anything that is not one of our refresh tokens has one answer."""
    answer = await served.client.post("/v1/refresh", json={"refresh_token": text})
    assert (answer.status_code, answer.json()["code"]) == (401, "refresh_unknown")


async def test_an_expired_refresh_token_says_so(served: Served) -> None:
    """At the second of its expiry it is expired."""
    await served.register()
    tokens = await served.login()
    served.clock.now += tokens["refresh_expires_in"]
    answer = await served.client.post("/v1/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert (answer.status_code, answer.json()["code"]) == (401, "refresh_expired")


async def test_logging_out_twice_is_no_fault(served: Served) -> None:
    """204 each time, with no body and no body sent; the access token is dead at once."""
    await served.register()
    tokens = await served.login()
    for _ in range(2):
        answer = await served.client.post("/v1/logout", headers=bearer(tokens))
        assert (answer.status_code, answer.content) == (204, b"")
        assert "content-type" not in answer.headers
    answer = await served.client.get("/v1/me", headers=bearer(tokens))
    assert answer.json()["code"] == "session_revoked"


async def test_a_refresh_token_can_log_out(served: Served) -> None:
    """Whoever has no access token any more presents the other one, as often as they like."""
    await served.register()
    tokens = await served.login()
    for _ in range(2):
        answer = await served.client.post("/v1/logout", json={"refresh_token": tokens["refresh_token"]})
        assert answer.status_code == 204
    answer = await served.client.post("/v1/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert answer.json()["code"] == "session_revoked"


@pytest.mark.parametrize(("scope", "left"), [("this", 2), ("others", 1), ("all", 0)])
async def test_a_scope_says_how_far_it_reaches(served: Served, scope: str, left: int) -> None:
    """This session, every other one, or all of three."""
    await served.register()
    mine, *others = [await served.login() for _ in range(3)]
    answer = await served.client.post("/v1/logout", json={"scope": scope}, headers=bearer(mine))
    assert answer.status_code == 204
    alive = [
        tokens
        for tokens in (mine, *others)
        if (await served.client.get("/v1/me", headers=bearer(tokens))).status_code == 200
    ]
    assert len(alive) == left
    assert (mine in alive) is (scope == "others")


@pytest.mark.requirement("C9")
async def test_logging_out_with_both_tokens_is_refused(served: Served) -> None:
    """Two credentials may name two sessions: neither is ended."""
    await served.register()
    one, two = await served.login(), await served.login()
    body = {"refresh_token": two["refresh_token"]}
    answer = await served.client.post("/v1/logout", json=body, headers=bearer(one))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    for tokens in (one, two):
        assert (await served.client.get("/v1/me", headers=bearer(tokens))).status_code == 200


async def test_logging_out_without_a_credential_is_refused(served: Served) -> None:
    """Nobody is logged out by nobody."""
    answer = await served.client.post("/v1/logout", json={})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")


async def test_the_device_list_shows_where_one_is_signed_in(served: Served) -> None:
    """Newest first, the asking session marked, address and user agent as they were at the login."""
    await served.register()
    body = {"email": EMAIL, "password": PASSWORD, "mode": "token"}
    await served.client.post("/v1/login", json=body, headers={"User-Agent": "phone"})
    served.clock.now += 60
    answer = await served.client.post(
        "/v1/login", json=body, headers={"User-Agent": "desk\x1b[31m" + "x" * 500}
    )
    tokens = answer.json()
    lines = (await served.client.get("/v1/sessions", headers=bearer(tokens))).json()["sessions"]
    assert [line["current"] for line in lines] == [True, False]
    assert lines[0]["user_agent"].startswith("desk\ufffd[31mx")
    assert len(lines[0]["user_agent"]) == 400
    assert lines[1]["user_agent"] == "phone"
    assert lines[1]["ip"] == "127.0.0.1"
    assert lines[0]["created_at"] == "2026-11-18T11:07:40Z"
    assert lines[1]["mode"] == "token"


@pytest.mark.requirement("X24")
async def test_a_line_of_the_device_list_can_be_ended(served: Served) -> None:
    """204, and that session is dead; a second time, or somebody else's, there is nothing there."""
    await served.register()
    mine, phone = await served.login(), await served.login()
    await served.register("ken@example.com")
    foreign = await served.login("ken@example.com")
    path = f"/v1/sessions/{phone['session_id']}"
    assert (await served.client.delete(path, headers=bearer(mine))).status_code == 204
    assert (await served.client.get("/v1/me", headers=bearer(phone))).json()["code"] == "session_revoked"
    for unknown in (phone["session_id"], foreign["session_id"], "x", "..", "%00", "a" * 9000):
        answer = await served.client.delete(f"/v1/sessions/{unknown}", headers=bearer(mine))
        assert answer.status_code in {404, 405}, unknown
    assert (await served.client.get("/v1/me", headers=bearer(foreign))).status_code == 200


async def test_without_stored_sessions_there_is_no_list(server: Server) -> None:
    """`refresh_store = none`: login, refresh and logout work; the list is 409 `not_stored`."""
    async with server(refresh_store="none") as served:
        await served.register()
        tokens = await served.login()
        answer = await served.client.get("/v1/sessions", headers=bearer(tokens))
        assert (answer.status_code, answer.json()["code"]) == (409, "not_stored")
        answer = await served.client.post("/v1/refresh", json={"refresh_token": tokens["refresh_token"]})
        assert answer.status_code == 200
        served.clock.now += 1
        assert (await served.client.post("/v1/logout", headers=bearer(tokens))).status_code == 204
        answer = await served.client.get("/v1/me", headers=bearer(tokens))
        assert (answer.status_code, answer.json()["code"]) == (401, "session_revoked")
