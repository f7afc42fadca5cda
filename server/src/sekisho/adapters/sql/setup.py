"""The setup code, one row at most, and the first administrator that it makes."""

from __future__ import annotations

from collections.abc import Sequence

from sekisho.adapters.sql import accounts, rights
from sekisho.adapters.sql.operation import Operation, Statement
from sekisho.rules.access import ADMINISTRATOR
from sekisho.rules.account import Account
from sekisho.rules.events import Event
from sekisho.rules.refusals import Refusal

# An account alone ends nothing: where anybody may sign up, the first of them would shut the operator out.
_ADMINISTRATORS = """
SELECT 1 FROM users u JOIN user_roles r ON r.user_id = u.id
WHERE r.role = :role AND u.status = 'active' LIMIT 1
"""
_OFFER = """
INSERT INTO setup_code (shard, digest, until) VALUES (0, :digest, :until)
ON CONFLICT (shard) DO UPDATE SET digest = excluded.digest, until = excluded.until
"""
_STANDING = "SELECT digest FROM setup_code WHERE until > :now"
_SPEND = "DELETE FROM setup_code WHERE digest = :digest AND until > :now RETURNING shard"


def offer(digest: bytes, *, until: float) -> Operation[bool]:
    """Let this be the one code there is; False where there is an administrator."""
    if (yield from _administered()):
        return False
    yield Statement(_OFFER, {"digest": digest, "until": until})
    return True


def standing(*, now: float) -> Operation[bytes | None]:
    """The digest of the code that counts; none where it has expired, or there is an administrator."""
    if (yield from _administered()):
        return None
    rows = yield Statement(_STANDING, {"now": now})
    return bytes(rows[0][0]) if rows else None


def add_first(
    account: Account, password_hash: str, *, role: str, setup: bytes, recorded: Sequence[Event]
) -> Operation[None]:
    """Spend the code and add the account with its role.

    Whoever spends it first holds the row until the commit; everybody else waits there, and then finds it
    gone. So the look for an administrator, in a later statement, sees the one who was made meanwhile.

    Raises:
        Refusal: `setup_closed`, `setup_code_invalid`, `email_taken`; nothing is changed then.
    """
    spent = yield Statement(_SPEND, {"digest": setup, "now": account.created_at})
    if (yield from _administered()):
        raise Refusal("setup_closed")
    if not spent:
        raise Refusal("setup_code_invalid")
    created, granted = recorded
    yield from accounts.add(account, password_hash, event=created)
    yield from rights.grant_role(account.id, role, now=account.created_at, event=granted)


def _administered() -> Operation[bool]:
    return bool((yield Statement(_ADMINISTRATORS, {"role": ADMINISTRATOR})))
