"""Roles, groups and permissions; and that every change of rights is published in the same act."""

from __future__ import annotations

from sekisho.rules.access import Effect, Rights
from sekisho.rules.revocation import Entry
from tests.conformance.scene import NOW, Scene, numbered, refused


async def test_a_role_is_granted_and_taken_once(scene: Scene) -> None:
    """Doing it again changes nothing, publishes nothing and records nothing."""
    hanako = await scene.account()
    stale = Entry("user", hanako.id, "stale")
    granted, revoked = scene.event("role_granted"), scene.event("role_revoked")
    assert await scene.store.grant_role(hanako.id, "admin", now=NOW, event=granted)
    assert not await scene.store.grant_role(hanako.id, "admin", now=NOW, event=scene.event("role_granted"))
    assert (await scene.store.rights_of(hanako.id)).roles == ("admin",)
    assert await scene.store.revoke_role(hanako.id, "admin", now=NOW, event=revoked)
    assert not await scene.store.revoke_role(hanako.id, "admin", now=NOW, event=scene.event("role_revoked"))
    assert (await scene.store.rights_of(hanako.id)).roles == ()
    assert await scene.feed() == numbered(stale, stale)
    assert await scene.events("role_granted") == [granted]
    assert await scene.events("role_revoked") == [revoked]


async def test_a_new_group_changes_nobodys_rights(scene: Scene) -> None:
    """It is on record but not published; its name is taken from then on."""
    add = scene.store.add_group
    await add("staff", now=NOW, event=scene.event("group_created"))
    assert await refused(add("staff", now=NOW, event=scene.event("group_created"))) == "conflict"
    assert await scene.feed() == []
    assert len(await scene.events("group_created")) == 1


async def test_groups_are_listed_with_their_members_counted(scene: Scene) -> None:
    """By name, the empty ones too."""
    hanako, taro = await scene.account(), await scene.account("taro@example.com")
    for name in ("staff", "audit", "empty"):
        await scene.store.add_group(name, now=NOW, event=scene.event("group_created"))
    for group, account in (("staff", hanako), ("staff", taro), ("audit", taro)):
        await scene.store.add_member(group, account.id, now=NOW, event=scene.event("group_member_added"))
    assert await scene.store.list_groups() == [("audit", 1), ("empty", 0), ("staff", 2)]


async def test_membership_is_the_accounts_own_affair(scene: Scene) -> None:
    """Joining and leaving publish an entry for the account alone; a group that is not there is told."""
    hanako = await scene.account()
    store, added, removed = (
        scene.store,
        scene.event("group_member_added"),
        scene.event("group_member_removed"),
    )
    await store.add_group("staff", now=NOW, event=scene.event("group_created"))
    assert await store.add_member("staff", hanako.id, now=NOW, event=added)
    assert not await store.add_member("staff", hanako.id, now=NOW, event=scene.event("group_member_added"))
    assert (await store.rights_of(hanako.id)).groups == ("staff",)
    assert await store.remove_member("staff", hanako.id, now=NOW, event=removed)
    again = scene.event("group_member_removed")
    assert not await store.remove_member("staff", hanako.id, now=NOW, event=again)
    assert (await store.rights_of(hanako.id)).groups == ()
    stale = Entry("user", hanako.id, "stale")
    assert await scene.feed() == numbered(stale, stale)
    assert await scene.events("group_member_added") == [added]
    assert await scene.events("group_member_removed") == [removed]
    missing = scene.event("group_member_added")
    assert await refused(store.add_member("none", hanako.id, now=NOW, event=missing)) == "not_found"
    assert await refused(store.remove_member("none", hanako.id, now=NOW, event=missing)) == "not_found"


async def test_deny_wins_whoever_allowed(scene: Scene) -> None:
    """Permissions of the account and of its groups together, minus whatever is denied to either."""
    hanako, taro = await scene.account(), await scene.account("taro@example.com")
    store = scene.store
    await store.add_group("staff", now=NOW, event=scene.event("group_created"))
    await store.add_member("staff", hanako.id, now=NOW, event=scene.event("group_member_added"))
    of_group: list[tuple[str, Effect]] = [
        ("customers:read", "allow"),
        ("customers:write", "allow"),
        ("reports:read", "deny"),
    ]
    own: list[tuple[str, Effect]] = [
        ("reports:read", "allow"),
        ("customers:write", "deny"),
        ("products:read", "allow"),
    ]
    for permission, effect in of_group:
        event = scene.event("permission_set")
        assert await store.set_group_permission("staff", permission, effect, now=NOW, event=event)
    for permission, effect in own:
        event = scene.event("permission_set")
        assert await store.set_user_permission(hanako.id, permission, effect, now=NOW, event=event)
    assert await store.rights_of(hanako.id) == Rights(
        roles=(), groups=("staff",), entitlements=("customers:read", "products:read"), rv="1.7"
    )
    assert await store.rights_of(taro.id) == Rights((), (), (), "1.7")


