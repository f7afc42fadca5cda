"""What is published when something ends, and for how long.

The number of an entry is taken inside the transaction that revokes, gapless and in the order of commits, so a
token is dead exactly when an entry for one of its keys has a number above the token's own `rv`. No clocks are
compared. How keys and `rv` are written is known to the verifier, which reads them; here they are only used.
"""

from __future__ import annotations

from sekisho.frozen import Frozen
from sekisho_verify.claims import MAX_LEEWAY
from sekisho_verify.revocations.entries import Effect, Kind, entry_key


class Entry(Frozen):
    """One thing that ends (`revoked`), or whose rights changed so that tokens must be renewed (`stale`)."""

    kind: Kind
    id: str
    effect: Effect

    @property
    def key(self) -> bytes:
        """What verifiers know it by."""
        return entry_key(self.kind, self.id)


class SealedSnapshot(Frozen):
    """A snapshot as it goes out; `id` names what it is of: epoch and head."""

    id: str
    body: bytes


def horizon(*, token_ttl: float, grace: float) -> float:
    """Seconds for which an entry is needed: while any token that it can hit may live after the last mint.

    A verifier may be lenient about the end of a token by so much as it lets itself be told.
    """
    return token_ttl + grace + MAX_LEEWAY
