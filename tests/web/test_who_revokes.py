"""Whoever ends something publishes it: heard on the stream, with its kind and effect, on each database."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from sekisho.cli.main import tree
from sekisho_verify.revocations.entries import entry_key
from tests.parts.feed_listener import header_of
from tests.parts.serving import environment
from tests.web.feed_node import Node, refusal_of, running
from tests.web.served import EMAIL, OTHER_PASSWORD, PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sekisho_verify.revocations.entries import Effect, Kind

    Told = tuple[Kind, str, Effect]


@pytest.fixture
async def node(tmp_path: Path, database: str) -> AsyncIterator[Node]:
    """One server, whose verifier knows the keys and the feed as it is empty."""
    async with running(tmp_path, database) as opened:
        await opened.feed.snapshot()
        yield opened


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    """The header that presents an access token."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def refresh(node: Node, token: str) -> dict[str, Any]:
    """Spend a refresh token; what came of it."""
    answer = await node.client.post("/v1/refresh", json={"refresh_token": token})
    found: dict[str, Any] = answer.json()
    return found


async def by_http(node: Node, way: str, mine: dict[str, Any], other: dict[str, Any]) -> None:
    """End `mine`, or `other`, or both, over HTTP."""
    client, headers = node.client, bearer(mine)
    match way:
        case "logout this" | "logout others" | "logout all":
            await node.logout(mine, scope=way.removeprefix("logout "))
        case "device list":
            answer = await client.delete(f"/v1/sessions/{other['session_id']}", headers=headers)
            assert answer.status_code == 204
        case "new password":
            body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
            assert (await client.post("/v1/password", json=body, headers=headers)).status_code == 204
        case "exchange":
            body = {"mode": "token", "password": PASSWORD}
            answer = await client.post("/v1/sessions/exchange", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
        case _:
            renewed = await refresh(node, mine["refresh_token"])
            renewed = await refresh(node, renewed["refresh_token"])
            assert (await refresh(node, mine["refresh_token"]))["code"] == "refresh_reused"


@pytest.mark.parametrize(
    ("way", "ended"),
    [
        ("logout this", {"mine"}),
        ("logout others", {"other"}),
        ("logout all", {"mine", "other"}),
        ("device list", {"other"}),
        ("reuse", {"mine"}),
        ("exchange", {"mine"}),
    ],
)
async def test_sessions_that_end_over_http(tmp_path: Path, database: str, way: str, ended: set[str]) -> None:
    """Each has an entry of its own, `revoked`, and its tokens are refused; the others are not."""
    async with running(tmp_path, database, refresh_grace="0s") as node:
        tokens = {"mine": await node.login(), "other": await node.login()}
        await node.feed.snapshot()
        async with node.feed.stream() as stream:
            await by_http(node, way, tokens["mine"], tokens["other"])
            entries = await node.feed.entries(stream, len(ended))
            await node.feed.heartbeat(stream)
        expected = {("session", entry_key("session", tokens[who]["session_id"])) for who in ended}
        assert {(entry.kind, entry.key) for entry in entries} == expected
        assert {entry.effect for entry in entries} == {"revoked"}
        for who, each in tokens.items():
            refused = refusal_of(node.feed, each["access_token"])
            assert refused == ("token_revoked" if who in ended else None)


async def test_a_new_password_ends_the_other_sessions(node: Node) -> None:
    """Those of other devices are over; the one that changed it goes on."""
    mine, other = await node.login(), await node.login()
    async with node.feed.stream() as stream:
        await by_http(node, "new password", mine, other)
        entries = await node.feed.entries(stream, 1)
        while (await node.feed.heartbeat(stream)).head < entries[-1].number:
            pass
    assert ("session", entry_key("session", other["session_id"]), "revoked") in [e[1:] for e in entries]
    assert refusal_of(node.feed, other["access_token"]) == "token_revoked"
    assert refusal_of(node.feed, mine["access_token"]) != "token_revoked"


async def operate(node: Node, tmp_path: Path, *arguments: str) -> None:
    """Run a command on the database of the server, as another process would."""
    settings = {
        "SEKISHO_DATA": str(node.settings.data),
        "SEKISHO_ROOT_SECRET": f"file:{tmp_path}/root",
        "SEKISHO_DATABASE_URL": node.settings.database_url,
    }
    variables = dict.fromkeys(os.environ) | environment(**settings)
    command = CliRunner().invoke
    done = await asyncio.to_thread(command, tree, arguments, env=variables, catch_exceptions=False)
    assert done.exit_code == 0, done.stderr


async def test_what_an_operator_changes_is_heard(node: Node, tmp_path: Path) -> None:
    """Rights make tokens stale, and a refresh helps; a session, a user that is disabled or gone ends them."""
    tokens = await node.login()
    user, session = tokens["user"]["id"], tokens["session_id"]
    stale_user: Told = ("user", user, "stale")
    stale_group: Told = ("group", "ferry", "stale")
    steps: list[tuple[tuple[str, ...], Told | None]] = [
        (("user", "grant", EMAIL, "captain"), stale_user),
        (("user", "revoke-role", EMAIL, "captain"), stale_user),
        (("user", "allow", EMAIL, "boats:row"), stale_user),
        (("user", "deny", EMAIL, "boats:row"), stale_user),
        (("user", "clear", EMAIL, "boats:row"), stale_user),
        (("group", "create", "ferry"), None),
        (("group", "add", "ferry", EMAIL), stale_user),
        (("group", "allow", "ferry", "boats:row"), stale_group),
        (("group", "deny", "ferry", "boats:row"), stale_group),
        (("group", "clear", "ferry", "boats:row"), stale_group),
        (("group", "remove", "ferry", EMAIL), stale_user),
        (("group", "delete", "ferry", "--yes"), stale_group),
        (("session", "revoke", session), ("session", session, "revoked")),
        (("user", "disable", EMAIL), ("user", user, "revoked")),
        (("user", "enable", EMAIL), None),
        (("user", "delete", EMAIL, "--yes"), ("user", user, "revoked")),
    ]
    async with node.feed.stream() as stream:
        for command, told in steps:
            await operate(node, tmp_path, *command)
            if told is not None:
                (entry,) = await node.feed.entries(stream, 1)
                assert (entry.kind, entry.key, entry.effect) == (told[0], entry_key(*told[:2]), told[2])
                if told == stale_user:
                    assert refusal_of(node.feed, tokens["access_token"]) == "token_stale"
                    renewed = await refresh(node, tokens["refresh_token"])
                    tokens |= {name: renewed[name] for name in ("access_token", "refresh_token")}
                    assert refusal_of(node.feed, tokens["access_token"]) is None
    assert refusal_of(node.feed, tokens["access_token"]) == "token_revoked"


async def test_an_operator_ends_every_session_of_an_account(node: Node, tmp_path: Path) -> None:
    """Each has an entry of its own, so that the next login of the account is believed."""
    both = [await node.login(), await node.login()]
    async with node.feed.stream() as stream:
        await operate(node, tmp_path, "session", "revoke", "--user", EMAIL)
        entries = await node.feed.entries(stream, 2)
    expected = {("session", entry_key("session", each["session_id"]), "revoked") for each in both}
    assert {(entry.kind, entry.key, entry.effect) for entry in entries} == expected
    assert [refusal_of(node.feed, each["access_token"]) for each in both] == ["token_revoked"] * 2
    assert refusal_of(node.feed, (await node.login())["access_token"]) is None


async def test_a_key_that_leaked_is_told_and_seals_nothing_any_more(node: Node, tmp_path: Path) -> None:
    """The entry stays for good; what that key has sealed, ring and snapshot included, is not given out."""
    await node.logout(await node.login())
    tokens = await node.login()
    (leaked,) = [key["kid"] for key in (await node.client.get("/.well-known/jwks.json")).json()["keys"]]
    async with node.feed.stream() as stream:
        assert header_of((await stream.event()).data)["kid"] == leaked
        await operate(node, tmp_path, "key", "rotate", "--now")
        await operate(node, tmp_path, "key", "retire", leaked, "--compromised")
        while (await stream.event("frame")).id != "1.2":
            pass
        while header_of((await stream.event("heartbeat")).data)["kid"] == leaked:
            pass
    await node.feed.knowing_keys()
    await node.feed.snapshot()
    assert node.feed.revocations.leaked(leaked)
    async with node.feed.stream(last_event_id="1.0") as stream:
        assert (await node.feed.heartbeat(stream)).head == 2
    assert refusal_of(node.feed, tokens["access_token"], kid=leaked) == "token_revoked"
    assert refusal_of(node.feed, (await node.login())["access_token"]) is None
