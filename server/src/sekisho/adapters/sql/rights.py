"""Roles, groups and permissions. Every change of rights publishes a `stale` entry in the same act."""

from __future__ import annotations

from sekisho.adapters.sql import events, revocations
from sekisho.adapters.sql.operation import Operation, Row, Statement
from sekisho.rules.access import Effect, Rights, effective
from sekisho.rules.events import Event
from sekisho.rules.refusals import Refusal
from sekisho.rules.revocation import Entry
from sekisho_verify.revocations.entries import write_rv

# One statement, hence one snapshot at every isolation level: the number and the rights that held at it. Read
# apart, with a change committed between, a token could carry the old role and the number of the change.
_RIGHTS = """
SELECT 'rv', CAST(epoch AS text), CAST(seq AS text) FROM feed_head WHERE shard = 0
UNION ALL SELECT 'role', role, '' FROM user_roles WHERE user_id = :user_id
UNION ALL SELECT 'group', group_name, '' FROM group_members WHERE user_id = :user_id
UNION ALL SELECT effect, permission, '' FROM user_permissions WHERE user_id = :user_id
UNION ALL SELECT p.effect, p.permission, '' FROM group_permissions p
    JOIN group_members m ON m.group_name = p.group_name WHERE m.user_id = :user_id
"""
_ACCOUNT = "SELECT 1 FROM users WHERE id = :user_id"
_GROUP = "SELECT 1 FROM groups WHERE name = :name"
_GRANT_ROLE = """
INSERT INTO user_roles (user_id, role) VALUES (:user_id, :role) ON CONFLICT DO NOTHING RETURNING role
"""
_REVOKE_ROLE = "DELETE FROM user_roles WHERE user_id = :user_id AND role = :role RETURNING role"
_ADD_GROUP = """
INSERT INTO groups (name, created_at) VALUES (:name, :now) ON CONFLICT DO NOTHING RETURNING name
"""
_DELETE_GROUP = "DELETE FROM groups WHERE name = :name RETURNING name"
_LIST_GROUPS = """
SELECT g.name, COUNT(m.user_id) FROM groups g LEFT JOIN group_members m ON m.group_name = g.name
GROUP BY g.name ORDER BY g.name
"""
_ADD_MEMBER = """
INSERT INTO group_members (user_id, group_name) VALUES (:user_id, :name)
ON CONFLICT DO NOTHING RETURNING group_name
"""
_REMOVE_MEMBER = """
DELETE FROM group_members WHERE user_id = :user_id AND group_name = :name RETURNING group_name
"""
_SET_FOR_USER = """
INSERT INTO user_permissions (user_id, permission, effect) VALUES (:user_id, :permission, :effect)
ON CONFLICT (user_id, permission) DO UPDATE SET effect = excluded.effect
WHERE user_permissions.effect <> excluded.effect RETURNING permission
"""
_CLEAR_FOR_USER = """
DELETE FROM user_permissions WHERE user_id = :user_id AND permission = :permission RETURNING permission
"""
_SET_FOR_GROUP = """
INSERT INTO group_permissions (group_name, permission, effect) VALUES (:name, :permission, :effect)
ON CONFLICT (group_name, permission) DO UPDATE SET effect = excluded.effect
WHERE group_permissions.effect <> excluded.effect RETURNING permission
"""
_CLEAR_FOR_GROUP = """
DELETE FROM group_permissions WHERE group_name = :name AND permission = :permission RETURNING permission
"""


def of_user(user_id: str) -> Operation[Rights]:
    """Everything that holds for the account, and the revocation number it holds at."""
    rows: list[Row] = yield Statement(_RIGHTS, {"user_id": user_id})
    found: dict[str, list[str]] = {"role": [], "group": [], "allow": [], "deny": []}
    epoch, number = 0, 0
    for what, value, second in rows:
        if what == "rv":
            epoch, number = int(value), int(second)
        else:
            found[what].append(value)
    return Rights(
        roles=tuple(sorted(found["role"])),
        groups=tuple(sorted(found["group"])),
        entitlements=effective(found["allow"], found["deny"]),
        rv=write_rv(epoch, number),
    )


