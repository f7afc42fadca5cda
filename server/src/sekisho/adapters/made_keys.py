"""The signing keys that the server makes for itself: which there are, and how each stands.

Their rows are in the database; their private parts in files (SQLite) or sealed in the rows (PostgreSQL).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from math import inf
from typing import Final, Protocol, cast

from sekisho.adapters.given_keys import KnownKey, SignerKey, SigningKeys
from sekisho.adapters.key_making import MadeKey, make_key
from sekisho.adapters.key_reading import Reading
from sekisho.ports import Clock, Entropy, KeyStore
from sekisho.rules.events import Event
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.keyring import (
    Add,
    AddFirst,
    KeyRecords,
    Keyring,
    KeyTimes,
    Reseal,
    SealedKey,
    gone,
    next_alg,
    next_step,
    rotation_due,
    standings,
)
from sekisho.settings import Alg
from sekisho_verify import SigningKey


class KeyPlace(Protocol):
    """Where private keys are. All of it may block, for a moment."""

    def first(self, alg: Alg, *, now: float) -> list[SealedKey]:
        """What a database begins with that knows of no keys, the oldest first; never nothing."""
        ...

    def keep(self, made: MadeKey, *, now: float) -> bytes:
        """Keep it, durably; what its row holds of it."""
        ...

    def open(self, row: SealedKey) -> SignerKey | None:
        """The key of a row; none where it is gone. Raises `SettingsRefused`."""
        ...

    def reseal(self, row: SealedKey) -> bytes | None:
        """What the row should hold under the current root secret; none where it does."""
        ...

    def forget(self, kids: Iterable[str]) -> None:
        """Delete what is kept of these."""
        ...


class MadeKeys:
    """`KeyOrigin` of keys that the server makes.

    Args:
        store: where their rows are.
        place: where their private parts are.
        alg: the algorithm of new ones.
        times: how they follow each other.
        entropy: random bytes.
        steady: seconds that never jump, for `age`.
    """

    def __init__(
        self,
        store: KeyStore,
        place: KeyPlace,
        *,
        alg: Alg,
        times: KeyTimes,
        entropy: Entropy,
        steady: Clock,
    ) -> None:
        self.times: Final = times
        self._store = store
        self._place = place
        self._alg: Alg = alg
        self._entropy = entropy
        self._steady = steady
        self._read_at = steady()
        self._records: KeyRecords = KeyRecords()
        self._opened: dict[str, SignerKey] = {}
        self._planned = (inf, -inf)
        self._reading: Reading | None = None

    async def open(self, *, now: float) -> Reading:
        """Make, adopt or unseal what there is, and put it under the current root secret.

        Raises:
            SettingsRefused: a key cannot be read; with the fix.
            Refusal: `unavailable`: the database does not answer.
        """
        records = await self._store.signing_keys()
        if not records.keys:
            records = await self._begin(now)
        for row in records.keys:
            # One row after the other, each only if it is still what we read: a crash or another node that
            # does the same leaves every row under one seal or the other.
            sealed = self._place.reseal(row)
            if sealed is not None:
                step = Reseal(row.kid, row.sealed, sealed)
                records = await self._store.change_keys(step, now=now, recorded=())
        reading = await self.read(now=now)
        return await self.revive(now=now) if reading.keys is None else reading

    @property
    def keyless(self) -> bool:
        """Whether nothing that there is may sign."""
        return self._reading is not None and self._reading.keys is None

    async def revive(self, *, now: float) -> Reading:
        """Begin anew where no key may sign: the private parts are gone, or each was retired by somebody.

        What they signed cannot be believed any more, and tokens must be signed. Of several nodes that do it
        at once one adds its key. Raises as for `open`.
        """
        if not (await self._store.signing_keys()).keys:
            await self._begin(now)
        reading = await self.read(now=now)
        if reading.keys is None:
            key = await self.make(now, now)
            add = Add(key, after=self._records.keys[-1].kid)
            event = key_added(key, now=now, entropy=self._entropy)
            await self._store.change_keys(add, now=now, recorded=[event])
            reading = await self.read(now=now)
        return reading

    async def _begin(self, now: float) -> KeyRecords:
        first = tuple(await asyncio.to_thread(self._place.first, self._alg, now=now))
        recorded = [key_added(key, now=now, entropy=self._entropy) for key in first]
        return await self._store.change_keys(AddFirst(first), now=now, recorded=recorded)

    async def read(self, *, now: float) -> Reading:
        """What stands now. Only what changed since the last time is opened.

        Raises:
            SettingsRefused, Refusal: as for `open`.
        """
        began = self._steady()
        records = await self._store.signing_keys()
        since, until = self._planned
        if self._reading is None or records != self._records or not since <= now < until:
            # A key of RSA takes milliseconds to be checked, and a file may be on a slow disk.
            self._reading = await asyncio.to_thread(self._arrange, records, now)
            self._records = records
            self._planned = now, next_step(records.keys, now=now, times=self.times)
        self._read_at = began
        return self._reading

    def age(self) -> float:
        """Seconds since the keys were last read."""
        return self._steady() - self._read_at

    def upkeep_due(self, *, now: float) -> bool:
        """Whether a key is to be added or dropped."""
        keys = self._records.keys
        return rotation_due(keys, times=self.times) <= now or bool(gone(keys, now=now, times=self.times))

    async def make(self, now: float, signs_at: float) -> SealedKey:
        """A new key, kept but not in the database yet."""
        newest = self._records.keys[-1].alg if self._records.keys else self._alg
        alg = cast("Alg", next_alg(newest, self._alg))
        made = await asyncio.to_thread(make_key, alg, entropy=self._entropy)
        sealed = await asyncio.to_thread(self._place.keep, made, now=now)
        return SealedKey(made.key.kid, made.key.alg, now, signs_at, sealed)

    async def forget(self, kids: Iterable[str]) -> None:
        """Delete what is kept of these keys beside the database."""
        await asyncio.to_thread(self._place.forget, tuple(kids))

    def _arrange(self, records: KeyRecords, now: float) -> Reading:
        retired = {key.thumbprint for key in records.retired}
        opened: dict[str, SignerKey] = {}
        for row in records.keys:
            key = self._opened.get(row.kid) or self._place.open(row)
            if key is not None and key.thumbprint not in retired:
                opened[row.kid] = key
        self._opened = opened
        usable = [row for row in records.keys if row.kid in opened]
        standing = standings(usable, now=now, times=self.times)
        return Reading(
            _ring([opened[each.kid] for each in standing], [each.state for each in standing]),
            standing,
            tuple(KnownKey.of(opened[each.kid]) for each in standing),
            records.retired,
        )


def key_added(key: SealedKey, *, now: float, entropy: Entropy) -> Event:
    """The record of a new signing key."""
    about = {"kid": key.kid, "alg": key.alg}
    return Event("signing_key_added", now, uuid7(now, entropy(ENTROPY_BYTES)), about=about)


def _ring(keys: list[SignerKey], states: list[str]) -> SigningKeys | None:
    if "current" not in states:
        return None
    public = tuple(key.public if isinstance(key, SigningKey) else key for key in keys)
    return Keyring(keys[states.index("current")], public)
