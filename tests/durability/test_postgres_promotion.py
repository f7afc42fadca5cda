"""A standby that was behind is promoted: what was lost is not taken for known, nor what is old for fresh."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from msgspec.structs import replace

from sekisho.adapters.migrations.upgrade import migrate
from sekisho.adapters.postgres.store import PostgresStore
from sekisho.rules.refusals import Refusal
from sekisho.rules.revocation import Entry
from sekisho_verify.errors import TokenRefused
from sekisho_verify.revocations.entries import Frame, Heartbeat
from sekisho_verify.revocations.live import Applied, Revocations, SnapshotNeeded, session_marks
from tests.conformance.scene import NOW, Scene
from tests.parts.postgres import PostgresServer, PostgresStandby
from tests.parts.serving import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.postgres


@asynccontextmanager
async def node(server: PostgresServer) -> AsyncGenerator[PostgresStore]:
    """A store on that server."""
    store = PostgresStore(server.url(), entropy=os.urandom)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def revoke(store: PostgresStore, session: str, *, now: float) -> None:
    """Publish the end of a session."""
    event = Scene([store]).event("session_revoked")
    event = replace(event, id=f"{event.id[:24]}{int(now):012d}")
    await store.publish([Entry("session", session, "revoked")], now=now, event=event)


async def epoch_and_head(store: PostgresStore) -> tuple[int, int]:
    """Where the feed stands."""
    snapshot = await store.feed_snapshot(as_of=0.0, ttl=900.0)
    return snapshot.epoch, snapshot.head


async def test_a_promotion_begins_an_epoch_before_any_number_is_given_out_again() -> None:
    """Through connections that were open before, too; a verifier that knew more is led to the new line.

    The standby lacks the last revocation of the old line, and gives its number to another session.
    """
    with PostgresServer() as primary:
        migrate(primary.url())
        async with node(primary) as old:
            await revoke(old, "first", now=NOW)
            with primary.standby() as standby:
                await _lose_the_second(primary, old, standby)


async def _lose_the_second(primary: PostgresServer, old: PostgresStore, standby: PostgresStandby) -> None:
    verifier = Revocations()
    standby.stop()
    await revoke(old, "second", now=NOW + 1)
    verifier.apply(await old.feed_snapshot(as_of=0.0, ttl=900.0))
    assert verifier.rv == "1.2"
    await old.close()
    primary.kill9()
    standby.start()
    async with node(standby) as new:
        assert await epoch_and_head(new) == (1, 1), "it is behind"
        with pytest.raises(Refusal, match="unavailable"):
            await new.feed_advance(now=NOW + 60, every=0.4)
        assert (await new.feed_snapshot(as_of=NOW + 60, ttl=900.0)).as_of == NOW, "and does not hide it"
        standby.promote()
        await revoke(new, "third", now=NOW + 61)
        assert await epoch_and_head(new) == (2, 2)
        token = session_marks(sid="third", sub="somebody", groups=(), rv="1.1", issued_at=NOW)
        frame = await new.feed_behind(1, epoch=2, as_of=0.0, limit=10)
        assert isinstance(frame, Frame)
        assert verifier.apply(frame) == SnapshotNeeded()
        assert verifier.apply(await new.feed_snapshot(as_of=0.0, ttl=900.0)) == Applied(2)
        with pytest.raises(TokenRefused, match="token_revoked"):
            verifier.check(token)


async def test_a_standby_that_lags_is_as_old_as_it_lags() -> None:
    """What it tells stands still while it does not replay, whatever the clock of whoever reads it says."""
    with PostgresServer() as primary:
        migrate(primary.url())
        async with node(primary) as writing:
            with primary.standby() as standby:
                async with node(standby) as reading:
                    await writing.feed_advance(now=NOW, every=0.4)
                    until(lambda: _told(standby) == NOW, "the standby replays")
                    _administer(standby, "SELECT pg_wal_replay_pause()")
                    until(lambda: _paused(standby), "the standby pauses")
                    await writing.feed_advance(now=NOW + 30, every=0.4)
                    await revoke(writing, "a session", now=NOW + 31)
                    news = await reading.feed_behind(0, epoch=1, as_of=NOW + 40, limit=10)
                    assert news == Heartbeat(epoch=1, head=0, as_of=NOW)
                    _administer(standby, "SELECT pg_wal_replay_resume()")
                    until(lambda: _head(standby) == 1, "the standby goes on")
                    news = await reading.feed_behind(0, epoch=1, as_of=NOW + 40, limit=10)
                    assert isinstance(news, Frame)
                    assert (news.last, news.as_of) == (1, NOW + 31)


def _administer(server: PostgresServer, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def _told(server: PostgresServer) -> object:
    return _administer(server, "SELECT at FROM feed_read")[0][0]


def _head(server: PostgresServer) -> object:
    return _administer(server, "SELECT seq FROM feed_head")[0][0]


def _paused(server: PostgresServer) -> bool:
    return _administer(server, "SELECT pg_get_wal_replay_pause_state()") == [("paused",)]
