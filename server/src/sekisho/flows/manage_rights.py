"""What an operator does about rights: roles, groups, permissions.

Every change reaches the access tokens that are out there within the bound of the feed: their holders renew
them silently and have their new rights without logging in again.
"""

from __future__ import annotations

from sekisho.frozen import Frozen
from sekisho.ports import Clock, Entropy, RightsStore
from sekisho.rules.access import Effect, name
from sekisho.rules.events import Event, EventKind
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.refusals import Refusal


class Operator(Frozen):
    """What every change of rights needs: the store, and when it happened."""

    rights: RightsStore
    clock: Clock
    entropy: Entropy

    def event(self, kind: EventKind, user_id: str | None = None, **about: str) -> Event:
        """The durable record of one change."""
        now = self.clock()
        return Event(kind, now, uuid7(now, self.entropy(ENTROPY_BYTES)), user_id=user_id, about=about)


async def grant_role(operator: Operator, user_id: str, role: str) -> bool:
    """Give the role; False if the account had it already."""
    name(role, "/role")
    event = operator.event("role_granted", user_id, role=role)
    return await operator.rights.grant_role(user_id, role, now=event.at, event=event)


async def revoke_role(operator: Operator, user_id: str, role: str) -> bool:
    """Take the role; False if the account did not have it."""
    event = operator.event("role_revoked", user_id, role=role)
    return await operator.rights.revoke_role(user_id, role, now=event.at, event=event)


async def create_group(operator: Operator, group: str) -> None:
    """Make a group. Raises `Refusal("conflict")` if it exists."""
    name(group, "/group")
    event = operator.event("group_created", group=group)
    await operator.rights.add_group(group, now=event.at, event=event)


async def delete_group(operator: Operator, group: str) -> None:
    """Remove a group with what it allowed and denied. Raises `Refusal("not_found")`."""
    event = operator.event("group_deleted", group=group)
    if not await operator.rights.delete_group(group, now=event.at, event=event):
        raise Refusal("not_found", f"no group {group}")


async def add_member(operator: Operator, group: str, user_id: str) -> bool:
    """Put the account into the group; False if it was in it. Raises `Refusal("not_found")` for the group."""
    event = operator.event("group_member_added", user_id, group=group)
    return await operator.rights.add_member(group, user_id, now=event.at, event=event)


async def remove_member(operator: Operator, group: str, user_id: str) -> bool:
    """Take the account out of the group; False if it was not in it. Raises `Refusal("not_found")`."""
    event = operator.event("group_member_removed", user_id, group=group)
    return await operator.rights.remove_member(group, user_id, now=event.at, event=event)


async def set_user_permission(
    operator: Operator, user_id: str, permission: str, effect: Effect | None
) -> bool:
    """Allow, deny or (none) clear; False if it stood so already."""
    name(permission, "/permission")
    kind: EventKind = "permission_set" if effect else "permission_cleared"
    event = operator.event(kind, user_id, permission=permission, effect=effect or "none")
    return await operator.rights.set_user_permission(user_id, permission, effect, now=event.at, event=event)


async def set_group_permission(
    operator: Operator, group: str, permission: str, effect: Effect | None
) -> bool:
    """The same for everybody in a group. Raises `Refusal("not_found")` for the group."""
    name(permission, "/permission")
    kind: EventKind = "permission_set" if effect else "permission_cleared"
    event = operator.event(kind, group=group, permission=permission, effect=effect or "none")
    return await operator.rights.set_group_permission(group, permission, effect, now=event.at, event=event)
