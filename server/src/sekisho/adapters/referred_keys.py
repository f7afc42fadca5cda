"""The signing keys that an operator gives by reference, read again and again while the server runs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from sekisho.adapters.given_keys import AnyKey, KnownKey, SignerKey, held_keys, keyring, unusable
from sekisho.adapters.key_reading import Reading
from sekisho.adapters.secrets.abandonable import abandonable
from sekisho.adapters.secrets.kept import Kept
from sekisho.adapters.secrets.references import Secrets
from sekisho.frozen import Frozen
from sekisho.ports import Clock, KeyStore
from sekisho.rules.keyring import KeyringRefused, KeyState, RetiredKey, Standing, is_shared
from sekisho.settings import Alg, SettingsRefused

NAME: Final = "SEKISHO_SIGNING_KEY"
#: Seconds between two readings: of this machine's own files, and of what is asked over a network and counted.
EVERY_LOCAL: Final = 5.0
EVERY_REMOTE: Final = 60.0
_LOCAL: Final = ("file:", "env:")


class Given(Frozen):
    """The keys of a reference, and of which version each is; the order decides which signs."""

    keys: tuple[AnyKey, ...]
    states: tuple[KeyState, ...]


class ReferredKeys:
    """`KeyOrigin` of keys given by reference.

    The first private key (or secret) signs: of a set the first in it, of versions the current one. All others
    are believed. What a reading brings replaces what was there; one that fails leaves it.

    Args:
        reference: where they are.
        alg: see `given_keys`.
        secrets: reads references.
        store: knows which keys were retired.
        steady: seconds that never jump.
    """

    def __init__(self, reference: str, *, alg: Alg, secrets: Secrets, store: KeyStore, steady: Clock) -> None:
        self._where = f"{NAME} ({reference})"
        self._read_given = partial(read_given, reference, alg=alg, secrets=secrets)
        self._every = EVERY_LOCAL if reference.startswith(_LOCAL) else EVERY_REMOTE
        self._store = store
        self._steady = steady
        self._read_at = steady()
        self._tried_at = steady()
        self._kept: Kept[Given] | None = None
        self._arranged: tuple[Given, tuple[RetiredKey, ...], str] | None = None
        self._reading: Reading | None = None

    async def open(self, *, now: float) -> Reading:
        """Read the reference for the first time.

        Raises:
            SettingsRefused: nothing to sign with is there, or it has been retired; with the fix.
            Refusal: `unavailable`: the database does not answer.
        """
        self._kept = await abandonable(partial(Kept, self._read_given, steady=self._steady))
        reading = await self.read(now=now)
        if reading.keys is None:
            raise unusable(self._where, reading.trouble)
        return reading

    async def read(self, *, now: float) -> Reading:  # noqa: ARG002 - what is given follows no clock
        """What stands now: what was read last, less what has been retired meanwhile.

        Raises:
            Refusal: `unavailable`: the database does not answer.
        """
        if self._kept is None:
            raise RuntimeError("open comes first")
        began = self._steady()
        retired = (await self._store.signing_keys()).retired
        self._read_at = began
        if began - self._tried_at >= self._every:
            self._tried_at = began
            with suppress(SettingsRefused):  # told by `faults`, and the keys before it go on
                await self._kept.reread()
        trouble = "; ".join(f"{fault.name}: {fault.problem.en}" for fault in self._kept.faults)
        arranged = (self._kept.value, retired, trouble)
        if self._reading is None or arranged != self._arranged:
            self._reading, self._arranged = _arrange(*arranged), arranged
        return self._reading

    def age(self) -> float:
        """Seconds since both the reference and the database were last read."""
        given = 0.0 if self._kept is None else self._kept.age()
        return max(given, self._steady() - self._read_at)


def read_given(reference: str, *, alg: Alg, secrets: Secrets) -> Given:
    """Every key behind the reference, in all its versions, which stand together.

    Another version may be of another kind, since the one before cannot be taken out of every store of
    secrets: a shared secret beside a key pair is then left out, as is a key that stands there twice.

    Raises:
        SettingsRefused: the current version holds nothing to sign with, or another holds no key at all.
    """
    versions = secrets.versions(reference, setting=NAME)
    where = f"{NAME} ({reference})"
    current = held_keys(versions.current, alg=alg, where=where)
    try:
        signing = keyring(current).signing
    except KeyringRefused as fault:
        raise unusable(where, str(fault)) from None
    states: dict[str, KeyState] = dict.fromkeys((key.kid for key in current), "believed")
    keys = {key.kid: key for key in current}
    others: list[tuple[KeyState, Sequence[AnyKey]]] = [
        ("previous", held_keys(secret, alg=alg, where=where)) for secret in versions.previous
    ]
    if versions.pending is not None:
        pending = held_keys(versions.pending, alg=alg, where=where)
        if any(key.kid in keys and key.thumbprint != keys[key.kid].thumbprint for key in pending):
            # The one before cannot be taken out of a store any more; the next one can be mended.
            raise unusable(f"{where} (pending)", "two keys have the same kid")
        others.insert(0, ("pending", pending))
    for state, held in others:
        for key in held:
            if is_shared(key) == is_shared(signing) and key.kid not in keys:
                keys[key.kid], states[key.kid] = key, state
    return Given(tuple(keys.values()), tuple(states.values()))


def _arrange(given: Given, retired: tuple[RetiredKey, ...], trouble: str) -> Reading:
    gone = {key.thumbprint for key in retired}
    leaked = {key.kid for key in retired if key.compromised}
    left: list[tuple[AnyKey, KeyState]] = []
    troubles = [trouble] if trouble else []
    for key, state in zip(given.keys, given.states, strict=True):
        if key.thumbprint in gone:
            continue
        if key.kid in leaked:
            # It would be refused by every verifier with a feed, for good: entries name keys by their kid.
            troubles.append(f"a key in it has the kid of one that leaked ({key.kid}); give it another")
        else:
            left.append((key, state))
    keys = [key for key, _ in left]
    signs = next((key.kid for key in keys if isinstance(key, SignerKey)), None)
    if signs is None:
        troubles.append("every private key in it has been retired; put another into it")
    standing: list[Standing] = []
    for key, state in left:
        known: KeyState = "current" if key.kid == signs else state
        standing.append(Standing(key.kid, key.alg, known))
    return Reading(
        None if signs is None else keyring(keys),
        tuple(standing),
        tuple(KnownKey.of(key) for key in keys),
        retired,
        "; ".join(troubles),
    )
