"""Security events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from sekisho.adapters.sql.operation import Operation, Row, Statement
from sekisho.rules.events import RETENTION, Event, EventKind

_ADD = """
INSERT INTO security_events (id, at, kind, user_id, session_id, ip, request_id, about)
VALUES (:id, :at, :kind, :user_id, :session_id, :ip, :request_id, :about)
"""
_LIST = """
SELECT id, at, kind, user_id, session_id, ip, request_id, about FROM security_events
ORDER BY at DESC, id DESC LIMIT :limit
"""
_LIST_OF_USER = """
SELECT id, at, kind, user_id, session_id, ip, request_id, about FROM security_events
WHERE user_id = :user_id ORDER BY at DESC, id DESC LIMIT :limit
"""
_LIST_OF_KIND = """
SELECT id, at, kind, user_id, session_id, ip, request_id, about FROM security_events
WHERE kind = :kind ORDER BY at DESC, id DESC LIMIT :limit
"""
_SWEEP = """
DELETE FROM security_events
WHERE id IN (SELECT id FROM security_events WHERE at <= :horizon ORDER BY at, id LIMIT :limit)
RETURNING id
"""


def record(event: Event) -> Operation[None]:
    """Add one."""
    yield Statement(_ADD, columns(event))


def columns(event: Event) -> dict[str, object]:
    """The row of an event."""
    return {
        "id": event.id,
        "at": event.at,
        "kind": event.kind,
        "user_id": event.user_id,
        "session_id": event.session_id,
        "ip": event.ip,
        "request_id": event.request_id,
        "about": json.dumps(dict(event.about), ensure_ascii=False, separators=(",", ":")),
    }


def listed(
    *, user_id: str | None = None, kind: EventKind | None = None, limit: int = 100
) -> Operation[list[Event]]:
    """Newest first: of one account, of one kind, or of all."""
    if kind is not None:
        rows = yield Statement(_LIST_OF_KIND, {"kind": kind, "limit": limit})
    elif user_id is None:
        rows = yield Statement(_LIST, {"limit": limit})
    else:
        rows = yield Statement(_LIST_OF_USER, {"user_id": user_id, "limit": limit})
    return [_event(row) for row in rows]


def sweep(*, now: float, limit: int) -> Operation[int]:
    """Delete the oldest of those past their retention."""
    return len((yield Statement(_SWEEP, {"horizon": now - RETENTION, "limit": limit})))


def _event(row: Row) -> Event:
    identity, at, kind, user_id, session_id, ip, request_id, about = row
    return Event(
        kind=cast("EventKind", kind),
        at=at,
        id=identity,
        user_id=user_id,
        session_id=session_id,
        ip=ip,
        request_id=request_id,
        about=cast("Mapping[str, str]", json.loads(about)),
    )
