"""As of when the feed is read, and which line of history it is of."""

from __future__ import annotations

import asyncio

import pytest

from sekisho.adapters.sql import feed
from sekisho.rules.revocation import Entry
from sekisho_verify.revocations.entries import Frame, Heartbeat
from sekisho_verify.revocations.packed import PackedEntries
from tests.conformance.scene import NOW, Scene

SESSION = Entry("session", "a session that has no row", "revoked")
KEY = Entry("key", "a kid", "revoked")
READ = NOW + 1000.0
"""When a reader asks, by its own clock."""


async def heartbeat(scene: Scene, *, node: int = 0) -> Heartbeat:
    """What a reader of the head is told at `READ`."""
    ((epoch, head),) = await scene.rows("SELECT epoch, seq FROM feed_head")
    news = await scene.nodes[node].feed_behind(head, epoch=epoch, as_of=READ, limit=10)
    assert isinstance(news, Heartbeat)
    return news


async def test_a_read_is_as_of_what_the_database_knows(scene: Scene, database: str) -> None:
    """One copy: when it is read. Several: when the primary last said that it is one, or revoked anything."""
    advance = scene.store.feed_advance
    single = database == "sqlite"
    assert (await heartbeat(scene)).as_of == (READ if single else 0.0)
    await advance(now=NOW, every=0.4)
    assert (await heartbeat(scene, node=1)).as_of == (READ if single else NOW)
    await advance(now=NOW + 0.3, every=0.4)
    assert (await heartbeat(scene)).as_of == (READ if single else NOW), "somebody has said so just now"
    await scene.nodes[1].feed_advance(now=NOW + 0.4, every=0.4)
    assert (await heartbeat(scene)).as_of == (READ if single else NOW + 0.4)
    await scene.store.publish([SESSION], now=NOW + 7, event=scene.event("session_revoked"))
    assert (await heartbeat(scene)).as_of == (READ if single else NOW + 7)
    snapshot = await scene.store.feed_snapshot(as_of=READ, ttl=60.0)
    assert snapshot.as_of == (READ if single else NOW + 7)


async def test_a_time_far_ahead_holds_nobody_up(scene: Scene, database: str) -> None:
    """A node whose clock was an hour fast is gone: those that are right go on from their own time."""
    await scene.store.feed_advance(now=NOW + 3600, every=0.4)
    await scene.store.feed_advance(now=NOW, every=0.4)
    assert (await heartbeat(scene)).as_of == (READ if database == "sqlite" else NOW)


async def test_a_snapshot_is_packed_however_large(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in pages of one and the same snapshot, each entry once, 13 bytes each."""
    monkeypatch.setattr(feed, "_PAGE", 7)
    entries = [Entry("session", f"session {i}", "revoked") for i in range(20)]
    await scene.store.publish([*entries, KEY], now=NOW, event=scene.event("session_revoked"))
    snapshot = await scene.store.feed_snapshot(as_of=READ, ttl=60.0)
    assert isinstance(snapshot.entries, PackedEntries)
    expected = [(i, each.kind, each.key, each.effect) for i, each in enumerate([*entries, KEY], 1)]
    assert list(snapshot.entries) == expected
    behind = await scene.store.feed_behind(15, epoch=snapshot.epoch, as_of=READ, limit=3)
    assert isinstance(behind, Frame)
    assert (behind.first, behind.last, list(behind.entries)) == (16, 18, expected[15:18])


async def test_another_line_of_history_begins_an_epoch_once(scene: Scene, database: str) -> None:
    """By whoever comes first, for all: publishing, or a heartbeat; without lines nothing happens."""
    event = scene.event("session_revoked")
    await scene.store.publish([SESSION], now=NOW, event=event)
    lines = database != "sqlite"
    ((epoch, line),) = await scene.rows("SELECT epoch, timeline FROM feed_head")
    assert (epoch, line) == (1, 1 if lines else None), "the first look only notes the line"
    await scene.change("UPDATE feed_head SET timeline = 0 WHERE timeline IS NOT NULL")
    acts = [
        *(node.publish([SESSION], now=NOW, event=scene.event("session_revoked")) for node in scene.nodes * 4),
        *(node.feed_advance(now=NOW + i, every=0.4) for i, node in enumerate(scene.nodes * 4)),
    ]
    await asyncio.gather(*acts)
    after = await scene.rows("SELECT epoch, seq, timeline FROM feed_head")
    assert after == [(2 if lines else 1, 9, 1 if lines else None)]
    numbers = await scene.rows("SELECT seq FROM feed ORDER BY seq")
    assert numbers == [(number,) for number in range(1, 10)], "no number is given out twice"
