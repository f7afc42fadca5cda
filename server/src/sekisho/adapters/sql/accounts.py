"""Accounts and their passwords."""

from __future__ import annotations

from collections.abc import Sequence

from sekisho.adapters.sql import ending, events, revocations, throttle
from sekisho.adapters.sql.operation import Operation, Row, Statement
from sekisho.rules.access import ADMINISTRATOR
from sekisho.rules.account import Account, Credentials, Status
from sekisho.rules.events import Event
from sekisho.rules.refusals import Refusal
from sekisho.rules.revocation import Entry
from sekisho.rules.session import Renewal
from sekisho.rules.throttle import Bucket

_ADD = """
INSERT INTO users (id, email, password_hash, status, locale, created_at)
VALUES (:id, :email, :password_hash, :status, :locale, :created_at)
ON CONFLICT (email) DO NOTHING RETURNING id
"""
_BY_ID = "SELECT id, email, status, locale, created_at, password_hash FROM users WHERE id = :id"
_BY_EMAIL = "SELECT id, email, status, locale, created_at, password_hash FROM users WHERE email = :email"
_LIST = """
SELECT id, email, status, locale, created_at FROM users WHERE email > :after ORDER BY email LIMIT :limit
"""
_CONFIRMED = """
SELECT id, email, status, locale, created_at FROM users
WHERE id = :id AND status = 'active' AND password_hash = :checked
"""
_ENABLED = "SELECT id, email, status, locale, created_at FROM users WHERE id = :id AND status = 'active'"
_REPLACE_HASH = """
UPDATE users SET password_hash = :new WHERE id = :id AND password_hash = :checked RETURNING id
"""
# The session that stays gets another secret: whoever had copied the old one is left behind (design, step-up).
_RENEW = """
UPDATE sessions SET fam = :digest, gen = 0, rotated_at = :now, retry_gen = NULL, retry_key = NULL
WHERE id = :id AND mode = :mode AND fam = :held RETURNING id
"""
_SET_STATUS = "UPDATE users SET status = :status WHERE id = :id RETURNING id"
_SET_LOCALE = "UPDATE users SET locale = :locale WHERE id = :id AND locale <> :locale RETURNING id"
_DELETE = "DELETE FROM users WHERE id = :id RETURNING id"
_DELETE_CHECKED = "DELETE FROM users WHERE id = :id AND password_hash = :checked RETURNING id"
_ADMINISTERS = "SELECT 1 FROM user_roles WHERE user_id = :id AND role = :role"
_ADMINISTRATORS = """
SELECT u.id FROM users u JOIN user_roles r ON r.user_id = u.id
WHERE r.role = :role AND u.status = 'active' ORDER BY u.id
"""


def account(row: Row) -> Account:
    """The account in columns `id, email, status, locale, created_at`."""
    identity, email, status, locale, created_at = row
    return Account(identity, email, status, locale, created_at)


def add(account: Account, password_hash: str, *, event: Event) -> Operation[None]:
    """Add it. Raises `Refusal("email_taken")`."""
    parameters = {
        "id": account.id,
        "email": account.email,
        "password_hash": password_hash,
        "status": account.status,
        "locale": account.locale,
        "created_at": account.created_at,
    }
    if not (yield Statement(_ADD, parameters)):
        raise Refusal("email_taken")
    yield from events.record(event)


def find(*, id: str | None = None, email: str | None = None) -> Operation[Account | None]:  # noqa: A002 - the field's name
    """The account with that id or that address."""
    found = yield from find_credentials(id=id, email=email)
    return None if found is None else found.account


def find_credentials(
    *,
    id: str | None = None,  # noqa: A002 - the field's name
    email: str | None = None,
) -> Operation[Credentials | None]:
    """The account and its password hash."""
    by_id = id is not None
    rows = yield Statement(_BY_ID, {"id": id}) if by_id else Statement(_BY_EMAIL, {"email": email})
    return Credentials(account(rows[0][:5]), rows[0][5]) if rows else None


def listed(*, after: str = "", limit: int = 100) -> Operation[list[Account]]:
    """Accounts ordered by address, from the first one behind `after`."""
    rows = yield Statement(_LIST, {"after": after, "limit": limit})
    return [account(row) for row in rows]


