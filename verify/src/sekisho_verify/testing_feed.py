"""The revocation feed of an issuer of tests: what it revokes reaches every verifier that follows it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from sekisho_verify import steady_clock
from sekisho_verify.loopback import Document
from sekisho_verify.revocations.entries import Entry, Frame, Heartbeat, Snapshot, entry_key, read_rv, write_rv
from sekisho_verify.revocations.local import LocalRevocations
from sekisho_verify.revocations.sealed import seal, seal_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sekisho_verify.keys import Signer
    from sekisho_verify.revocations.entries import Effect, Kind

FEED_PATH: Final = "/v1/revocations"

_EVERY: Final = 0.5
_TTL: Final = 86460.0


class PublishedRevocations(LocalRevocations):
    """Revocations of this process that are published too. Takes what `LocalRevocations` takes."""

    __slots__ = ("_changed", "entries")

    def __init__(self, *, clock: Callable[[], float]) -> None:
        super().__init__(clock=clock, ttl=_TTL)
        self._changed: Final = threading.Condition()
        self.entries: Final[list[Entry]] = []

    def publish(self, kind: Kind, name: str = "", *, effect: Effect = "revoked") -> None:
        """See `LocalRevocations.publish`."""
        with self._changed:
            super().publish(kind, name, effect=effect)
            self.entries.append(Entry(len(self.entries) + 1, kind, entry_key(kind, name), effect))
            self._changed.notify_all()

    def wait(self, *, known: int, seconds: float) -> None:
        """Until more than the first `known` entries are there, or so many seconds have passed."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.entries) > known, seconds)


class TestingFeed:
    """Answers for the feed, from the start of a server to its end.

    Its time begins with the issuer's, and goes on as the machine's does: an issuer whose clock a test stops
    would look cut off.

    Args:
        revocations: what is published.
        issuer: the `iss`.
        key: seals.
        now: the issuer's time, in seconds since 1970.
    """

    __test__ = False  # its name is no test's

    def __init__(self, revocations: PublishedRevocations, *, issuer: str, key: Signer, now: float) -> None:
        self._revocations: Final = revocations
        self._issuer: Final = issuer
        self._key: Final = key
        self._ahead: Final = now - steady_clock.steady()
        self._over = False

    def find(self, path: str, query: str, after: str) -> Document | None:
        """What a path below the feed's answers."""
        if path == FEED_PATH:
            return Document("application/revocation-snapshot+jwt", self._sealed(self._snapshot()).encode())
        if path == f"{FEED_PATH}/time":
            nonce = "".join(parse_qs(query).get("nonce", []))
            text = seal_time(self._now(), nonce=nonce, issuer=self._issuer, key=self._key)
            return Document("application/revocation-time+jwt", text.encode())
        if path == f"{FEED_PATH}/stream":
            return Document("text/event-stream", b"", self._stream(read_rv(after)))
        return None

    def end(self) -> None:
        """End every stream, soon."""
        self._over = True

    def _now(self) -> float:
        return steady_clock.steady() + self._ahead

    def _sealed(self, news: Snapshot | Frame | Heartbeat) -> str:
        return seal(news, issuer=self._issuer, key=self._key)

    def _snapshot(self) -> Snapshot:
        entries = tuple(self._revocations.entries)
        return Snapshot(epoch=1, head=len(entries), as_of=self._now(), ttl=_TTL, entries=entries)

    def _stream(self, after: tuple[int, int] | None) -> Iterator[bytes]:
        known = after[1] if after else 0
        while not self._over:
            entries = tuple(self._revocations.entries)
            head = len(entries)
            if known < head:
                news: Frame | Heartbeat = Frame(
                    epoch=1, first=known + 1, last=head, as_of=self._now(), entries=entries[known:]
                )
            else:
                news = Heartbeat(epoch=1, head=head, as_of=self._now())
            name = "frame" if isinstance(news, Frame) else "heartbeat"
            known = head
            yield f"id: {write_rv(1, head)}\nevent: {name}\ndata: {self._sealed(news)}\n\n".encode()
            self._revocations.wait(known=known, seconds=_EVERY)
