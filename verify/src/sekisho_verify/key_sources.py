"""What a verifier asks of keys that may change while it runs.

Light, because every verifier knows it: the threads are in `refreshed_keys`, the network in `jwks`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal

import msgspec

from sekisho_verify.keys import VerificationKey

KeyTaker = Callable[[tuple[VerificationKey, ...], float], None]
"""Takes the keys of a source, and for how many seconds from now they may be used; no keys: none may be.

The same tuple again means the same keys. It is called on any thread, under a lock, and does not wait or
raise.
"""


class KeyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a verifier stands with its keys, for health checks and metrics.

    Attributes:
        state: `fixed` for keys that were given; `fresh` for keys that were loaded within the time set for it;
            `stale` for older ones, which are used all the same; `none` if no token can be verified: nothing
            was loaded yet, or it is too old.
        age: seconds since the keys were last loaded; None for `fixed`, or if they never were.
        kids: the ids of the keys in use.
        last_error: why the last load failed, for the operator; None after a good one.
    """

    state: Literal["fixed", "fresh", "stale", "none"]
    kids: tuple[str, ...]
    age: float | None = None
    last_error: str | None = None


class KeySource(ABC):
    """Where keys come from that may change: `IssuerKeys`, `HmacKeySource`.

    It may serve several verifiers. It knows them by weak references, so that a verifier which nobody else
    holds goes; without verifiers it rests.
    """

    issuer: str | None = None
    """The one issuer that the keys are of; None where they do not say."""

    @property
    @abstractmethod
    def status(self) -> KeyStatus:
        """How the source stands at this moment."""

    @abstractmethod
    def provide(self, taker: KeyTaker) -> None:
        """Hand the keys to `taker`, a bound method, now and after each change, until `withdraw`.

        It waits, for a time that the source bounds, only while the very first load is under way. Without
        keys it returns all the same, having handed over none.

        Raises:
            KeySetUnavailable: if the keys cannot be kept fresh in this process.
        """

    @abstractmethod
    async def aprovide(self, taker: KeyTaker) -> None:
        """`provide` for asyncio: the event loop goes on meanwhile.

        Raises:
            KeySetUnavailable: as for `provide`.
        """

    @abstractmethod
    def withdraw(self, taker: KeyTaker) -> None:
        """Forget `taker`, and take its keys back; does nothing for one that is not known."""

    @abstractmethod
    def key_unknown(self) -> None:
        """A token named a key that is not there: load soon, but not more often for many such tokens."""

    def feed_key_unknown(self) -> None:
        """The same of the revocation feed, which strangers do not write: it may be given more leave."""
        self.key_unknown()
