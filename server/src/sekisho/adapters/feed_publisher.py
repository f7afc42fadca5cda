"""The revocation feed as verifiers read it: each piece sealed once, by the key that signs now, for all.

What is told is what `FeedTail` has read, with the time at which the database was read and never that of
sending: a server that is cut off from its database goes on telling an old time, and its verifiers know how
old their knowledge is. The events of a stream are those of WHATWG HTML section 9.2.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, Protocol

from sekisho.adapters.feed_entries import LiveEntries
from sekisho.adapters.feed_ring import FeedRing
from sekisho.adapters.feed_tail import FeedTail
from sekisho.frozen import Frozen
from sekisho.ports import Clock
from sekisho.rules.refusals import Refusal
from sekisho.rules.revocation import SealedSnapshot
from sekisho_verify.keys import Signer
from sekisho_verify.revocations import sealed
from sekisho_verify.revocations.entries import Frame, Heartbeat, Snapshot, write_rv

#: Seconds between two heartbeats.
BEAT: Final = 0.5
#: Seconds that a reader waits for the database before it is given what is known.
PATIENCE: Final = 1.0
#: Bytes of frames that a stream sends before it looks whether its reader takes them.
CHUNK: Final = 64 * 1024
#: Seconds for which a sealed snapshot may be given out again, where nothing was revoked.
SNAPSHOT_AGE: Final = 1.0
#: A snapshot is made no oftener than leaves the processor free for this many times what the last one took.
_LEISURE: Final = 4
#: Entries from which a snapshot is made beside the event loop.
_MANY: Final = 2000
#: Streams that are woken at once; then whoever else waits has a turn.
_AT_ONCE: Final = 64


class Signers(Protocol):
    """The signing keys of the issuer, as far as they are needed here."""

    @property
    def signing(self) -> Signer:
        """The key that signs now. Raises `Refusal("unavailable")` if there is none."""
        ...


class _Known(Frozen):
    """How far the database was read, and as of when."""

    epoch: int
    head: int
    as_of: float

    @property
    def id(self) -> str:
        return write_rv(self.epoch, self.head)


class _Kept(Frozen):
    """A sealed snapshot, and until when (steady) it is not made anew for a newer head."""

    known: _Known
    kid: str
    body: bytes
    until: float


class FeedStream:
    """One reader's place in the feed."""

    __slots__ = ("_ended", "_publisher", "_waiter", "beat", "next")

    def __init__(self, publisher: FeedPublisher, following: int) -> None:
        self._publisher = publisher
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None
        #: The frame that comes next, and the heartbeat that was sent last, as the publisher counts them.
        self.next = following
        self.beat = -1

    async def more(self) -> bytes | None:
        """Wait for events to send; none when it is over. At most `CHUNK` bytes and one event more."""
        while not self._ended:
            if events := self._publisher.behind(self):
                return events
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return None

    def wake(self) -> None:
        """There is something to send."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def end(self) -> None:
        """It is over."""
        self._ended = True
        self.wake()


class FeedPublisher:
    """`web.acts.RevocationFeed`; one event loop.

    Args:
        tail: reads the database; the only one in this process that does.
        signer: holds the key that signs now.
        issuer: the exact `iss`.
        ttl: seconds for which an entry is needed.
        clock: POSIX seconds, told to those who ask for the time.
        steady: seconds on a clock that only goes forward.
        count: called for each frame that is sealed.
    """

    def __init__(
        self,
        tail: FeedTail,
        signer: Signers,
        *,
        issuer: str,
        ttl: float,
        clock: Clock,
        steady: Clock,
        count: Callable[[], None],
    ) -> None:
        self._tail: Final = tail
        self._signer: Final = signer
        self._issuer: Final = issuer
        self._ttl: Final = ttl
        self._clock: Final = clock
        self._steady: Final = steady
        self._count: Final = count
        self._known: _Known | None = None
        self._entries = LiveEntries(ttl=ttl)
        self._ring: Final = FeedRing()
        self._kid = ""
        self._heartbeat = b""
        self._heartbeat_of: _Known | None = None
        self._beats = 0
        self._kept: _Kept | None = None
        self._sealing = asyncio.Lock()
        self._streams: set[FeedStream] = set()
        self._anybody = asyncio.Event()
        self._news = asyncio.Event()
        self._ended = False
        tail.listen(self._take)

    @property
    def streams(self) -> int:
        """Streams that are open."""
        return len(self._streams)

    @property
    def entries(self) -> int:
        """Entries that a snapshot would hold."""
        return len(self._entries)

    @property
    def head(self) -> int:
        """The last number that is known here; 0 before the database was read for anybody."""
        return self._known.head if self._known else 0

    @property
    def age(self) -> float:
        """Seconds since the database was last read, by the time that it was told; 0 before it was read."""
        return max(0.0, self._clock() - self._known.as_of) if self._known else 0.0

    async def snapshot(self) -> SealedSnapshot:
        """Every live entry, as of now; where the database does not answer, as of when it last did.

        Raises:
            Refusal: `unavailable`: it never did, or there is no key to sign with.
        """
        await self._renew()
        async with self._sealing:
            known, kept, kid = self._read(), self._kept, self._signer.signing.kid
            if kept is None or kept.kid != kid or not self._will_do(kept, known):
                kept = self._kept = await self._seal_snapshot(known)
        return SealedSnapshot(kept.known.id, kept.body)

    def time(self, nonce: str) -> str:
        """The time now, for the one who asked with that nonce. Raises `Refusal`: `unavailable`: no key."""
        return sealed.seal_time(self._clock(), nonce=nonce, issuer=self._issuer, key=self._signer.signing)

    async def ready(self) -> None:
        """Return when a stream may begin. Raises `Refusal`: `unavailable`: as `snapshot`, or at the end."""
        await self._renew()
        self._read()
        if self._ended:
            raise Refusal("unavailable", "the server is stopping", retry_after=1.0)

    @contextmanager
    def stream(self, after: tuple[int, int] | None) -> Generator[FeedStream]:
        """A stream that begins behind `after` (epoch, number) where that is still known, else now.

        In the second case nothing is said of it: the first heartbeat shows the reader what it lacks.
        """
        stream = FeedStream(self, self._place(after))
        self._streams.add(stream)
        self._anybody.set()
        self._tail.ask()
        # Its first heartbeat comes at once, and is the others' next one as well.
        self._seal_heartbeat()
        if self._ended:
            stream.end()
        try:
            yield stream
        finally:
            self._streams.discard(stream)
            if not self._streams:
                self._anybody.clear()

    def behind(self, stream: FeedStream) -> bytes:
        """What that stream has not sent yet, up to `CHUNK` bytes; it counts as sent.

        One whose reader is so slow that the ring has gone on misses frames, and the heartbeat tells it.
        """
        events, stream.next = self._ring.take(stream.next, enough=CHUNK)
        if stream.next == self._ring.end and stream.beat != self._beats and self._heartbeat:
            stream.beat = self._beats
            events.append(self._heartbeat)
        return events[0] if len(events) == 1 else b"".join(events)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Send meanwhile; every stream ends with it."""
        sender = asyncio.create_task(self._send())
        try:
            yield
        finally:
            self.end()
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    def end(self) -> None:
        """End every stream, and begin no other."""
        self._ended = True
        for stream in self._streams:
            stream.end()

    async def _send(self) -> None:
        """Wake the streams: for each piece of news, and for a heartbeat."""
        beaten = float("-inf")
        while True:
            await self._anybody.wait()
            left = beaten + BEAT - self._steady()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, left)):
                    await self._news.wait()
            self._news.clear()
            now = self._steady()
            if now - beaten >= BEAT:
                beaten = now
                self._tail.ask()
                self._seal_heartbeat()
                self._beats += 1
            streams = tuple(self._streams)
            for first in range(0, len(streams), _AT_ONCE):
                for stream in streams[first : first + _AT_ONCE]:
                    stream.wake()
                await asyncio.sleep(0)

    def _take(self, news: Snapshot | Frame | Heartbeat) -> None:
        """Take in what the tail has read: all that there is, what comes behind it, or that nothing does."""
        if isinstance(news, Snapshot):
            self._entries = LiveEntries(ttl=self._ttl)
            self._ring.clear()
        head = news.last if isinstance(news, Frame) else news.head
        self._known = _Known(news.epoch, head, news.as_of)
        # With a heartbeat too: what is too old goes, also where nothing new is revoked.
        self._entries.add(() if isinstance(news, Heartbeat) else news.entries, as_of=news.as_of)
        if isinstance(news, Frame):
            try:
                self._append(news)
            except Refusal:
                # No key to sign with: nobody can be told. Who comes back later must not miss it.
                self._ring.clear()
            self._news.set()

    def _append(self, frame: Frame) -> None:
        self._follow_key()
        text = sealed.seal(frame, issuer=self._issuer, key=self._signer.signing)
        self._ring.append(frame.first, frame.last, _event("frame", write_rv(frame.epoch, frame.last), text))
        self._count()

    def _follow_key(self) -> None:
        """What another key has sealed is not given out again: that key may have leaked."""
        kid = self._signer.signing.kid
        if kid != self._kid:
            self._kid = kid
            self._heartbeat, self._heartbeat_of = b"", None
            self._ring.clear()

    def _seal_heartbeat(self) -> None:
        try:
            self._follow_key()
            known = self._read()
            if self._heartbeat_of != known:
                news = Heartbeat(epoch=known.epoch, head=known.head, as_of=known.as_of)
                text = sealed.seal(news, issuer=self._issuer, key=self._signer.signing)
                self._heartbeat, self._heartbeat_of = _event("heartbeat", known.id, text), known
        except Refusal:
            # No key, or nothing read: silence makes verifiers stale, which is what they then are.
            self._heartbeat, self._heartbeat_of = b"", None

    def _place(self, after: tuple[int, int] | None) -> int:
        """The place of the first frame behind `after`; of the next one to come, where that is not here."""
        found = None
        if after is not None and self._known is not None and after[0] == self._known.epoch:
            found = self._ring.place_behind(after[1])
        return self._ring.end if found is None else found

    async def _renew(self) -> None:
        if not self._ended:
            await self._tail.renewed(patience=PATIENCE)

    def _read(self) -> _Known:
        if self._known is None:
            raise Refusal("unavailable", "the revocations have not been read yet", retry_after=1.0)
        return self._known

    def _will_do(self, kept: _Kept, known: _Known) -> bool:
        if (kept.known.epoch, kept.known.head) == (known.epoch, known.head):
            return known.as_of - kept.known.as_of < SNAPSHOT_AGE or self._steady() < kept.until
        # What it lacks is what a stream that begins behind it tells first, as long as that is here.
        return (
            self._steady() < kept.until and self._place((kept.known.epoch, kept.known.head)) < self._ring.end
        )

    async def _seal_snapshot(self, known: _Known) -> _Kept:
        began = self._steady()
        entries, key = self._entries.frozen(), self._signer.signing

        def seal() -> bytes:
            snapshot = Snapshot(
                epoch=known.epoch, head=known.head, as_of=known.as_of, ttl=self._ttl, entries=entries
            )
            return sealed.seal(snapshot, issuer=self._issuer, key=key).encode()

        body = await asyncio.to_thread(seal) if len(entries) > _MANY else seal()
        now = self._steady()
        return _Kept(known, key.kid, body, now + _LEISURE * (now - began))


def _event(name: str, number: str, data: str) -> bytes:
    return f"id: {number}\nevent: {name}\ndata: {data}\n\n".encode()
