"""One life of the thread that follows a feed: does what `following` says, and nothing gets out of it.

Whatever comes is bounded in size and time, and believed only for the issuer's seal. What does not hold is
counted, told once in a while, and otherwise passed over; what is known stays.
"""

from __future__ import annotations

import logging
import os
import queue
from concurrent.futures import Future
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never

from sekisho_verify import background
from sekisho_verify.claims import EARLY
from sekisho_verify.encoding import b64url_encode
from sekisho_verify.errors import KeySetUnavailable, RevocationsUnavailable
from sekisho_verify.feed_line import FeedLine, Over
from sekisho_verify.http_get import HttpFailed, TooLate
from sekisho_verify.key_sources import KeySource
from sekisho_verify.revocations.event_stream import Event, EventStream
from sekisho_verify.revocations.following import (
    LIVELY,
    AskTime,
    Connect,
    Find,
    Following,
    GiveUp,
    Pause,
    Read,
    TakeSnapshot,
)
from sekisho_verify.revocations.freshness import MAX_EXCHANGE, Freshness, clock_offset
from sekisho_verify.revocations.sealed import FeedSeals, SealKeyUnknown

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from sekisho_verify.keys import VerificationKey
    from sekisho_verify.revocations.entries import Frame, Heartbeat, Snapshot
    from sekisho_verify.revocations.live import Outcome, Revocations
    from sekisho_verify.snapshot_file import SnapshotFile
    from sekisho_verify.urls import Place

_NONCE_BYTES: Final = 16
_RENEW: Final = 300.0
_TOLD_AGAIN: Final = 600.0
_TOKEN_REFUSED: Final = frozenset({401, 403})
_log: Final = logging.getLogger("sekisho_verify.feed")


class Setup(NamedTuple):
    """What a reader works with.

    Attributes:
        issuer: whose feed it is.
        revocations: where the news go.
        writing: held while they do, so that there is one writer at a time.
        keys: what the seals are checked by.
        token: gives the feed token of the moment, if there is one.
        places: the feed's URLs; none: they are found by the issuer.
        timeout: seconds for each small answer.
        file: where the snapshot is kept, if anywhere.
        clock: gives seconds since 1970.
        steady: gives seconds of a clock that never steps.
    """

    issuer: str
    revocations: Revocations
    writing: threading.Lock
    keys: KeySource | tuple[VerificationKey, ...]
    token: Callable[[], str | None]
    places: tuple[Place, ...]
    timeout: float
    file: SnapshotFile | None
    clock: Callable[[], float]
    steady: Callable[[], float]


