"""The questions that a follower of the feed asks over HTTP: bounded, and cut off by any other thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from sekisho_verify.errors import EncodingError, RevocationsUnavailable
from sekisho_verify.http_get import Answer, Exchange, Got, Headers, HttpFailed, within
from sekisho_verify.issuer_metadata import own_place, read_metadata
from sekisho_verify.revocations.freshness import MAX_EXCHANGE
from sekisho_verify.revocations.sealed import MAX_FRAME, MAX_SNAPSHOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from sekisho_verify.urls import Place

T = TypeVar("T")

FEED_NAME: Final = "sekisho_revocations_uri"
"""What the issuer's metadata call the feed."""
SNAPSHOT_PATIENCE: Final = 20.0
"""Seconds that a snapshot may take: the largest by a line of 27 Mbit/s."""
SNAPSHOT_PACE: Final = 1024 * 1024
"""Bytes of it that buy another second, beyond those of a small answer: a trickle is left for the next URL."""

_THREAD: Final = "sekisho-feed-line"
_EVENTS: Final = "text/event-stream"


class Over(Exception):
    """The line was cut: nobody needs it any more."""


class FeedLine:
    """Asks one question at a time, or reads one stream.

    Every method raises `HttpFailed` where there is no answer that could be used, and `Over` once it is cut.

    Args:
        timeout: seconds for a small answer.
        token: gives the feed token of the moment, if there is one.
        steady: gives seconds of a clock that never steps.
    """

    def __init__(
        self, *, timeout: float, token: Callable[[], str | None], steady: Callable[[], float]
    ) -> None:
        self._timeout: Final = timeout
        self._token: Final = token
        self._steady: Final = steady
        self._current: Exchange | Answer | None = None
        self._answer: Answer | None = None
        self.over = False

    def find(self, issuer: str) -> Place:
        """Where the issuer's metadata say that its feed is.

        Raises:
            RevocationsUnavailable: they do not, or it is not of the issuer's own origin.
        """
        exchange = self._exchange(self._timeout)
        try:
            metadata = self._ask(exchange, lambda: read_metadata(exchange, issuer))
            return feed_place(own_place(metadata, FEED_NAME, issuer=issuer))
        except (EncodingError, ValueError) as error:
            raise RevocationsUnavailable(f"{issuer}: {error}") from None

    def snapshot(self, place: Place) -> bytes:
        """The sealed snapshot."""
        answer = self._open(place, accept="*/*", headers=self._headers())
        try:
            self._begin(answer)
            return answer.whole(
                limit=MAX_SNAPSHOT, patience=self._timeout, most=SNAPSHOT_PATIENCE, pace=SNAPSHOT_PACE
            )
        finally:
            answer.close()
            self._refuse_if_over()

    def time(self, place: Place, *, nonce: str) -> Got:
        """The sealed time, as an answer to a question with that nonce, and when it was asked."""
        asked = place._replace(path=f"{place.path}/time", query=f"nonce={nonce}")
        exchange, headers = self._exchange(MAX_EXCHANGE), self._headers()
        return self._ask(
            exchange, lambda: exchange.get(asked, limit=MAX_FRAME, accept="*/*", headers=headers)
        )

    def connect(self, place: Place, *, after: str) -> None:
        """Open the stream of what came after an `rv`; `piece` reads it."""
        self.disconnect()
        headers = [*self._headers(), ("Last-Event-ID", after)]
        stream = place._replace(path=f"{place.path}/stream")
        # Kept before anything else may happen, so that it is closed with the line.
        answer = self._answer = self._open(stream, accept=_EVENTS, headers=headers)
        self._begin(answer)
        if answer.media_type != _EVENTS:
            raise HttpFailed(f"{place.host}{stream.path} sent {answer.media_type[:40]!a}")

    def piece(self, seconds: float) -> bytes:
        """What comes next through the stream; nothing at its end.

        Raises:
            TooLate: nothing came within so many seconds.
        """
        answer = self._answer
        if answer is None:
            return b""
        self._begin(answer)
        try:
            return answer.piece(seconds)
        finally:
            self._refuse_if_over()

    def disconnect(self) -> None:
        """Leave the stream, if there is one."""
        answer, self._answer, self._current = self._answer, None, None
        if answer is not None:
            answer.close()

    def end_stream(self) -> None:
        """Have the stream end, so that it is opened anew; from any thread, and cheap."""
        answer = self._answer
        if answer is not None:
            answer.cut()

    def cut(self) -> None:
        """End whatever is under way, and all that would come after it; from any thread."""
        self.over = True
        current = self._current
        if current is not None:
            current.cut()

    def _headers(self) -> Headers:
        token = self._token()
        return () if token is None else (("Authorization", f"Bearer {token}"),)

    def _exchange(self, seconds: float) -> Exchange:
        return Exchange(seconds, clock=self._steady)

    def _open(self, place: Place, *, accept: str, headers: Headers) -> Answer:
        """An answer to be read, whose head came in time."""
        exchange = self._exchange(self._timeout)
        self._begin(exchange)
        return within(
            exchange.timeout,
            exchange,
            lambda: exchange.open(place, accept=accept, headers=headers),
            name=_THREAD,
        )

    def _ask(self, exchange: Exchange, work: Callable[[], T]) -> T:
        self._begin(exchange)
        try:
            return within(exchange.timeout, exchange, work, name=_THREAD)
        finally:
            self._refuse_if_over()

    def _begin(self, current: Exchange | Answer) -> None:
        # In this order: who cuts the line in between says so first, and then cuts what is here.
        self._current = current
        self._refuse_if_over()

    def _refuse_if_over(self) -> None:
        if self.over:
            raise Over


def feed_place(place: Place) -> Place:
    """Where a feed is, as what is below it is added to.

    Raises:
        ValueError: it has a query.
    """
    if place.query:
        raise ValueError("the URL of a feed has no query: the feed adds its own")
    return place._replace(path=place.path.rstrip("/"))
