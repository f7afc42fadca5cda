"""Revocations that are published in the very process that checks them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from sekisho_verify.errors import ConfigurationError
from sekisho_verify.revocations.entries import (
    EFFECTS,
    KINDS,
    Entry,
    Frame,
    Snapshot,
    entry_key,
    write_rv,
)
from sekisho_verify.revocations.freshness import Freshness
from sekisho_verify.revocations.live import Revocations

if TYPE_CHECKING:
    from collections.abc import Callable

    from sekisho_verify.revocations.entries import Effect, Kind


class LocalRevocations(Revocations):
    """Revocations without a feed: for tests, and for a program that mints the tokens that it checks.

    Entries take the way that those of an issuer take, and the numbers are given here. With nothing between
    publisher and verifier it is fresh at any time. `publish` may be called by any thread.

    Args:
        clock: gives seconds since 1970.
        ttl: seconds for which any token that an entry can hit may be accepted.
    """

    __slots__ = ("_clock", "_lock", "_number")

    def __init__(self, *, clock: Callable[[], float], ttl: float = 86460.0) -> None:
        super().__init__()
        self._clock: Final = clock
        self._lock: Final = threading.Lock()
        self._number = 0
        self.apply(Snapshot(epoch=1, head=0, as_of=clock(), ttl=ttl, entries=()))

    @property
    def rv(self) -> str:
        """What a token that is minted now says in its claim `rv`."""
        return write_rv(1, self._number)

    def publish(self, kind: Kind, name: str = "", *, effect: Effect = "revoked") -> None:
        """Refuse, from now on, every token minted before: of a session, a user, a group, or of everybody.

        A kind `key` refuses every token that this key has sealed or will ever seal.

        Args:
            kind: what `name` is: of a session or user its id, of a group its name, of a key its `kid`; for
                `everything` there is none.
            name: see there.
            effect: `revoked`, or `stale` for rights that changed, so that a refresh helps.

        Raises:
            ConfigurationError: for a kind or an effect that does not exist, and for a name that is no text,
                is missing, or is one that `everything` does not have.
        """
        _refuse_nothing(kind, name, effect)
        with self._lock:  # the one place where several threads may write
            number = self._number + 1
            entry = Entry(number, kind, entry_key(kind, name), effect)
            self.apply(Frame(epoch=1, first=number, last=number, as_of=self._clock(), entries=(entry,)))
            self._number = number

    def freshness(self, steady_now: float) -> Freshness:  # noqa: ARG002 -- no time makes it any older
        """Always fresh."""
        return Freshness.FRESH

    def age(self, steady_now: float) -> float:  # noqa: ARG002 -- same
        """Always 0."""
        return 0.0


def _refuse_nothing(kind: object, name: object, effect: object) -> None:
    """Return if this ends something: by a slip of the pen an entry is published that hits no token at all."""
    if kind not in KINDS:
        raise ConfigurationError(f"kind is one of {', '.join(KINDS)}; got {kind!a}")
    if effect not in EFFECTS:
        raise ConfigurationError(f"effect is one of {', '.join(EFFECTS)}; got {effect!a}")
    if not isinstance(name, str):
        raise ConfigurationError(f"{kind}: a name is text; got {type(name).__name__}")
    if bool(name) == (kind == "everything"):
        raise ConfigurationError("name the session, user, group or key; and nothing for everything")
