"""Signing keys that the database keeps, sealed."""

from __future__ import annotations

from sekisho.adapters.sql import events
from sekisho.adapters.sql.operation import Operation, Statement
from sekisho.rules.events import Event
from sekisho.rules.keyring import SealedKey

_LIST = "SELECT kid, alg, created_at, sealed FROM signing_keys ORDER BY generation"
# Two nodes may both find none; then the unique generation lets the second one's insert do nothing.
_ADD_FIRST = """
INSERT INTO signing_keys (kid, generation, alg, created_at, sealed)
SELECT :kid, 1, :alg, :created_at, :sealed WHERE NOT EXISTS (SELECT 1 FROM signing_keys)
ON CONFLICT DO NOTHING RETURNING kid
"""


def listed() -> Operation[list[SealedKey]]:
    """All of them, oldest first."""
    rows = yield Statement(_LIST)
    return [SealedKey(kid, alg, created_at, bytes(sealed)) for kid, alg, created_at, sealed in rows]


def add_first(key: SealedKey, *, event: Event) -> Operation[list[SealedKey]]:
    """Add it iff there is none, and return what stands."""
    parameters = {"kid": key.kid, "alg": key.alg, "created_at": key.created_at, "sealed": key.sealed}
    if (yield Statement(_ADD_FIRST, parameters)):
        yield from events.record(event)
    return (yield from listed())
