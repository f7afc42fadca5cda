"""A primary that has lost its synchronous standby cannot commit: what is read from it is not called fresh."""

from __future__ import annotations

import asyncio
import os
import time

import psycopg
import pytest

from sekisho.adapters.feed_tail import AFTER, FeedTail
from sekisho.adapters.migrations.upgrade import migrate
from sekisho.adapters.postgres.store import PostgresStore
from sekisho_verify.revocations.freshness import FRESH
from tests.parts.postgres import PostgresServer

pytestmark = [pytest.mark.postgres, pytest.mark.long]

#: Seconds for which it is watched: longer than a statement may take, after which what was not replicated is
#: seen here all the same.
WATCHED = 14.0


async def test_a_primary_that_cannot_commit_grows_old() -> None:
    """Reads go on, and say so: nothing younger than two seconds, even when the wait for the standby ends.

    PostgreSQL ends it when the statement has taken too long, and the row that says "I am a primary" is then
    seen here though nobody else has it; but it tells when the wait began.
    """
    with PostgresServer(settings={"synchronous_commit": "on"}) as primary:
        migrate(primary.url())
        with primary.standby() as standby:
            _wait_for(primary, "*")
            store = PostgresStore(primary.url(), entropy=os.urandom)
            await store.open()
            try:
                tail = FeedTail(store, ttl=960.0, clock=time.time, steady=time.monotonic)
                async with tail.following():
                    await _until_age(tail, below=1.0)
                    standby.kill9()
                    await _until_age(tail, above=FRESH)
                    youngest = await _youngest(tail, seconds=WATCHED)
                    assert youngest > FRESH
                    standby.start()
                    await _until_age(tail, below=1.0)
            finally:
                _wait_for(primary, "")
                await store.close()


def _wait_for(primary: PostgresServer, standbys: str) -> None:
    with psycopg.connect(primary.url(), autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standbys}'".encode())
        connection.execute("SELECT pg_reload_conf()")


async def _age(tail: FeedTail) -> float:
    """How old what a verifier is told is, as soon as it is read."""
    assert await tail.renewed(patience=AFTER), "reads go on"
    as_of = tail.revocations.as_of
    assert as_of is not None
    return time.time() - as_of


async def _youngest(tail: FeedTail, *, seconds: float) -> float:
    until, youngest = time.monotonic() + seconds, float("inf")
    while time.monotonic() < until:
        youngest = min(youngest, await _age(tail))
    return youngest


async def _until_age(tail: FeedTail, *, below: float = float("inf"), above: float = 0.0) -> None:
    async with asyncio.timeout(30):
        while not above < await _age(tail) < below:
            pass
