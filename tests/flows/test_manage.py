"""What an operator does: accounts, roles, groups, permissions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from msgspec.structs import replace

from sekisho.flows import manage_accounts, manage_rights
from sekisho.flows.manage_rights import Operator
from sekisho.rules.events import EventKind
from sekisho.rules.revocation import Entry
from tests.flows.people import EMAIL, People, refused


def operator(people: People) -> Operator:
    """Whoever sits at the command line."""
    return Operator(people.house.store, people.clock, people.house.entropy)


@pytest.mark.requirement("C8", "H7")
async def test_a_may_and_b_may_not(people: People) -> None:
    """A group allows, one member is denied: deny wins, and a stranger to the group holds nothing."""
    aya, ken, sue = [await people.register(f"{name}@example.com") for name in ("aya", "ken", "sue")]
    root = operator(people)
    await manage_rights.create_group(root, "staff")
    assert await manage_rights.add_member(root, "staff", aya.id)
    assert await manage_rights.add_member(root, "staff", ken.id)
    assert not await manage_rights.add_member(root, "staff", ken.id)
    assert await manage_rights.set_group_permission(root, "staff", "secret:read", "allow")
    assert await manage_rights.set_user_permission(root, ken.id, "secret:read", "deny")
    held = {
        account.email: (await people.house.store.rights_of(account.id)).entitlements
        for account in (aya, ken, sue)
    }
    assert held == {
        "aya@example.com": ("secret:read",),
        "ken@example.com": (),
        "sue@example.com": (),
    }
    tokens = (await people.login()).tokens
    assert tokens.grant.rights.groups == ("staff",)
    assert tokens.grant.rights.entitlements == ("secret:read",)


async def test_every_change_of_rights_is_published_and_recorded(people: People) -> None:
    """A token minted before the change has a number below the entry's: it is stale, its session goes on."""
    account = await people.register()
    root = operator(people)
    await manage_rights.create_group(root, "staff")
    user, group = Entry("user", account.id, "stale"), Entry("group", "staff", "stale")
    changes: list[tuple[Callable[[], Awaitable[bool]], Entry, EventKind]] = [
        (partial(manage_rights.grant_role, root, account.id, "admin"), user, "role_granted"),
        (partial(manage_rights.revoke_role, root, account.id, "admin"), user, "role_revoked"),
        (partial(manage_rights.add_member, root, "staff", account.id), user, "group_member_added"),
        (partial(manage_rights.remove_member, root, "staff", account.id), user, "group_member_removed"),
        (
            partial(manage_rights.set_user_permission, root, account.id, "x", "allow"),
            user,
            "permission_set",
        ),
        (
            partial(manage_rights.set_user_permission, root, account.id, "x", None),
            user,
            "permission_cleared",
        ),
        (
            partial(manage_rights.set_group_permission, root, "staff", "x", "deny"),
            group,
            "permission_set",
        ),
    ]
    for change, entry, kind in changes:
        people.clock.now += 1
        tokens = (await people.login()).tokens
        assert await change()
        assert not await change(), "the second time nothing changes"
        published = people.house.store.revoked_since
        assert await published([entry], tokens.grant.rights.rv)
        assert not await published([replace(entry, effect="revoked")], tokens.grant.rights.rv)
        numbers = await people.house.store.rights_of(account.id)
        assert numbers.rv != tokens.grant.rights.rv
        assert (await people.events(kind))[0].at == people.clock()
        assert (await people.refresh(tokens)).tokens.grant.rights.rv == numbers.rv


async def test_names_and_groups_that_are_not_there(people: People) -> None:
    """Bad names are named, missing groups are not found, a second group of one name is a conflict."""
    account = await people.register()
    root = operator(people)
    assert await refused(manage_rights.grant_role(root, account.id, "Not A Name")) == "validation_failed"
    assert await refused(manage_rights.create_group(root, "")) == "validation_failed"
    assert await refused(manage_rights.add_member(root, "nobody", account.id)) == "not_found"
    assert await refused(manage_rights.delete_group(root, "nobody")) == "not_found"
    await manage_rights.create_group(root, "staff")
    assert await refused(manage_rights.create_group(root, "staff")) == "conflict"
    await manage_rights.delete_group(root, "staff")
    assert await people.house.store.list_groups() == []


async def test_an_account_is_disabled_enabled_and_deleted(people: People) -> None:
    """Each ends or allows what it says; what is gone is not found."""
    await people.register()
    account = await manage_accounts.find_account(EMAIL, accounts=people.house.store)
    set_status = partial(
        manage_accounts.set_status,
        accounts=people.house.store,
        clock=people.clock,
        entropy=people.house.entropy,
    )
    delete = partial(
        manage_accounts.delete_account,
        accounts=people.house.store,
        clock=people.clock,
        entropy=people.house.entropy,
    )
    await set_status(account, "disabled")
    assert await refused(people.login()) == "invalid_credentials"
    await set_status(account, "active")
    tokens = (await people.login()).tokens
    await delete(account)
    assert await refused(people.refresh(tokens)) == "refresh_unknown"
    assert await refused(people.who(tokens)) == "session_unknown"
    entry = Entry("user", account.id, "revoked")
    assert await people.house.store.revoked_since([entry], tokens.grant.rights.rv)
    gone = manage_accounts.find_account(EMAIL, accounts=people.house.store)
    assert await refused(gone) == "not_found"
    assert await refused(delete(account)) == "not_found"
