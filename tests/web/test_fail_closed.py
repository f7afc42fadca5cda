"""Fail closed: with the database gone, whole or in part, nobody is let in and nothing is half done (H6)."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from sekisho.adapters.sql import revocations, throttle
from sekisho.web.app import CORE
from tests.web.served import EMAIL, OTHER_PASSWORD, PASSWORD, Served, Server, bearer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from typing import Any

    import httpx2

    from sekisho.web.endpoint import Endpoint
    from tests.parts.postgres import PostgresServer

ROOT_SECRET = "zM3canary-9xQ7w2Lr8vTn4Kp6Yd1Hs5Bf0Gj3"

#: Every act that decides about somebody, as a request with credentials that are good.
ACTS = ("login", "wrong login", "refresh", "me", "sessions", "revoke", "password", "logout all")

#: What each table takes part in deciding. Without it that act must be refused, whatever else is there.
DECIDES = {
    "users": ACTS,
    "sessions": ("login", "refresh", "me", "sessions", "revoke", "password", "logout all"),
    "user_permissions": ("login", "refresh", "me"),
    "group_permissions": ("login", "refresh", "me"),
    "group_members": ("login", "refresh", "me"),
    "user_roles": ("login", "refresh", "me"),
    "feed_head": ("login", "refresh", "me", "revoke", "password", "logout all"),
    "throttle": ("login", "wrong login", "password"),
    "security_events": ("login", "wrong login", "revoke", "password", "logout all"),
}

UNSAFE = [each for each in CORE if each.method != "GET"]


async def act(served: Served, name: str, tokens: Mapping[str, Any]) -> httpx2.Response:
    """Do one of them."""
    client, who = served.client, bearer(tokens)
    if name in {"login", "wrong login"}:
        password = PASSWORD if name == "login" else "wrong"
        return await client.post("/v1/login", json={"email": EMAIL, "password": password, "mode": "token"})
    if name == "refresh":
        return await client.post("/v1/refresh", json={"refresh_token": tokens["refresh_token"]})
    if name == "password":
        change = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
        return await client.post("/v1/password", json=change, headers=who)
    if name == "revoke":
        return await client.delete(f"/v1/sessions/{tokens['session_id']}", headers=who)
    if name == "logout all":
        return await client.post("/v1/logout", json={"scope": "all"}, headers=who)
    return await client.get(f"/v1/{name}", headers=who)


async def is_refused(served: Served, name: str, tokens: Mapping[str, Any]) -> None:
    """`unavailable`, with a time to come back, and with nothing in it that could be used."""
    answer = await act(served, name, tokens)
    assert (answer.status_code, answer.json().get("code")) == (503, "unavailable"), name
    assert int(answer.headers["retry-after"]) >= 1
    assert "token" not in answer.json()


async def nothing_has_happened(served: Served, tokens: Mapping[str, Any]) -> None:
    """The session lives, its first refresh token rotates, and the password is the old one."""
    assert (await act(served, "me", tokens)).json()["session_id"] == tokens["session_id"]
    renewed = (await act(served, "refresh", tokens)).json()
    assert renewed["refresh_token"] != tokens["refresh_token"]
    assert (await act(served, "login", tokens)).status_code == 200


def without(served: Served, table: str) -> AbstractAsyncContextManager[None]:
    """A while in which the database has lost that table."""
    path = served.house.settings.sqlite_path
    assert path is not None

    def rename(old: str, new: str) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("PRAGMA legacy_alter_table = ON")  # other tables go on referring to the old name
            database.execute(f"ALTER TABLE {old} RENAME TO {new}")

    @asynccontextmanager
    async def lost() -> AsyncIterator[None]:
        rename(table, f"{table}_lost")
        try:
            yield
        finally:
            rename(f"{table}_lost", table)

    return lost()


@pytest.mark.requirement("H6")
@pytest.mark.parametrize("table", DECIDES)
async def test_a_part_of_the_database_that_is_gone_lets_nobody_in(served: Served, table: str) -> None:
    """A permission that cannot be read, an attempt that cannot be counted, an event that cannot be kept."""
    await served.register()
    tokens = await served.login()
    async with without(served, table):
        for name in DECIDES[table]:
            await is_refused(served, name, tokens)
    await nothing_has_happened(served, tokens)


@pytest.mark.requirement("W10", "X12")
@pytest.mark.parametrize("body", [b"", b"{}", b"null"])
@pytest.mark.parametrize(
    "endpoint", [each for each in CORE if each.method != "GET"], ids=lambda each: each.path
)
async def test_an_empty_request_takes_no_step(served: Served, endpoint: Endpoint[Any], body: bytes) -> None:
    """Of no flow, the setup included: it is refused, brings no cookie, and everything is as before."""
    await served.setup_code()
    answer = await served.client.request(
        endpoint.method,
        endpoint.path.replace("{id}", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code in {400, 401, 422}, answer.text
    assert answer.json()["code"] in {"malformed_json", "token_missing", "validation_failed"}
    assert "set-cookie" not in answer.headers
    assert await served.house.store.list_accounts() == []
    assert await served.house.store.setup_digest(now=served.clock()) is not None


@pytest.mark.requirement("H6")
async def test_a_database_that_is_not_there_lets_nobody_in(served: Served) -> None:
    """Right password, living session, fresh token: each is refused until the database is back."""
    await served.register()
    tokens = await served.login()
    await served.house.store.close()
    for name in ACTS:
        await is_refused(served, name, tokens)
    assert (await served.client.get("/readyz")).json()["code"] == "unavailable"
    assert (await served.client.get("/healthz")).json() == {"status": "ok"}
    await served.house.store.open()
    await nothing_has_happened(served, tokens)


@pytest.mark.requirement("H6")
@pytest.mark.parametrize("part", [(throttle, "attempt"), (revocations, "publish")])
async def test_a_fault_of_our_own_lets_nobody_in(
    served: Served, monkeypatch: pytest.MonkeyPatch, part: tuple[object, str]
) -> None:
    """What nobody foresaw is a refusal too, and undoes what was begun."""
    await served.register()
    tokens = await served.login()

    def broken(*_: object, **__: object) -> Iterator[object]:
        raise ZeroDivisionError

    with monkeypatch.context() as fault:
        fault.setattr(*part, broken)
        answer = await act(served, "password", tokens)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    await nothing_has_happened(served, tokens)


@pytest.mark.requirement("H6")
async def test_without_sessions_the_feed_decides_and_must_be_there(server: Server) -> None:
    """A stateless refresh token is believed only where it was looked up whether it was revoked."""
    async with server(refresh_store="none") as served:
        await served.register()
        tokens = await served.login()
        for table in ("feed", "feed_head", "users"):
            async with without(served, table):
                for name in ("refresh", "me"):
                    await is_refused(served, name, tokens)
        assert (await act(served, "refresh", tokens)).status_code == 200


@pytest.mark.postgres
@pytest.mark.requirement("H6")
async def test_a_postgres_that_shuts_its_door_lets_nobody_in(
    server: Server, postgres_server: PostgresServer
) -> None:
    """Every connection is ended and no new one is let in, as in a failover."""
    name = postgres_server.create_database()
    url = postgres_server.url(name)
    async with server(database_url=url, root_secret="env:ROOT", secrets={"ROOT": ROOT_SECRET}) as served:
        await served.register()
        tokens = await served.login()
        with psycopg.connect(postgres_server.url(), autocommit=True) as administrator:

            def door(*, is_open: bool) -> None:
                allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
                administrator.execute(allow.format(sql.Identifier(name), sql.Literal(is_open)))
                query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                administrator.execute(query, [name])

            door(is_open=False)
            # Together: each waits as long as a caller may for a connection.
            each = (is_refused(served, name, tokens) for name in ("login", "refresh", "me", "password"))
            await asyncio.gather(*each)
            door(is_open=True)
        await nothing_has_happened(served, tokens)
    postgres_server.drop_database(name)
