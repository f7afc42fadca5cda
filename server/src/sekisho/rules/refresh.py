"""Refresh tokens: what they say, and what happens when one is presented.

`skr1_` + base64url(key id | session id | generation | family secret | MAC). The database keeps the current
generation and a digest of the family secret; the successor of a token is *computed*, so two tabs, a retry
and two servers all hand out the same bytes, and no refresh token is ever stored.
"""

from __future__ import annotations

from enum import StrEnum

from sekisho.frozen import Frozen, Hidden
from sekisho.rules.ids import uuid_bytes, uuid_text
from sekisho.rules.opaque import MacKeys, OpaqueRefused, digest, seal, unseal
from sekisho.rules.refusals import Refusal

PREFIX = "skr1_"
_GENERATION_BYTES = 4
_FAMILY_BYTES = 32
_BODY_BYTES = 16 + _GENERATION_BYTES + _FAMILY_BYTES


class RefreshToken(Frozen):
    """A refresh token whose seal has been checked, or that is about to be sealed."""

    session_id: str
    generation: int
    family: Hidden[bytes]

    @property
    def secret_digest(self) -> bytes:
        """What the session row keeps of the family secret."""
        return digest(self.family)

    def at(self, generation: int) -> RefreshToken:
        """The token of the same family at another generation."""
        return RefreshToken(self.session_id, generation, self.family)


def encode(token: RefreshToken, keys: MacKeys) -> str:
    """The text handed to the client."""
    body = uuid_bytes(token.session_id) + token.generation.to_bytes(_GENERATION_BYTES) + token.family
    return seal(PREFIX, body, keys)


def decode(text: str, keys: MacKeys) -> RefreshToken:
    """The token that was presented, its seal checked before any database is asked.

    Raises:
        Refusal: `refresh_unknown`, for whatever was not sealed by us.
    """
    try:
        body = unseal(PREFIX, text, keys, body_bytes=_BODY_BYTES)
    except OpaqueRefused as fault:
        raise Refusal("refresh_unknown", "not sealed by a key of ours") from fault
    return RefreshToken(
        session_id=uuid_text(body[:16]),
        generation=int.from_bytes(body[16:20]),
        family=body[20:],
    )


class Verdict(StrEnum):
    """What presenting a token of the right family to a live session amounts to."""

    CURRENT = "current"  # just handed out: a second page load. Not rotated
    ROTATED = "rotated"  # the ordinary case
    REPLAYED = "replayed"  # a racing tab or a quick retry: the same successor again
    RECOVERED = "recovered"  # the response was lost, and the client proves it by the key it had chosen
    AHEAD = "ahead"  # the row fell back in a failover; only we can have sealed a later generation
    REUSED = "reused"  # a token that was spent before: somebody has a copy


class Family(Frozen):
    """The refresh state of one session row."""

    generation: int
    rotated_at: float | None = None
    retry_generation: int | None = None
    retry_digest: Hidden[bytes | None] = None


class Presented(Frozen):
    """Verdict, and the family as it stands afterwards. A reused family is dead, its state unchanged."""

    verdict: Verdict
    family: Family


def present(
    family: Family,
    *,
    generation: int,
    retry_digest: bytes | None,
    now: float,
    grace: float,
    settling: float | None = None,
) -> Presented:
    """Decide a presented generation; the rows of the table are tried from the top.

    `grace` and `settling` (seconds) count from the last rotation; with zero nothing is ever within them.
    Until a token has settled it is handed out again as it is; by default that is the grace. `retry_digest` is
    the digest of the request's `Idempotency-Key`, if it carried one.
    """
    # Either way: a clock that was set back must not stretch the grace by as much.
    since = None if family.rotated_at is None else abs(now - family.rotated_at)
    within = since is not None and since < grace
    unsettled = since is not None and since < (grace if settling is None else settling)
    if generation == family.generation and unsettled:
        return Presented(Verdict.CURRENT, family)
    if generation >= family.generation:
        verdict = Verdict.ROTATED if generation == family.generation else Verdict.AHEAD
        return Presented(verdict, Family(generation + 1, now, generation, retry_digest))
    proven = (
        generation == family.retry_generation
        and retry_digest is not None
        and retry_digest == family.retry_digest
    )
    # Two tabs that wake up together recover together: within the grace the second one, too, gets the
    # successor that the first was handed, or the first would be left a generation behind.
    if within and (proven or generation == family.generation - 1):
        return Presented(Verdict.REPLAYED, family)
    if proven:
        recovered = Family(family.generation + 1, now, family.retry_generation, family.retry_digest)
        return Presented(Verdict.RECOVERED, recovered)
    return Presented(Verdict.REUSED, family)
