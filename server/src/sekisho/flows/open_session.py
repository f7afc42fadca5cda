"""Open the session of a login: the row that both ways of carrying it point to."""

from __future__ import annotations

from dataclasses import replace

from sekisho.ports import Entropy, Mint, NewSession, Opening, SessionStore
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.opaque import MacKeys
from sekisho.rules.refresh import FAMILY_BYTES, RefreshToken, encode
from sekisho.rules.session import Lifetimes, Tokens


async def open_session(
    opening: Opening,
    *,
    sessions: SessionStore,
    mint: Mint,
    keys: MacKeys,
    lifetimes: Lifetimes,
    entropy: Entropy,
) -> Tokens | None:
    """Add the row iff the password is still the one that was checked, and mint its first pair."""
    now = opening.now
    ends_at = now + lifetimes.session
    token = RefreshToken(uuid7(now, entropy(ENTROPY_BYTES)), 0, entropy(FAMILY_BYTES))
    grant = await sessions.open_session(
        NewSession(
            id=token.session_id,
            user_id=opening.user_id,
            mode=opening.mode,
            client=opening.client,
            now=now,
            ends_at=ends_at,
            refresh_expires_at=lifetimes.refresh_expiry(now=now, ends_at=ends_at),
            amr=opening.amr,
            family_digest=token.family_digest,
        ),
        checked=opening.checked_hash,
        forgive=opening.forgive,
        event=replace(opening.event, session_id=token.session_id),
    )
    return mint.tokens(grant, encode(token, keys), now=now) if grant else None
