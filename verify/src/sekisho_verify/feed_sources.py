"""What a verifier asks of revocations that come from elsewhere, and how it stands with them.

Light, because every verifier knows it: the thread is in `feed`, the network in `feed_reader`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from sekisho_verify.revocations.live import Revocations

Cooler = Callable[[], None]
"""Told that a feed is not kept fresh any more in this process.

Called on any thread, under a lock; it does not wait or raise."""


class FeedStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a verifier stands with the revocations, for health checks and metrics.

    Attributes:
        state: `fresh` up to 2 seconds after the issuer's database was read for us, then `stale`, after 60
            seconds `cut`; `never_synced` before the first snapshot; `off` for `feed=None`.
        age_seconds: since that read; None where it is not known.
        entries: sessions, users, groups and keys that have an entry.
        gaps: how often numbers were missing, so that they had to be fetched.
        refused: how much came through the stream that did not hold: foreign, malformed, forged.
        rv: epoch and number up to which everything is known.
        url: where it comes from at present.
        last_error: what went wrong last, for the operator; None since it was mended.
    """

    state: Literal["fresh", "stale", "cut", "never_synced", "off"]
    age_seconds: float | None = None
    entries: int = 0
    gaps: int = 0
    refused: int = 0
    rv: str | None = None
    url: str | None = None
    last_error: str | None = None


OFF = FeedStatus(state="off")
"""That of a verifier without a feed."""


def status_of(
    revocations: Revocations,
    *,
    steady_now: float,
    gaps: int = 0,
    refused: int = 0,
    url: str | None = None,
    last_error: str | None = None,
) -> FeedStatus:
    """The status of some revocations, at a time of the clock by which they learned their offset."""
    age = revocations.age(steady_now)
    return FeedStatus(
        state=revocations.freshness(steady_now).value,
        age_seconds=None if age is None else max(age, 0.0),
        entries=revocations.entry_count,
        gaps=gaps,
        refused=refused,
        rv=revocations.rv,
        url=url,
        last_error=last_error,
    )


class FeedSource(ABC):
    """Where revocations come from: `IssuerFeed`.

    It may serve several verifiers. It knows them by weak references, so that a verifier which nobody else
    holds goes; without verifiers it rests.

    Attributes:
        issuer: the one whose revocations they are.
        revocations: what is known of them; the same object for good.
        steady: gives seconds of the clock by which their age is told.
    """

    issuer: str
    revocations: Revocations
    steady: Callable[[], float]

    @property
    @abstractmethod
    def status(self) -> FeedStatus:
        """How the source stands at this moment."""

    @abstractmethod
    def attach(self, cool: Cooler) -> None:
        """Keep the revocations fresh, until `detach`; does not wait.

        Args:
            cool: a bound method, which is held weakly; called when that ends, after a fork too: who goes on
                must attach himself anew.

        Raises:
            RevocationsUnavailable: they cannot be kept fresh in this process.
        """

    @abstractmethod
    def wait(self) -> None:
        """Wait, for a time that the source bounds, for the first snapshot; not if it is there, or failed."""

    @abstractmethod
    async def await_first(self) -> None:
        """`wait` for asyncio: the event loop goes on meanwhile."""

    @abstractmethod
    def detach(self, cool: Cooler) -> None:
        """Forget `cool`, and call it; does nothing for one that is not known."""

    @abstractmethod
    def behind(self) -> None:
        """A token knows of numbers that are missing here: fetch, but not more often for many such tokens."""
