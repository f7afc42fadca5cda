"""What is known of the signing keys at one moment, wherever they come from."""

from __future__ import annotations

from typing import Protocol

from sekisho.adapters.given_keys import KnownKey, SigningKeys
from sekisho.frozen import Frozen
from sekisho.rules.keyring import RetiredKey, Standing


class Reading(Frozen):
    """The keys to use, and how each stands, the newest first.

    `keys` is none where none may sign: every one that there is has been retired. `trouble`: why what is given
    here is older than it should be, for the log; it names references and nothing of their content.
    """

    keys: SigningKeys | None
    standings: tuple[Standing, ...]
    known: tuple[KnownKey, ...]
    retired: tuple[RetiredKey, ...]
    trouble: str = ""

    def others_sign(self, kid: str) -> bool:
        """Whether a key beside that one could sign."""
        return any(key.signs and key.kid != kid for key in self.known)


class KeyOrigin(Protocol):
    """Where signing keys come from."""

    async def open(self, *, now: float) -> Reading:
        """The keys at start. Raises `SettingsRefused`, `Refusal`."""
        ...

    async def read(self, *, now: float) -> Reading:
        """The keys as they are now: the same object as before where nothing has changed. Raises as `open`."""
        ...

    def age(self) -> float:
        """Seconds since they were last read with success."""
        ...
