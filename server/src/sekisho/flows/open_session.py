"""Open the session of a login: the row that both ways of carrying it point to."""

from __future__ import annotations

from msgspec.structs import replace

from sekisho.ports import Entropy, Mint, SessionStore
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.opaque import digest
from sekisho.rules.session import SECRET_BYTES, Handed, Lifetimes, NewSession, Opening


async def open_session(
    opening: Opening,
    *,
    sessions: SessionStore,
    mint: Mint,
    lifetimes: Lifetimes,
    entropy: Entropy,
) -> Handed | None:
    """Add the row iff the password is still the one that was checked, and hand out what its mode carries."""
    now = opening.now
    ends_at = now + lifetimes.session
    session_id, secret = uuid7(now, entropy(ENTROPY_BYTES)), entropy(SECRET_BYTES)
    grant = await sessions.open_session(
        NewSession(
            id=session_id,
            user_id=opening.user_id,
            mode=opening.mode,
            client=opening.client,
            now=now,
            ends_at=ends_at,
            refresh_expires_at=lifetimes.expiry(opening.mode, now=now, ends_at=ends_at),
            amr=opening.amr,
            family_digest=digest(secret),
        ),
        checked=opening.checked_hash,
        forgive=opening.forgive,
        event=replace(opening.event, session_id=session_id),
    )
    return mint.hand(grant, mode=opening.mode, secret=secret, now=now) if grant else None
