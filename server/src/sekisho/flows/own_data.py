"""Everything that is kept about somebody, for that person to take along; and never a secret."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sekisho.frozen import Frozen
from sekisho.ports import Clock, EventStore, SessionStore
from sekisho.rules.events import Event
from sekisho.rules.session import Grant, Session

#: Events at most, the newest: far more than a person sets off in the 90 days for which they are kept. Whoever
#: guesses at a password for weeks does not fill our memory by it.
EVENTS_MAX = 10_000


class OwnData(Frozen):
    """What the rows of an account say. Hashes and digests are no part of these types."""

    grant: Grant
    sessions: Sequence[Session]
    events: Sequence[Event]


class _Rows(SessionStore, EventStore, Protocol):
    """What is read."""


async def own_data(grant: Grant, *, store: _Rows, clock: Clock) -> OwnData:
    """The account of `grant`, its living sessions and its security events, both newest first."""
    user_id = grant.account.id
    sessions = await store.list_sessions(user_id, now=clock())
    return OwnData(grant, sessions, await store.list_events(user_id=user_id, limit=EVENTS_MAX))
