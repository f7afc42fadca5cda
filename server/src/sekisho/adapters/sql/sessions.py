"""Sessions: opened, read, listed and swept."""

from __future__ import annotations

from collections.abc import Sequence

from sekisho.adapters.sql import accounts, events, revocations, rights, throttle
from sekisho.adapters.sql.operation import Operation, Statement
from sekisho.rules.access import Rights
from sekisho.rules.account import Account
from sekisho.rules.events import Event
from sekisho.rules.refusals import Refusal
from sekisho.rules.revocation import Entry
from sekisho.rules.session import Grant, Held, NewSession, Session
from sekisho.rules.throttle import Bucket

_OPEN = """
INSERT INTO sessions (id, user_id, shard, mode, created_at, auth_time, amr, ip, user_agent, gen, fam,
                      refresh_expires_at, ends_at)
VALUES (:id, :user_id, 0, :mode, :now, :now, :amr, :ip, :user_agent, 0, :fam, :refresh_expires_at, :ends_at)
"""
_LIVE = """
SELECT s.mode, s.fam, s.gen, s.auth_time, s.amr, s.refresh_expires_at, s.ends_at, s.revoked_at,
       u.id, u.email, u.status, u.locale, u.created_at
FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = :id
"""
_LIST = """
SELECT id, mode, created_at, COALESCE(rotated_at, created_at), ip, user_agent FROM sessions
WHERE user_id = :user_id AND revoked_at IS NULL AND refresh_expires_at > :now AND ends_at > :now
ORDER BY created_at DESC, id DESC
"""
_SWEEP = """
DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE ends_at <= :now ORDER BY ends_at LIMIT :limit)
RETURNING id
"""


def open_session(
    session: NewSession, *, checked: str, forgive: Sequence[Bucket], event: Event
) -> Operation[Grant | None]:
    """Open it iff the account is enabled and its password hash is still `checked`; give attempts back."""
    account = yield from accounts.confirmed(session.user_id, checked)
    if account is None:
        return None
    yield Statement(
        _OPEN,
        {
            "id": session.id,
            "user_id": session.user_id,
            "mode": session.mode,
            "now": session.now,
            "amr": " ".join(session.amr),
            "ip": session.client.ip,
            "user_agent": session.client.user_agent,
            "fam": session.family_digest,
            "refresh_expires_at": session.refresh_expires_at,
            "ends_at": session.ends_at,
        },
    )
    yield from throttle.forgive(forgive)
    yield from events.record(event)
    return Grant(
        account=account,
        session_id=session.id,
        auth_time=session.now,
        amr=session.amr,
        refresh_expires_at=session.refresh_expires_at,
        rights=(yield from rights.of_user(session.user_id)),
    )


def live(
    session_id: str,
    *,
    user_id: str | None = None,
    held: Held | None = None,
    rv: str | None = None,
    now: float,
    lock: str = "",
) -> Operation[Grant]:
    """The session, its account and their rights, read now.

    With `user_id`, only if it is theirs; with `held`, only if that is true of its row; with the `rv` of an
    access token, only if no entry has ended the tokens of that number since.

    Raises:
        Refusal: `session_unknown`, `session_revoked` (disabled accounts too), `session_expired`.
    """
    rows = yield Statement(_LIVE, {"id": session_id}, lock=lock)
    if not rows:
        raise Refusal("session_unknown")
    mode, fam, gen, auth_time, amr, refresh_expires_at, ends_at, revoked_at, *account_row = rows[0]
    account = accounts.account(tuple(account_row))
    if user_id is not None and account.id != user_id:
        raise Refusal("session_unknown", "somebody else's")
    stands = Held(mode, bytes(fam), None if held is None or held.generation is None else gen)
    if held is not None and held != stands:
        raise Refusal("session_unknown", "a cookie that was replaced")
    if revoked_at is not None or account.status != "active":
        raise Refusal("session_revoked")
    if now >= refresh_expires_at or now >= ends_at:
        raise Refusal("session_expired")
    rights_held = yield from rights.of_user(account.id)
    if rv is not None and rv != rights_held.rv:
        ended = Entry("session", session_id, "revoked")
        if (yield from revocations.revoked_since([ended], rv)):
            raise Refusal("session_revoked", "an access token from before an exchange")
    return Grant(account, session_id, auth_time, tuple(amr.split()), refresh_expires_at, rights_held)


def listed(user_id: str, *, now: float) -> Operation[list[Session]]:
    """The living sessions of an account, newest first."""
    rows = yield Statement(_LIST, {"user_id": user_id, "now": now})
    return [Session(*row) for row in rows]


def grant_without_session(
    user_id: str, *, checked: str | None, forgive: Sequence[Bucket], event: Event | None
) -> Operation[tuple[Account, Rights] | None]:
    """An enabled account and its rights; with `checked`, only while that is its password hash.

    The rights come first, with their number: should the account be disabled between two statements, the entry
    has a higher one.
    """
    held = yield from rights.of_user(user_id)
    if checked is None:
        account = yield from accounts.enabled(user_id)
    else:
        account = yield from accounts.confirmed(user_id, checked)
    if account is None:
        return None
    yield from throttle.forgive(forgive)
    if event is not None:
        yield from events.record(event)
    return account, held


def sweep(*, now: float, limit: int) -> Operation[int]:
    """Delete sessions past their end, the oldest first."""
    return len((yield Statement(_SWEEP, {"now": now, "limit": limit})))
