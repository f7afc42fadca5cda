"""Security events: durable rows that say who did what, when and from where; never a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

from sekisho.frozen import Frozen

EventKind = Literal[
    "account_created",
    "account_deleted",
    "account_disabled",
    "account_enabled",
    "database_backed_up",
    "database_restored",
    "group_created",
    "group_deleted",
    "group_member_added",
    "group_member_removed",
    "locale_changed",
    "login_failed",
    "login_succeeded",
    "password_changed",
    "permission_cleared",
    "permission_set",
    "reauthentication_failed",
    "refresh_replayed",
    "refresh_reused",
    "role_granted",
    "role_revoked",
    "session_exchanged",
    "session_revoked",
    "signing_key_added",
    "signing_key_dropped",
    "signing_key_promoted",
    "signing_key_retired",
]
EVENT_KINDS: Final[frozenset[str]] = frozenset(get_args(EventKind))

#: Seconds for which events are kept.
RETENTION = 90 * 86_400.0


class Event(Frozen):
    """One row. `about` holds names and ids (a role, a reason, a count): values a screen may show."""

    kind: EventKind
    at: float
    id: str
    user_id: str | None = None
    session_id: str | None = None
    ip: str = ""
    request_id: str = ""
    about: Mapping[str, str] = {}
