"""Trade a refresh token for the next pair."""

from __future__ import annotations

from sekisho.ports import Clock, Entropy, Mint, SessionStore
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.opaque import MacKeys, digest
from sekisho.rules.refresh import decode, encode
from sekisho.rules.session import Lifetimes, Refreshed, RefreshRequest


async def refresh(
    request: RefreshRequest,
    *,
    sessions: SessionStore,
    mint: Mint,
    keys: MacKeys,
    lifetimes: Lifetimes,
    clock: Clock,
    entropy: Entropy,
) -> Refreshed:
    """Rotate, or hand out the same successor again, as `rules.refresh.present` decides.

    Raises:
        Refusal: `refresh_unknown`, `refresh_expired`, `refresh_reused`, `session_revoked`.
    """
    # The seal is checked before the database is asked: a forged token costs no I/O and reveals no session.
    token = decode(request.refresh_token, keys)
    now = clock()
    key = request.idempotency_key
    rotation = await sessions.rotate(
        token,
        mode=request.mode,
        retry_digest=digest(key.encode()) if key is not None else None,
        lifetimes=lifetimes,
        client=request.client,
        now=now,
        new_id=lambda: uuid7(now, entropy(ENTROPY_BYTES)),
    )
    successor = encode(token.at(rotation.generation), keys)
    return Refreshed(mint.tokens(rotation.grant, successor, now=now), rotation.verdict)
