"""The issuer's own keys as a source for the server's own verifier: put in place, never fetched."""

from __future__ import annotations

from math import inf
from weakref import WeakMethod

from sekisho.adapters.given_keys import VerifyingKey
from sekisho_verify.key_sources import KeySource, KeyStatus, KeyTaker


class OwnKeys(KeySource):
    """Hands each new set to its verifiers within `put`: when that returns, no other key is believed.

    One event loop puts them in place and verifies by them, so nothing here is locked.
    """

    def __init__(self) -> None:
        self._keys: tuple[VerifyingKey, ...] = ()
        self._takers: list[WeakMethod[KeyTaker]] = []

    def put(self, keys: tuple[VerifyingKey, ...]) -> None:
        """Believe these from now on; with none, nothing."""
        self._keys = keys
        self._takers = [each for each in self._takers if each() is not None]
        for each in self._takers:
            if (taker := each()) is not None:
                taker(keys, inf)

    @property
    def status(self) -> KeyStatus:
        """See `KeySource.status`. What is put in place does not age."""
        return KeyStatus(
            state="fresh" if self._keys else "none",
            kids=tuple(key.kid for key in self._keys),
            age=0.0,
            last_error=None if self._keys else "every key has been retired",
        )

    def provide(self, taker: KeyTaker) -> None:
        """See `KeySource.provide`."""
        if all(each() != taker for each in self._takers):
            self._takers.append(WeakMethod(taker))
        taker(self._keys, inf)

    async def aprovide(self, taker: KeyTaker) -> None:
        """See `KeySource.aprovide`."""
        self.provide(taker)

    def withdraw(self, taker: KeyTaker) -> None:
        """See `KeySource.withdraw`."""
        known = len(self._takers)
        self._takers = [each for each in self._takers if each() != taker]
        if len(self._takers) < known:
            taker((), 0.0)

    def key_unknown(self) -> None:
        """See `KeySource.key_unknown`: there is nobody to ask; what is new comes by itself."""
