"""Sessions end: the row says when and why, and the caller publishes it in the same transaction.

One that has expired is ended as well, since the last access token minted for it may live some minutes longer;
it is only not counted, for nobody saw it on the device list any more.
"""

from __future__ import annotations

from sekisho.adapters.sql import events, revocations
from sekisho.adapters.sql.operation import Operation, Row, Statement
from sekisho.frozen import Frozen
from sekisho.rules.events import Event
from sekisho.rules.revocation import Entry
from sekisho.rules.session import Why

_END = """
UPDATE sessions SET revoked_at = :now, revoked_why = :why WHERE id = :id AND revoked_at IS NULL
RETURNING id, refresh_expires_at, ends_at
"""
_END_OF_USER = """
UPDATE sessions SET revoked_at = :now, revoked_why = :why
WHERE id = :id AND user_id = :user_id AND revoked_at IS NULL
RETURNING id, refresh_expires_at, ends_at
"""
_END_ALL = """
UPDATE sessions SET revoked_at = :now, revoked_why = :why WHERE user_id = :user_id AND revoked_at IS NULL
RETURNING id, refresh_expires_at, ends_at
"""
_END_OTHERS = """
UPDATE sessions SET revoked_at = :now, revoked_why = :why
WHERE user_id = :user_id AND id <> :keep AND revoked_at IS NULL
RETURNING id, refresh_expires_at, ends_at
"""


class Ended(Frozen):
    """What has to be published, and how many of the sessions were alive."""

    entries: list[Entry]
    alive: int


def end_session(
    session_id: str, *, user_id: str | None, why: Why, now: float, event: Event
) -> Operation[bool]:
    """Revoke one and publish it. False if it is not alive, or not that account's."""
    parameters = {"id": session_id, "why": why, "now": now}
    if user_id is None:
        rows = yield Statement(_END, parameters)
    else:
        rows = yield Statement(_END_OF_USER, {**parameters, "user_id": user_id})
    return (yield from _published(_ended(rows, now), now, event)) > 0


def end_sessions(
    user_id: str, *, except_session: str | None, why: Why, now: float, event: Event
) -> Operation[int]:
    """Revoke all of an account's sessions but one, publishing each; how many."""
    ended = yield from end_all(user_id, keep=except_session, why=why, now=now)
    return (yield from _published(ended, now, event))


def end_all(user_id: str, *, keep: str | None, why: Why, now: float) -> Operation[Ended]:
    """Revoke an account's sessions, all or all but one, leaving it to the caller to publish them."""
    parameters = {"user_id": user_id, "why": why, "now": now}
    if keep is None:
        rows = yield Statement(_END_ALL, parameters)
    else:
        rows = yield Statement(_END_OTHERS, {**parameters, "keep": keep})
    return _ended(rows, now)


def _ended(rows: list[Row], now: float) -> Ended:
    alive = sum(now < refresh_expires_at and now < ends_at for _, refresh_expires_at, ends_at in rows)
    return Ended([Entry("session", session_id, "revoked") for session_id, _, _ in rows], alive)


def _published(ended: Ended, now: float, event: Event) -> Operation[int]:
    if ended.alive:
        yield from events.record(event)
    yield from revocations.publish(ended.entries, now=now)
    return ended.alive
