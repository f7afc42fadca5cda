"""How a session is carried: another credential in the place of the one that is presented, and signs of use.

The row stays, so the device list shows one line whatever a client does. The old credential dies because the
row has another digest, and access tokens minted for it because an entry for the session is published: what is
minted from the grant that this returns knows that entry.
"""

from __future__ import annotations

from collections.abc import Sequence

from sekisho.adapters.sql import accounts, events, revocations, sessions, throttle
from sekisho.adapters.sql.operation import Operation, Statement
from sekisho.rules.events import Event
from sekisho.rules.refusals import Refusal
from sekisho.rules.revocation import Entry
from sekisho.rules.session import Exchange, Grant, Lifetimes

_EXCHANGE = """
UPDATE sessions
SET mode = :mode, fam = :digest, gen = 0, rotated_at = :now, retry_gen = NULL, retry_key = NULL,
    refresh_expires_at = CASE WHEN ends_at < :expires_at THEN ends_at ELSE :expires_at END
WHERE id = :id
"""
# Only what is later: a request that was held up must not move the session back.
_TOUCH = """
UPDATE sessions
SET rotated_at = :now,
    refresh_expires_at = CASE WHEN ends_at < :expires_at THEN ends_at ELSE :expires_at END
WHERE mode = 'session' AND revoked_at IS NULL AND refresh_expires_at > :now
  AND COALESCE(rotated_at, created_at) < :now AND id IN
"""
#: Sessions that are touched in one statement.
_AT_ONCE = 100


def exchange(exchange: Exchange, *, lifetimes: Lifetimes, event: Event) -> Operation[Grant]:
    """Put another credential in the place of the one that is presented, which dies with its tokens.

    It counts as use, and as the last of it: what was told of the session late cannot move it back.

    Raises:
        Refusal: `session_unknown` (of two that present one cookie at once, one), `session_revoked` (of two
            access tokens, one), `session_expired`; `invalid_credentials`.
    """
    now, session_id, proven = exchange.now, exchange.session_id, exchange.proven
    # The account before its sessions, as everybody locks them.
    if proven is not None and not (yield from accounts.confirmed(exchange.user_id, proven.checked_hash)):
        raise Refusal("invalid_credentials", "the password was changed meanwhile")
    yield from sessions.live(
        session_id,
        user_id=exchange.user_id,
        held=exchange.held,
        rv=exchange.rv,
        now=now,
        lock="FOR UPDATE OF s",
    )
    yield Statement(
        _EXCHANGE,
        {
            "id": session_id,
            "mode": exchange.mode,
            "now": now,
            "digest": exchange.digest,
            "expires_at": now + lifetimes.unused(exchange.mode),
        },
    )
    if proven is not None:
        yield from throttle.forgive(proven.forgive)
    yield from events.record(event)
    yield from revocations.publish([Entry("session", session_id, "revoked")], now=now)
    return (yield from sessions.live(session_id, now=now))


def touch(session_ids: Sequence[str], *, idle: float, now: float) -> Operation[None]:
    """None of these cookie sessions dies of idleness before `now + idle` (seconds), nor outlives its end."""
    for at in range(0, len(session_ids), _AT_ONCE):
        names = {f"id{i}": each for i, each in enumerate(session_ids[at : at + _AT_ONCE])}
        chosen = ", ".join(f":{name}" for name in names)
        yield Statement(f"{_TOUCH}({chosen})", {"now": now, "expires_at": now + idle, **names})
