"""Revocation entries: `(number, kind, key, effect)`, and the number a token carries.

The number is taken inside the transaction that revokes, gapless and in the order of commits, so a token is
dead exactly when an entry for one of its keys has a number above the token's own `rv`. No clocks are
compared.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["session", "user", "group", "key", "everything"]
Effect = Literal["revoked", "stale"]

#: Leeway of verifiers (seconds) that an entry must outlive, beside the lifetime of the tokens it can hit.
LEEWAY = 60.0


# Two numbers that a database can hold as 64 bits; one that is larger is ahead of every head anyway.
_RV = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that ends (`revoked`), or whose rights changed so that tokens must be renewed (`stale`)."""

    kind: Kind
    id: str
    effect: Effect

    @property
    def key(self) -> bytes:
        """The first 8 bytes of SHA-256(kind | id): a raw UUIDv7 would tell when the account was made."""
        return hashlib.sha256(f"{self.kind}|{self.id}".encode()).digest()[:8]


def rv(epoch: int, number: int) -> str:
    """The `rv` claim: opaque to everyone but the verifier's revocation rule."""
    return f"{epoch}.{number}"


def read_rv(text: str) -> tuple[int, int] | None:
    """Epoch and number of an `rv` that we wrote; none for any other text, which is not to be believed."""
    written = _RV.fullmatch(text)
    return (int(written[1]), int(written[2])) if written else None


def horizon(*, token_ttl: float, grace: float) -> float:
    """Seconds for which an entry is needed: while any token that it can hit may live after the last mint."""
    return token_ttl + grace + LEEWAY