class FeedReader:
    """Follows a feed from `run` to `stop`."""

    def __init__(self, setup: Setup) -> None:
        self._setup: Final = setup
        self._places = setup.places
        self._keys: tuple[VerificationKey, ...] = ()
        self._seals: tuple[tuple[VerificationKey, ...], FeedSeals] | None = None
        self._line: Final = FeedLine(timeout=setup.timeout, token=setup.token, steady=setup.steady)
        self._events = EventStream()
        self._inbox: Final[queue.SimpleQueue[str]] = queue.SimpleQueue()
        self._told: dict[str, float] = {}
        self._restored = False
        self.following = Following(
            places=len(setup.places),
            finds=not setup.places,
            snapshot_needed=setup.revocations.rv is None,
        )
        self.first: Final[Future[None]] = Future()
        self.refused = 0
        self.last_error: str | None = None

    @property
    def url(self) -> str | None:
        """Where the news come from."""
        places = self._places
        if not places:
            return None
        at = places[self.following.at % len(places)]
        host = f"[{at.host}]" if ":" in at.host else at.host
        return f"http{'s' if at.secure else ''}://{host}:{at.port}{at.path}"

    def stop(self) -> None:
        """End, soon; from any thread."""
        self._line.cut()
        self.wake()

    def wake(self, why: str = "") -> None:
        """Look around now; from any place, a finalizer included."""
        self._inbox.put(why)

    def behind(self, now: float) -> None:
        """A token knows of numbers that are missing here; from any thread, and cheap."""
        self.wake("behind")
        if now - self.following.heard_at > LIVELY:
            self._line.end_stream()

    def run(self, needed: Callable[[], bool]) -> None:
        """Follow the feed while it is needed. Never raises."""
        source = self._setup.keys if isinstance(self._setup.keys, KeySource) else None
        try:
            if source is None:
                self._keys = tuple(self._setup.keys)  # type: ignore[arg-type]  # else it is a source
            else:
                self._provide(source)
            while needed():
                self._step()
        except Over:
            pass
        finally:
            self._line.disconnect()
            if source is not None:
                source.withdraw(self._take_keys)
            self._end_first()

    def _provide(self, source: KeySource) -> None:
        try:
            source.provide(self._take_keys)
        except KeySetUnavailable as error:
            self._warn("keys", error.detail)

    def _take_keys(self, keys: tuple[VerificationKey, ...], _: float) -> None:
        self._keys = keys
        self.wake("keys")

    def _step(self) -> None:
        now = self._setup.steady()
        self.following = self._heed(self.following.looked(now), now)
        if self.following.tried:
            self._end_first()
        try:
            self._do(now)
        except Over:
            raise
        except HttpFailed as failed:
            self._lost(str(failed), refused=failed.status in _TOKEN_REFUSED)
        except SealKeyUnknown as error:
            self._ask_for_keys()
            self._lost(error.detail)
        except RevocationsUnavailable as error:
            self._lost(error.detail)
        except Exception as error:  # noqa: BLE001 -- whatever it was, the thread goes on
            # By its class alone: a token's callable may quote a secret.
            self._lost(f"{type(error).__name__} was raised")

    def _heed(self, following: Following, now: float) -> Following:
        while not self._inbox.empty():
            why = self._inbox.get()
            if why == "keys":
                following = following.hurried(now)
            elif why == "behind":
                following = following.behind(now, fresh=self._fresh())
        return following

    def _do(self, now: float) -> None:
        step = self.following.next(now)
        match step:
            case Read(seconds):
                self._read(seconds)
            case Pause(seconds):
                self._pause(seconds)
            case Find():
                self._find()
            case TakeSnapshot(at):
                self._take_snapshot(self._places[at])
            case AskTime(at):
                self._ask_time(self._places[at])
            case Connect(at):
                self._connect(self._places[at])
            case GiveUp(reason):
                self._lost(reason)
            case _:
                assert_never(step)

    def _pause(self, seconds: float) -> None:
        try:
            why = self._inbox.get(timeout=seconds)
        except queue.Empty:
            return
        self._inbox.put(why)

    def _find(self) -> None:
        self._places = (self._line.find(self._setup.issuer),)
        self.following = self.following.found(1)

    def _take_snapshot(self, place: Place) -> None:
        needed = self.following.snapshot_needed
        try:
            snapshot = self._fetched_snapshot(place)
        except (HttpFailed, RevocationsUnavailable) as error:
            if needed:
                raise
            self._warn("renewal", str(error))
            self.following = self.following.renewal_failed(self._setup.steady())
            return
        renew = inf if self._setup.file is None else min(_RENEW, snapshot.ttl / 3)
        self.following = self.following.took_snapshot(self._setup.steady(), renew=renew)

    def _fetched_snapshot(self, place: Place) -> Snapshot:
        file, body = self._setup.file, self._line.snapshot(place)
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise RevocationsUnavailable("a snapshot that is not text") from None
        del body  # here and below: of a large one each copy counts
        snapshot = self._sealed().snapshot(text)
        if file is None:
            del text
            self._apply(snapshot)
        else:
            self._apply(snapshot)
            file.write(text.encode())
        return snapshot

    def _ask_time(self, place: Place) -> None:
        nonce = b64url_encode(os.urandom(_NONCE_BYTES)).decode()  # noqa: TID251 -- guards only this answer
        try:
            got = self._line.time(place, nonce=nonce)
            received = self._setup.steady()
            issuer_now = self._sealed().time(got.body.decode(), nonce=nonce)
            offset = clock_offset(sent=got.sent, received=received, issuer_now=issuer_now)
            if offset is None:
                raise RevocationsUnavailable(f"the time took more than {MAX_EXCHANGE:.0f} second")  # noqa: TRY301 -- one way out
        except (HttpFailed, RevocationsUnavailable, UnicodeDecodeError) as error:
            if isinstance(error, SealKeyUnknown):
                self._ask_for_keys()
            self._warn("time", str(error))
            self.following = self.following.missed_time(self._setup.steady(), dice=background.dice())
            return
        with self._setup.writing:
            self._refuse_if_over()
            self._setup.revocations.learn_offset(offset)
            self._setup.revocations.set_back(issuer_now)
        self.following = self.following.learned_time(received, dice=background.dice())

    def _connect(self, place: Place) -> None:
        self._line.connect(place, after=self._setup.revocations.rv or "")
        self._events = EventStream()
        self.following = self.following.connected(self._setup.steady())

    def _read(self, seconds: float) -> None:
        try:
            piece = self._line.piece(seconds)
        except TooLate:
            return  # what is due by now is decided above
        if not piece:
            raise RevocationsUnavailable("the stream ended")
        for event in self._events.take(piece):
            try:
                self._take(event)
            except RevocationsUnavailable as error:
                if isinstance(error, SealKeyUnknown):
                    self._ask_for_keys()
                self.refused += 1
                self._warn(event.name if event.name in {"frame", "heartbeat"} else "event", error.detail)

    def _take(self, event: Event) -> None:
        seals = self._sealed()
        if event.name == "heartbeat":
            news: Heartbeat | Frame = seals.heartbeat(event.data)
        elif event.name == "frame":
            news = seals.frame(event.data)
        else:
            raise RevocationsUnavailable(f"an event {event.name[:40]!a}")
        outcome, moved = self._apply(news)
        back = news.as_of + EARLY < (self._setup.revocations.as_of or 0.0)
        now = self._setup.steady()
        after = self.following.took(
            outcome, now, moved=moved, back=back, fresh=self._fresh(), dice=background.dice()
        )
        if after.connected_at is None:
            self._line.disconnect()
        elif not after.snapshot_needed:
            self.last_error = None
        self.following = after

    def _apply(self, news: object) -> tuple[Outcome, bool]:
        """What became of the news, and whether they are of a later read of the database."""
        with self._setup.writing:
            self._refuse_if_over()
            before = self._setup.revocations.as_of
            outcome = self._setup.revocations.apply(news)  # type: ignore[arg-type]  # one of three
            return outcome, self._setup.revocations.as_of != before

    def _sealed(self) -> FeedSeals:
        keys, made = self._keys, self._seals
        if made is None or made[0] is not keys:
            if not keys:
                raise RevocationsUnavailable("no keys to check the feed with")
            seals = FeedSeals(keys, issuer=self._setup.issuer, leaked=self._setup.revocations.leaked)
            made = self._seals = keys, seals
        return made[1]

    def _ask_for_keys(self) -> None:
        if isinstance(self._setup.keys, KeySource):
            self._setup.keys.feed_key_unknown()

    def _refuse_if_over(self) -> None:
        if self._line.over:
            raise Over

    def _fresh(self) -> bool:
        return self._setup.revocations.freshness(self._setup.steady()) is Freshness.FRESH

    def _lost(self, reason: str, *, refused: bool = False) -> None:
        self._line.disconnect()
        self._refuse_if_over()
        if refused:
            reason = f"{reason}: the feed token is missing or not the issuer's"
        self._warn("line", reason)
        now = self._setup.steady()
        self.following = self.following.lost(now, dice=background.dice(), refused=refused)
        if self.following.tried and self._setup.revocations.rv is None:
            self._restore()

    def _restore(self) -> None:
        file = self._setup.file
        if file is None or self._restored or not self._keys:
            return
        self._restored = True
        snapshot = file.read(self._sealed(), now=self._setup.clock())
        if snapshot is not None:
            self._apply(snapshot)

    def _warn(self, kind: str, reason: str) -> None:
        # Once per kind, not per piece: what comes is somebody else's to send.
        self.last_error = reason
        now = self._setup.steady()
        if now - self._told.get(kind, -inf) >= _TOLD_AGAIN:
            self._told[kind] = now
            _log.warning("the revocation feed of %s: %s: %s", self._setup.issuer, kind, reason)

    def _end_first(self) -> None:
        if not self.first.done():
            self.first.set_result(None)
