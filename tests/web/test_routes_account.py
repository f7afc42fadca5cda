"""Accounts: make one, look at it, change its password."""

from __future__ import annotations

import pytest

from sekisho.rules.events import Event
from sekisho.rules.ids import uuid7
from tests.web.served import EMAIL, OTHER_PASSWORD, PASSWORD, Served, Server, bearer


async def test_an_account_is_made(served: Served) -> None:
    """201 with the account, its address in one spelling; the password is nowhere in the answer."""
    body = {"email": "Aya@EXAMPLE.com", "password": PASSWORD, "locale": "ja"}
    answer = await served.client.post("/v1/accounts", json=body)
    made = answer.json()
    assert answer.status_code == 201
    assert made.keys() == {"id", "email", "locale", "created_at"}
    assert made["email"].endswith("@example.com")
    assert (made["locale"], made["created_at"]) == ("ja", "2026-11-18T11:06:40Z")


async def test_an_address_is_taken_once(served: Served) -> None:
    """The second account of one address is a conflict."""
    await served.register()
    answer = await served.client.post("/v1/accounts", json={"email": EMAIL, "password": OTHER_PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")


async def test_every_fault_of_an_account_is_told(served: Served) -> None:
    """Address, password and language in one answer."""
    body = {"email": "nobody", "password": "passwort", "locale": "tlh"}
    answer = await served.client.post("/v1/accounts", json=body)
    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        ("/email", "invalid_email"),
        ("/password", "password_common"),
        ("/locale", "invalid_locale"),
    ]


@pytest.mark.parametrize(
    ("email", "password", "fault"),
    [
        ("x" * 321, PASSWORD, ("/email", "invalid_value")),
        (EMAIL, "a" * 257, ("/password", "password_too_long")),
        (EMAIL, "\ufdfa" * 4_000, ("/password", "password_too_long")),  # NFKC makes 18 characters of each
        (EMAIL, "1234567", ("/password", "password_too_short")),
    ],
)
async def test_lengths_are_bounded(served: Served, email: str, password: str, fault: tuple[str, str]) -> None:
    """Too long is refused, never cut off."""
    answer = await served.client.post("/v1/accounts", json={"email": email, "password": password})
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [fault]


async def test_sign_up_can_be_closed(server: Server) -> None:
    """403 `signup_closed`, before anything is looked at."""
    async with server(signup="closed") as served:
        answer = await served.client.post("/v1/accounts", json={"email": "x", "password": "x"})
        assert (answer.status_code, answer.json()["code"]) == (403, "signup_closed")
        assert "www-authenticate" not in answer.headers


async def test_me_is_what_the_database_says_now(served: Served) -> None:
    """Rights given after the token was minted are shown; the token alone is not believed."""
    account = await served.register()
    tokens = await served.login()
    event = Event("role_granted", served.clock(), uuid7(served.clock(), bytes(10)))
    await served.house.store.grant_role(account["id"], "admin", now=served.clock(), event=event)
    me = (await served.client.get("/v1/me", headers=bearer(tokens))).json()
    assert me == {
        "id": account["id"],
        "email": EMAIL,
        "locale": "und",
        "roles": ["admin"],
        "groups": [],
        "entitlements": [],
        "session_id": tokens["session_id"],
        "auth_time": "2026-11-18T11:06:40Z",
        "amr": ["pwd"],
        "created_at": "2026-11-18T11:06:40Z",
    }


async def test_a_new_password_ends_the_other_sessions(served: Served) -> None:
    """204; this session goes on, the other is dead, and only the new password logs in."""
    await served.register()
    mine, other = await served.login(), await served.login()
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    answer = await served.client.post("/v1/password", json=body, headers=bearer(mine))
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await served.client.get("/v1/me", headers=bearer(mine))).status_code == 200
    assert (await served.client.get("/v1/me", headers=bearer(other))).json()["code"] == "session_revoked"
    await served.login(password=OTHER_PASSWORD)


@pytest.mark.requirement("SE7", "X17")
async def test_a_new_password_needs_the_old_one(served: Served) -> None:
    """A stolen access token is no machine for guessing: wrong is 401, and in the end 429."""
    await served.register()
    tokens = await served.login()
    body = {"current_password": "wrong", "new_password": OTHER_PASSWORD}
    for _ in range(10):
        answer = await served.client.post("/v1/password", json=body, headers=bearer(tokens))
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    answer = await served.client.post("/v1/password", json=body, headers=bearer(tokens))
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")


async def test_a_new_password_is_held_to_the_rules(served: Served) -> None:
    """The pointer names the new one."""
    await served.register()
    tokens = await served.login()
    body = {"current_password": PASSWORD, "new_password": "short"}
    answer = await served.client.post("/v1/password", json=body, headers=bearer(tokens))
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        ("/new_password", "password_too_short")
    ]