def confirmed(user_id: str, checked: str) -> Operation[Account | None]:
    """The account, if it is enabled and its password still the one that was checked; held to the commit.

    A password change waits for us, and then ends the session that we are about to open.
    """
    rows = yield Statement(_CONFIRMED, {"id": user_id, "checked": checked}, lock="FOR SHARE")
    return account(rows[0]) if rows else None


def enabled(user_id: str) -> Operation[Account | None]:
    """The account, if it is enabled."""
    rows = yield Statement(_ENABLED, {"id": user_id})
    return account(rows[0]) if rows else None


def replace_hash(user_id: str, *, checked: str, new: str) -> Operation[bool]:
    """Put a hash of the current profile in the place of `checked`, unless it was changed meanwhile."""
    return bool((yield Statement(_REPLACE_HASH, {"id": user_id, "checked": checked, "new": new})))


def change_password(
    user_id: str,
    *,
    checked: str,
    new: str,
    keep_session: str | None,
    renew: Renewal | None = None,
    now: float,
    forgive: Sequence[Bucket],
    also: Sequence[Entry] = (),
    event: Event,
) -> Operation[bool]:
    """Replace the hash, end every other session and publish each, and `also`; or nothing at all.

    The account first, its sessions in a later statement: a login that held the account has committed by then,
    and its session is seen.
    """
    if not (yield from replace_hash(user_id, checked=checked, new=new)):
        return False
    ended = yield from ending.end_all(user_id, keep=keep_session, why="password_changed", now=now)
    entries = [*ended.entries, *also]
    if keep_session is not None and renew is not None:
        held = renew.held
        parameters = {"id": keep_session, "mode": held.mode, "held": held.digest, "digest": renew.digest}
        if not (yield Statement(_RENEW, {**parameters, "now": now})):
            raise Refusal("session_unknown", "a cookie that was replaced meanwhile")
        # Whoever remembers the old secret has to look again.
        entries.append(Entry("session", keep_session, "stale"))
    yield from throttle.forgive(forgive)
    yield from events.record(event)
    yield from revocations.publish(entries, now=now)
    return True


def set_status(user_id: str, status: Status, *, now: float, event: Event) -> Operation[bool]:
    """Enable, or disable and end every session. False if there is no such account."""
    if not (yield Statement(_SET_STATUS, {"id": user_id, "status": status})):
        return False
    if status == "disabled":
        yield from ending.end_all(user_id, keep=None, why="account_disabled", now=now)
    yield from events.record(event)
    if status == "disabled":
        yield from revocations.publish([Entry("user", user_id, "revoked")], now=now)
    return True


def set_locale(user_id: str, locale: str, *, now: float, event: Event) -> Operation[bool]:
    """Choose its language. False if it speaks it already, or there is no such account."""
    if not (yield Statement(_SET_LOCALE, {"id": user_id, "locale": locale})):
        return False
    yield from events.record(event)
    # Whoever remembers a session of it remembers the old language.
    yield from revocations.publish([Entry("user", user_id, "stale")], now=now)
    return True


def delete(user_id: str, *, checked: str | None, now: float, event: Event) -> Operation[bool]:
    """Remove the account with everything it owns; its tokens are published as revoked.

    With `checked` its owner does: only while that is its password hash, and `Refusal("last_administrator")`
    for the last of them.
    """
    if checked is not None:
        yield from _spare_the_last(user_id)
    if checked is None:
        gone = yield Statement(_DELETE, {"id": user_id})
    else:
        gone = yield Statement(_DELETE_CHECKED, {"id": user_id, "checked": checked})
    if not gone:
        return False
    yield from events.record(event)
    yield from revocations.publish([Entry("user", user_id, "revoked")], now=now)
    return True


def _spare_the_last(user_id: str) -> Operation[None]:
    """Refuse for the one administrator there is.

    All of them are held, in one order, to the commit: of two who leave at once the second waits for the
    first, and then finds that nobody else is left.
    """
    role = {"role": ADMINISTRATOR}
    if (yield Statement(_ADMINISTERS, {"id": user_id, **role})):
        rows = yield Statement(_ADMINISTRATORS, role, lock="FOR UPDATE OF u")
        if [row[0] for row in rows] == [user_id]:
            raise Refusal("last_administrator")