async def test_a_permission_is_set_changed_and_cleared(scene: Scene) -> None:
    """Each change is published for the account; what stood so already is no change."""
    hanako = await scene.account()

    async def put(effect: Effect | None) -> bool:
        return await scene.store.set_user_permission(
            hanako.id,
            "customers:read",
            effect,
            now=NOW,
            event=scene.event("permission_set" if effect else "permission_cleared"),
        )

    effects: list[Effect | None] = ["allow", "allow", "deny", "deny", "allow", None, None]
    answers = [await put(effect) for effect in effects]
    assert answers == [True, False, True, False, True, True, False]
    assert await scene.feed() == numbered(*[Entry("user", hanako.id, "stale")] * 4)
    assert len(await scene.events("permission_set")) == 3
    assert len(await scene.events("permission_cleared")) == 1
    assert (await scene.store.rights_of(hanako.id)).entitlements == ()


async def test_a_groups_permission_is_published_for_the_group(scene: Scene) -> None:
    """One entry, however many are in it; a group that is not there is told."""
    store = scene.store
    await store.add_group("staff", now=NOW, event=scene.event("group_created"))
    put = store.set_group_permission
    assert await put("staff", "p", "allow", now=NOW, event=scene.event("permission_set"))
    assert not await put("staff", "p", "allow", now=NOW, event=scene.event("permission_set"))
    assert await put("staff", "p", None, now=NOW, event=scene.event("permission_cleared"))
    assert not await put("staff", "p", None, now=NOW, event=scene.event("permission_cleared"))
    stale = Entry("group", "staff", "stale")
    assert await scene.feed() == numbered(stale, stale)
    missing = put("none", "p", "allow", now=NOW, event=scene.event("permission_set"))
    assert await refused(missing) == "not_found"


async def test_a_deleted_group_takes_its_permissions_with_it(scene: Scene) -> None:
    """Members lose what it gave; one of the same name begins with nothing."""
    hanako, store = await scene.account(), scene.store
    await store.add_group("staff", now=NOW, event=scene.event("group_created"))
    await store.add_member("staff", hanako.id, now=NOW, event=scene.event("group_member_added"))
    await store.set_group_permission("staff", "p", "allow", now=NOW, event=scene.event("permission_set"))
    deleted = scene.event("group_deleted")
    assert await store.delete_group("staff", now=NOW, event=deleted)
    assert not await store.delete_group("staff", now=NOW, event=scene.event("group_deleted"))
    assert await scene.events("group_deleted") == [deleted]
    assert (await scene.feed())[2:] == numbered(Entry("group", "staff", "stale"), first=3)
    await store.add_group("staff", now=NOW, event=scene.event("group_created"))
    assert await store.rights_of(hanako.id) == Rights((), (), (), "1.3")


async def test_nobody_gets_rights_who_is_not_there(scene: Scene) -> None:
    """An account that does not exist is told, and nothing is kept for an id that may come to be."""
    nobody, store = scene.id(), scene.store
    await store.add_group("staff", now=NOW, event=scene.event("group_created"))
    role = store.grant_role(nobody, "admin", now=NOW, event=scene.event("role_granted"))
    assert await refused(role) == "not_found"
    member = store.add_member("staff", nobody, now=NOW, event=scene.event("group_member_added"))
    assert await refused(member) == "not_found"
    permission = store.set_user_permission(nobody, "p", "allow", now=NOW, event=scene.event("permission_set"))
    assert await refused(permission) == "not_found"
    assert not await store.revoke_role(nobody, "admin", now=NOW, event=scene.event("role_revoked"))
    assert await scene.feed() == []
    assert await store.rights_of(nobody) == Rights((), (), (), "1.0")
