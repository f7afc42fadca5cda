"""Signing keys that the database keeps, and those that are never to be used again.

`generation` counts the keys and is unique: of several nodes that add the next one at once, one does, and the
others find it there.
"""

from __future__ import annotations

from collections.abc import Sequence

from sekisho.adapters.sql import events, revocations
from sekisho.adapters.sql.operation import Operation, Statement
from sekisho.rules.events import Event
from sekisho.rules.keyring import (
    Add,
    AddFirst,
    Drop,
    KeyRecords,
    KeyStep,
    Reseal,
    Retire,
    RetiredKey,
    SealedKey,
    SignFrom,
)
from sekisho.rules.revocation import Entry

# A key from before 0002, or of a release that knows no pending keys, signs from its first moment.
_SIGNS_AT = "COALESCE(signs_at, created_at)"
_LIST = f"SELECT kid, alg, created_at, {_SIGNS_AT}, sealed FROM signing_keys ORDER BY generation"  # noqa: S608 - a constant of ours
_RETIRED = "SELECT kid, alg, thumbprint, at, compromised FROM retired_keys ORDER BY at, thumbprint"
_ADD_FIRST = """
INSERT INTO signing_keys (kid, generation, alg, created_at, signs_at, sealed)
SELECT :kid, 1, :alg, :created_at, :signs_at, :sealed WHERE NOT EXISTS (SELECT 1 FROM signing_keys)
ON CONFLICT DO NOTHING RETURNING kid
"""
_ADD = """
INSERT INTO signing_keys (kid, generation, alg, created_at, signs_at, sealed)
VALUES (:kid, :generation, :alg, :created_at, :signs_at, :sealed) ON CONFLICT DO NOTHING RETURNING kid
"""
_ADD_AFTER = """
INSERT INTO signing_keys (kid, generation, alg, created_at, signs_at, sealed)
SELECT :kid, generation + 1, :alg, :created_at, :signs_at, :sealed FROM signing_keys
WHERE kid = :after AND generation = (SELECT max(generation) FROM signing_keys)
ON CONFLICT DO NOTHING RETURNING kid
"""
_SIGN_FROM = f"UPDATE signing_keys SET signs_at = :at WHERE kid = :kid AND {_SIGNS_AT} > :at RETURNING kid"  # noqa: S608 - as above
_RESEAL = "UPDATE signing_keys SET sealed = :sealed WHERE kid = :kid AND sealed = :was RETURNING kid"
_DROP = f"DELETE FROM signing_keys WHERE kid = :kid RETURNING generation, {_SIGNS_AT}"  # noqa: S608 - as above
_LATER = f"SELECT kid, {_SIGNS_AT} FROM signing_keys WHERE generation > :generation ORDER BY generation"  # noqa: S608 - as above
_RETIRE = """
INSERT INTO retired_keys (thumbprint, kid, alg, at, compromised)
VALUES (:thumbprint, :kid, :alg, :at, :compromised)
ON CONFLICT (thumbprint) DO UPDATE SET at = excluded.at, compromised = excluded.compromised
WHERE excluded.compromised > retired_keys.compromised RETURNING kid
"""


def listed() -> Operation[KeyRecords]:
    """Everything: the keys, oldest first, and those that were retired."""
    rows = yield Statement(_LIST)
    retired = yield Statement(_RETIRED)
    return KeyRecords(
        tuple(
            SealedKey(kid, alg, created_at, signs_at, bytes(sealed))
            for kid, alg, created_at, signs_at, sealed in rows
        ),
        tuple(
            RetiredKey(kid, alg, name, at, bool(compromised)) for kid, alg, name, at, compromised in retired
        ),
    )


def change(step: KeyStep, *, now: float, recorded: Sequence[Event]) -> Operation[KeyRecords]:
    """Take one step if it still fits, and put it on record if it did anything; what stands afterwards."""
    done = yield from _take(step, now=now)
    found = yield from listed()
    if done:
        standing = {key.kid for key in found.keys}
        for event in recorded:
            # The successor of a key that is retired may not have been needed.
            if event.kind != "signing_key_added" or event.about["kid"] in standing:
                yield from events.record(event)
        if isinstance(step, Retire) and step.key.compromised:
            yield from revocations.publish([Entry("key", step.key.kid, "revoked")], now=now)
    return found


def _take(step: KeyStep, *, now: float) -> Operation[bool]:
    """Take the step; whether it did anything."""
    match step:
        case AddFirst():
            return (yield from _add_first(step.keys))
        case Add():
            return bool((yield Statement(_ADD_AFTER, {**_parameters(step.key), "after": step.after})))
        case SignFrom():
            return bool((yield Statement(_SIGN_FROM, {"kid": step.kid, "at": step.at})))
        case Reseal():
            values = {"kid": step.kid, "was": step.was, "sealed": step.sealed}
            return bool((yield Statement(_RESEAL, values)))
        case Drop():
            dropped = 0
            for kid in step.kids:
                dropped += len((yield Statement(_DROP, {"kid": kid})))
            return dropped > 0
        case Retire():
            return (yield from _retire(step, now=now))


def _add_first(keys: tuple[SealedKey, ...]) -> Operation[bool]:
    first, *others = keys
    if not (yield Statement(_ADD_FIRST, _parameters(first))):
        return False
    for generation, key in enumerate(others, 2):
        yield Statement(_ADD, {**_parameters(key), "generation": generation})
    return True


def _retire(step: Retire, *, now: float) -> Operation[bool]:
    key = step.key
    values = {"thumbprint": key.thumbprint, "kid": key.kid, "alg": key.alg, "at": key.at}
    marked = yield Statement(_RETIRE, {**values, "compromised": int(key.compromised)})
    dropped = yield Statement(_DROP, {"kid": key.kid})
    if dropped:
        ((generation, signed_from),) = dropped
        if signed_from <= now:
            yield from _succeed(generation, step.successor, now=now)
    return bool(marked)


def _succeed(generation: int, successor: SealedKey | None, *, now: float) -> Operation[None]:
    """See that a later key signs: one that stands already, or else the successor."""
    later = yield Statement(_LATER, {"generation": generation})
    if not later and successor is not None:
        values = {**_parameters(successor), "generation": generation + 1}
        if (yield Statement(_ADD, values)):
            return
        # Another node has just rotated; its key, which we could not see before, takes over.
        later = yield Statement(_LATER, {"generation": generation})
    if later and all(signs_at > now for _, signs_at in later):
        yield Statement(_SIGN_FROM, {"kid": later[0][0], "at": now})


def _parameters(key: SealedKey) -> dict[str, object]:
    return {
        "kid": key.kid,
        "alg": key.alg,
        "created_at": key.created_at,
        "signs_at": key.signs_at,
        "sealed": key.sealed,
    }