def grant_role(user_id: str, role: str, *, now: float, event: Event) -> Operation[bool]:
    """False if the account has it already. Raises `Refusal("not_found")` if there is no such account."""
    yield from _need_account(user_id)
    change = Statement(_GRANT_ROLE, {"user_id": user_id, "role": role})
    return (yield from _change(change, Entry("user", user_id, "stale"), now, event))


def revoke_role(user_id: str, role: str, *, now: float, event: Event) -> Operation[bool]:
    """False if the account does not have it."""
    change = Statement(_REVOKE_ROLE, {"user_id": user_id, "role": role})
    return (yield from _change(change, Entry("user", user_id, "stale"), now, event))


def add_group(name: str, *, now: float, event: Event) -> Operation[None]:
    """Publishes nothing: nobody is in it, so nobody's rights changed. Raises `Refusal("conflict")`."""
    if not (yield Statement(_ADD_GROUP, {"name": name, "now": now})):
        raise Refusal("conflict", "the group exists")
    yield from events.record(event)


def delete_group(name: str, *, now: float, event: Event) -> Operation[bool]:
    """False if there is no such group. Memberships and permissions go with it."""
    change = Statement(_DELETE_GROUP, {"name": name})
    return (yield from _change(change, Entry("group", name, "stale"), now, event))


def list_groups() -> Operation[list[tuple[str, int]]]:
    """Name and number of members, by name."""
    rows = yield Statement(_LIST_GROUPS)
    return [(name, members) for name, members in rows]


def add_member(group: str, user_id: str, *, now: float, event: Event) -> Operation[bool]:
    """False if the account is in it already. Raises `Refusal("not_found")` if either is not there."""
    yield from _need_account(user_id)
    yield from _need_group(group)
    change = Statement(_ADD_MEMBER, {"user_id": user_id, "name": group})
    return (yield from _change(change, Entry("user", user_id, "stale"), now, event))


def remove_member(group: str, user_id: str, *, now: float, event: Event) -> Operation[bool]:
    """False if the account is not in it. Raises `Refusal("not_found")` if there is no such group."""
    yield from _need_group(group)
    change = Statement(_REMOVE_MEMBER, {"user_id": user_id, "name": group})
    return (yield from _change(change, Entry("user", user_id, "stale"), now, event))


def set_user_permission(
    user_id: str, permission: str, effect: Effect | None, *, now: float, event: Event
) -> Operation[bool]:
    """False if it stood so already. Raises `Refusal("not_found")` if there is no such account."""
    yield from _need_account(user_id)
    parameters = {"user_id": user_id, "permission": permission}
    change = _set_or_clear(_SET_FOR_USER, _CLEAR_FOR_USER, parameters, effect)
    return (yield from _change(change, Entry("user", user_id, "stale"), now, event))


def set_group_permission(
    group: str, permission: str, effect: Effect | None, *, now: float, event: Event
) -> Operation[bool]:
    """False if it stood so already. Raises `Refusal("not_found")` if there is no such group."""
    yield from _need_group(group)
    parameters = {"name": group, "permission": permission}
    change = _set_or_clear(_SET_FOR_GROUP, _CLEAR_FOR_GROUP, parameters, effect)
    return (yield from _change(change, Entry("group", group, "stale"), now, event))


def _set_or_clear(put: str, clear: str, parameters: dict[str, str], effect: Effect | None) -> Statement:
    if effect is None:
        return Statement(clear, parameters)
    return Statement(put, {**parameters, "effect": effect})


def _need_account(user_id: str) -> Operation[None]:
    """Hold the account until the commit, so that it is not deleted under the row about to name it."""
    if not (yield Statement(_ACCOUNT, {"user_id": user_id}, lock="FOR SHARE")):
        raise Refusal("not_found", "no such account")


def _need_group(name: str) -> Operation[None]:
    if not (yield Statement(_GROUP, {"name": name}, lock="FOR SHARE")):
        raise Refusal("not_found", "no such group")


def _change(change: Statement, entry: Entry, now: float, event: Event) -> Operation[bool]:
    """Do it; if it changed anything, put it on record and publish it."""
    if not (yield change):
        return False
    yield from events.record(event)
    yield from revocations.publish([entry], now=now)
    return True
