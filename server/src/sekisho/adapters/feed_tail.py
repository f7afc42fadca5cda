"""What this process knows of revocations: the feed, read every fifth of a second while anybody asks.

It is the one reader of the database in its process; whoever publishes what it reads is told of it.

A session that was looked up may be believed again as long as nothing has ended it since, and that is what the
feed says, by the same rule by which verifiers believe an access token. `fresh` is what bounds it: where the
database was not read within the last half second, nothing that is remembered counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from itertools import islice
from typing import Final, ParamSpec, TypeAlias, TypeVar

from sekisho.ports import Clock, FeedStore
from sekisho.rules.refusals import Refusal
from sekisho_verify.revocations.entries import Entry, Frame, Heartbeat, Snapshot
from sekisho_verify.revocations.live import Applied, Outcome, Revocations

P = ParamSpec("P")
T = TypeVar("T")
Ended: TypeAlias = Callable[[Collection[Entry]], Awaitable[None]]
News: TypeAlias = Snapshot | Frame | Heartbeat
#: Told, with the reason, that the database cannot be read, and with none that it can again.
Trouble: TypeAlias = Callable[[str | None], None]

#: Seconds between two reads.
EVERY: Final = 0.2
#: Seconds between a read that brought news and the next: what is revoked meanwhile goes together, in a frame
#: whose seal every verifier has to check. The first of many waits for nothing.
TOGETHER: Final = 0.1
#: Seconds after which somebody lets the primary say that it is one.
ADVANCE: Final = 0.4
#: Seconds until that is tried again where the database refuses.
REFUSED: Final = 1.0
#: Seconds that whoever has ended something waits until this process knows of it.
AFTER: Final = 1.0
#: Seconds that may have passed since the last read began.
FRESH: Final = 0.5
#: Seconds without a question after which reading stops: an idle server leaves its database alone.
IDLE: Final = 30.0
#: Entries that are read at once.
PAGE: Final = 1000
#: Entries from which a snapshot is taken in beside the event loop.
MANY: Final = 2000


class FeedTail:
    """Follows the feed of one database; one event loop, no lock for readers.

    Args:
        store: the database.
        ttl: seconds for which an entry is needed.
        clock: POSIX seconds, to say as of when the database was read.
        steady: seconds on a clock that only goes forward, by which `fresh` is counted.
        ended: told of every entry that comes, before it counts as read.
    """

    def __init__(
        self, store: FeedStore, *, ttl: float, clock: Clock, steady: Clock, ended: Ended | None = None
    ) -> None:
        self._store: Final = store
        self._ttl: Final = ttl
        self._clock: Final = clock
        self._steady: Final = steady
        self._ended: Final = ended
        self._revocations = Revocations()
        self._position: tuple[int, int] | None = None
        self._read_at = self._asked_at = self._as_of = self._news_at = float("-inf")
        self._wanted = asyncio.Event()
        self._woken = asyncio.Event()
        self._reading = asyncio.Lock()
        #: A read that somebody waits for and that has not begun.
        self._coming: asyncio.Task[bool] | None = None
        self._readers: set[asyncio.Task[bool]] = set()
        self._listeners: list[Callable[[News], None]] = []

    @property
    def revocations(self) -> Revocations:
        """What is known."""
        return self._revocations

    def listen(self, listener: Callable[[News], None]) -> None:
        """Tell `listener` of everything that is read from now on, in its order and when it counts as read."""
        self._listeners.append(listener)

    def ask(self) -> None:
        """Keep the reading up for `IDLE` seconds more."""
        self._asked_at = self._steady()
        self._wanted.set()

    def fresh(self) -> bool:
        """Whether what is known is at most `FRESH` seconds old. To ask is what keeps the reading up."""
        self.ask()
        return self._asked_at - self._read_at <= FRESH

    def wake(self) -> None:
        """There may be news: read soon, where anybody asks at all."""
        self._woken.set()

    async def renewed(self, *, patience: float) -> bool:
        """Wait for a read that begins from now on; whether it succeeded within `patience` seconds.

        Who asks at the same time waits for the same one. It is not given up with the wait: to break off what
        a database that hangs was asked takes as long as it hangs.
        """
        self.ask()
        return await self._renewed(patience)

    async def _renewed(self, patience: float) -> bool:
        if self._coming is None:
            self._coming = asyncio.create_task(self._read_once())
            self._readers.add(self._coming)
            self._coming.add_done_callback(self._readers.discard)
        coming = self._coming
        await asyncio.wait({coming}, timeout=patience)
        return coming.done() and not coming.cancelled() and coming.result()

    async def _read_once(self) -> bool:
        await self._rest_from_news()
        async with self._reading:
            self._coming = None  # whoever asks from now on wants what is newer
            try:
                await self._read()
            except Exception:  # noqa: BLE001 - whoever waits has done what he came for; `_follow` tells of it
                return False
            return True

    async def catch_up(self) -> None:
        """Read what has come, now.

        Raises:
            Refusal: `unavailable`: the database does not answer.
        """
        async with self._reading:
            await self._read()

    async def _read(self) -> None:
        began, as_of, before = self._steady(), self._clock(), self._position
        while not await self._read_page(as_of):
            pass
        self._read_at = began
        if self._position != before:
            self._news_at = began

    async def _read_page(self, as_of: float) -> bool:
        """Take in one page; whether it was the last."""
        news: Frame | Heartbeat | Snapshot | None = None
        if self._position is not None:
            epoch, number = self._position
            news = await self._store.feed_behind(number, epoch=epoch, as_of=as_of, limit=PAGE)
        if news is None:
            news = await self._store.feed_snapshot(as_of=as_of, ttl=self._ttl)
        if not isinstance(await self._applied(news), Applied):
            # The database stands behind what we knew of it: numbers were lost, and ours mean nothing now.
            self._revocations, self._position = Revocations(), None
            return False
        entries = () if isinstance(news, Heartbeat) else news.entries
        await self._tell_ended(entries)
        self._as_of = news.as_of
        self._position = news.epoch, news.last if isinstance(news, Frame) else news.head
        for listener in self._listeners:
            listener(news)
        return not isinstance(news, Frame) or len(entries) < PAGE

    async def _applied(self, news: News) -> Outcome:
        if isinstance(news, Snapshot) and len(news.entries) > MANY:
            # Beside the event loop: nobody else writes meanwhile, and readers need no lock.
            return await asyncio.to_thread(self._revocations.apply, news)
        return self._revocations.apply(news)

    async def _tell_ended(self, entries: Collection[Entry]) -> None:
        if self._ended is not None:
            every = iter(entries)
            while some := list(islice(every, PAGE)):
                await self._ended(some)

    def after(self, act: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        """`act`, and what it ended is known here before it is answered (where anybody has asked at all).

        All who end something while the database is being read wait for the same read, which comes next: one
        each, in turn, would let the answers fall behind where more end than can be read. Where the database
        does not answer in time it is known half a second after it does.
        """

        async def then(*args: P.args, **kwargs: P.kwargs) -> T:
            done = await act(*args, **kwargs)
            if self._wanted.is_set():
                await self._renewed(AFTER)
            return done

        return then

    @asynccontextmanager
    async def following(self, trouble: Trouble = lambda _: None) -> AsyncGenerator[None]:
        """Follow the feed meanwhile; `trouble` is told when that fails and when it succeeds again."""
        work = (self._follow(trouble), self._keep_time(), self._hear())
        workers = [asyncio.create_task(each) for each in work]
        try:
            yield
        finally:
            ending: list[asyncio.Task[object]] = [*workers, *self._readers]
            for each in ending:
                each.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    async def _follow(self, trouble: Trouble) -> None:
        failing = False
        while True:
            await self._wanted.wait()
            if self._steady() - self._asked_at > IDLE:
                self._wanted.clear()
                continue
            self._woken.clear()
            try:
                await self.catch_up()
            except Exception as fault:  # noqa: BLE001 - without this task nobody here hears of a revocation again
                # Nothing is fresh then: every look-up asks the database, and is told.
                if not failing:
                    trouble(fault.detail if isinstance(fault, Refusal) else type(fault).__qualname__)
                failing = True
            else:
                if failing:
                    trouble(None)
                failing = False
            await self._rest()

    async def _rest(self) -> None:
        """Until the next read is due, which news makes earlier."""
        with suppress(TimeoutError):
            async with asyncio.timeout(EVERY):
                await self._woken.wait()
            await self._rest_from_news()

    async def _rest_from_news(self) -> None:
        await asyncio.sleep(TOGETHER - (self._steady() - self._news_at))

    async def _keep_time(self) -> None:
        """Apart from the reading: a primary that cannot commit lets us wait, and is read all the same."""
        while True:
            await self._wanted.wait()
            pause = ADVANCE / 4
            now = self._clock()
            if now - self._as_of >= ADVANCE:
                try:
                    await self._store.feed_advance(now=now, every=ADVANCE)
                except Exception:  # noqa: BLE001 - as above: every verifier would take the feed for cut
                    pause = REFUSED
            await asyncio.sleep(pause)

    async def _hear(self) -> None:
        await self._wanted.wait()
        await self._store.feed_listen(self.wake)
