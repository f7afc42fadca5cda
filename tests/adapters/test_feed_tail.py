"""How often the feed is read, and who waits for it: a real database, whose reads are counted and held up."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from sekisho.adapters.feed_tail import AFTER, MANY, PAGE, TOGETHER, FeedTail
from sekisho.adapters.migrations.upgrade import migrate
from sekisho.adapters.sql import feed
from sekisho.adapters.sqlite import SqliteStore
from sekisho.rules.revocation import Entry as Published
from sekisho_verify.revocations.entries import Snapshot, entry_key
from sekisho_verify.revocations.live import Revocations
from tests.conformance.scene import NOW, Scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from pathlib import Path

    from sekisho_verify.revocations.entries import Entry, Frame, Heartbeat
    from sekisho_verify.revocations.live import Outcome


class Slow:
    """The feed of a store, in front of which a gate may be shut; it counts who passes."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.gate = asyncio.Event()
        self.gate.set()
        self.reads = 0
        self.read_at: list[float] = []
        self.advanced = asyncio.Event()

    async def feed_behind(self, number: int, **more: Any) -> Frame | Heartbeat | None:  # noqa: ANN401 -- passed on
        """As the store's."""
        await self.gate.wait()
        self.reads += 1
        self.read_at.append(time.monotonic())
        return await self._store.feed_behind(number, **more)

    async def feed_snapshot(self, **more: Any) -> Snapshot:  # noqa: ANN401 -- passed on
        """As the store's."""
        return await self._store.feed_snapshot(**more)

    async def feed_advance(self, *, now: float, every: float) -> None:
        """As that of a store of several nodes; it is noticed, done or not."""
        self.advanced.set()
        await self._store.engine.write(lambda: feed.advance(now=now, every=every))

    async def feed_listen(self, heard: Any) -> None:  # noqa: ANN401 -- passed on
        """As the store's."""
        await self._store.feed_listen(heard)


@asynccontextmanager
async def following(folder: Path) -> AsyncIterator[tuple[Scene, Slow, FeedTail]]:
    """A store, its feed and a reader of it that somebody has asked."""
    migrate(url := f"sqlite:///{folder}/sekisho.db")
    store = SqliteStore(url)
    await store.open()
    slow = Slow(store)
    tail = FeedTail(slow, ttl=1000.0, clock=lambda: NOW, steady=time.monotonic)
    try:
        assert await tail.renewed(patience=AFTER)
        yield Scene([store]), slow, tail
    finally:
        await store.close()


@pytest.mark.requirement("J19")
async def test_many_who_end_something_at_once_wait_for_one_read(tmp_path: Path) -> None:
    """Forty logouts come while the database is slow: each is known before it is answered, by two reads."""
    async with following(tmp_path) as (scene, slow, tail):
        hanako = await scene.account()
        tokens = [await scene.login(hanako) for _ in range(40)]
        slow.reads = 0

        async def end(number: int) -> bool:
            event = scene.event("session_revoked")
            session_id = tokens[number].session_id
            await scene.store.end_session(session_id, user_id=None, why="revoked", now=NOW, event=event)
            if number == 39:
                asyncio.get_running_loop().call_soon(slow.gate.set)
            return True

        slow.gate.clear()
        assert all(await asyncio.gather(*(tail.after(end)(number) for number in range(40))))
        assert slow.reads <= 4
        live = tail.revocations._live.newest
        assert all(entry_key("session", token.session_id) in live for token in tokens)


async def test_one_logout_after_another_is_told_in_few_frames(tmp_path: Path) -> None:
    """The first is read at once, the next when a tenth of a second has passed; the idle wait for nothing."""
    async with following(tmp_path) as (scene, slow, tail):
        hanako = await scene.account()
        tokens = [await scene.login(hanako) for _ in range(5)]
        slow.read_at.clear()

        async def end(session_id: str) -> None:
            event = scene.event("session_revoked")
            await scene.store.end_session(session_id, user_id=None, why="revoked", now=NOW, event=event)

        for token in tokens:
            await tail.after(end)(token.session_id)
        gaps = [after - before for before, after in pairwise(slow.read_at)]
        assert len(gaps) == 4
        assert min(gaps) >= TOGETHER * 0.9

        async def nothing() -> None:
            pass

        await tail.after(nothing)()
        slow.read_at.clear()
        for _ in range(5):
            await tail.after(nothing)()
        assert slow.read_at[-1] - slow.read_at[0] < TOGETHER


async def test_who_has_ended_something_does_not_wait_for_a_database_that_hangs(tmp_path: Path) -> None:
    """It is committed: the answer comes after a second, and the news when the database answers again."""
    async with following(tmp_path) as (_, slow, tail):
        slow.gate.clear()

        async def act() -> str:
            return "done"

        began = time.monotonic()
        async with asyncio.timeout(30):
            assert await tail.after(act)() == "done"
        assert time.monotonic() - began >= AFTER
        slow.gate.set()
        assert await tail.renewed(patience=30)


@pytest.mark.requirement("H6")
async def test_no_fault_ends_the_following(tmp_path: Path) -> None:
    """One that nobody foresaw neither: it is told of, and then the feed is read and kept up as before."""
    told: asyncio.Queue[str | None] = asyncio.Queue()
    began = time.monotonic()
    async with following(tmp_path) as (scene, slow, _):
        tail = FeedTail(slow, ttl=1000.0, clock=lambda: NOW + time.monotonic() - began, steady=time.monotonic)
        async with tail.following(told.put_nowait), asyncio.timeout(30):
            await scene.change("ALTER TABLE feed_read RENAME COLUMN at TO moved")
            assert not await tail.renewed(patience=AFTER)
            assert await told.get() == "OperationalError"
            for _ in range(2):
                slow.advanced.clear()
                await slow.advanced.wait()
            await scene.change("ALTER TABLE feed_read RENAME COLUMN moved TO at")
            assert await told.get() is None
            assert tail.fresh()


async def test_a_large_feed_is_taken_in_whole_beside_the_event_loop(tmp_path: Path) -> None:
    """More than are taken in at once: every entry is known, and told to whoever listens."""
    migrate(url := f"sqlite:///{tmp_path}/sekisho.db")
    store = SqliteStore(url)
    await store.open()
    told: list[int] = []
    heard: list[int] = []
    writers: set[str] = set()

    async def ended(entries: Collection[Entry]) -> None:
        assert len(entries) <= PAGE
        told.extend(entry.number for entry in entries)

    tail = FeedTail(store, ttl=1000.0, clock=lambda: NOW, steady=time.monotonic, ended=ended)
    tail.listen(lambda news: heard.append(len(news.entries) if isinstance(news, Snapshot) else 0))
    try:
        many = [Published("session", f"session {i}", "revoked") for i in range(MANY + 1)]
        await store.publish(many, now=NOW, event=Scene([store]).event("session_revoked"))
        tail._revocations = Watched(writers)
        assert await tail.renewed(patience=30)
        assert told == list(range(1, MANY + 2))
        assert heard == [MANY + 1]
        assert tail.revocations.entry_count == MANY + 1
        assert threading.main_thread().name not in writers
        assert len(writers) == 1
    finally:
        await store.close()


class Watched(Revocations):
    """Revocations that note in which threads they were written."""

    def __init__(self, writers: set[str]) -> None:
        super().__init__()
        self._writers = writers

    def apply(self, news: Snapshot | Frame | Heartbeat) -> Outcome:
        """As ever."""
        self._writers.add(threading.current_thread().name)
        return super().apply(news)
