"""Accounts and their passwords."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sekisho.rules.account import Account
from sekisho.rules.revocation import Entry
from sekisho.rules.throttle import Bucket
from tests.conformance.scene import HASH, NOW, Scene, numbered, refused, session_entry


async def test_an_account_is_found_by_id_and_by_address(scene: Scene) -> None:
    """What was added is what is found, field by field, with the hash only where it is asked for."""
    hanako = await scene.account()
    assert await scene.store.find_account(id=hanako.id) == hanako
    assert await scene.store.find_account(email=hanako.email) == hanako
    credentials = await scene.store.find_credentials(email=hanako.email)
    assert credentials is not None
    assert (credentials.account, credentials.password_hash) == (hanako, HASH)
    assert await scene.store.find_credentials(id=hanako.id) == credentials
    assert await scene.store.find_account(id=scene.id()) is None
    assert await scene.store.find_credentials(email="taro@example.com") is None


async def test_an_address_belongs_to_one_account(scene: Scene) -> None:
    """A second account on the same address is refused and leaves nothing, not even an event."""
    hanako = await scene.account()
    twin = Account(scene.id(), hanako.email, "active", "en", NOW)
    add = scene.store.add_account(twin, "other", event=scene.event("account_created", user_id=twin.id))
    assert await refused(add) == "email_taken"
    assert await scene.store.find_account(id=twin.id) is None
    assert [event.user_id for event in await scene.events("account_created")] == [hanako.id]


async def test_accounts_are_listed_page_by_page(scene: Scene) -> None:
    """Pages follow each other by address, without gap or repetition."""
    people = [await scene.account(f"{name}@example.com") for name in ("c", "a", "d", "b", "e")]
    by_address = sorted(people, key=lambda account: account.email)
    first = await scene.store.list_accounts(limit=2)
    second = await scene.store.list_accounts(after=first[-1].email, limit=2)
    third = await scene.store.list_accounts(after=second[-1].email, limit=2)
    assert [*first, *second, *third] == by_address
    assert await scene.store.list_accounts(after="e@example.com") == []


async def test_a_hash_is_replaced_only_while_it_is_the_one_that_was_checked(scene: Scene) -> None:
    """A rehash that comes after a password change must not bring the old password back."""
    hanako = await scene.account()
    assert await scene.store.replace_hash(hanako.id, checked=HASH, new="better profile")
    assert not await scene.store.replace_hash(hanako.id, checked=HASH, new="late")
    credentials = await scene.store.find_credentials(id=hanako.id)
    assert credentials is not None
    assert credentials.password_hash == "better profile"


async def test_a_new_password_ends_the_other_sessions(scene: Scene) -> None:
    """The one that changed it goes on; the others are revoked and published; attempts are given back."""
    hanako, taro = await scene.account(), await scene.account("taro@example.com")
    mine, phone, tablet = [await scene.login(hanako) for _ in range(3)]
    his = await scene.login(taro)
    bucket = Bucket("password", hanako.id)
    await scene.store.attempt([bucket], now=NOW)
    also = Entry("user", hanako.id, "stale")
    changed = await scene.store.change_password(
        hanako.id,
        checked=HASH,
        new="new",
        keep_session=mine.session_id,
        now=NOW + 5,
        forgive=[bucket],
        also=[also],
        event=scene.event("password_changed", user_id=hanako.id),
    )
    assert changed
    assert [session.id for session in await scene.store.list_sessions(hanako.id, now=NOW + 6)] == [
        mine.session_id
    ]
    assert len(await scene.store.list_sessions(taro.id, now=NOW + 6)) == 1
    published = await scene.feed()
    assert {key for _, key, _ in published} == {session_entry(phone).key, session_entry(tablet).key, also.key}
    assert [number for number, _, _ in published] == [1, 2, 3]
    why = await scene.rows("SELECT revoked_why, revoked_at FROM sessions WHERE id = :id", id=phone.session_id)
    assert why == [("password_changed", NOW + 5)]
    assert await scene.rows("SELECT key FROM throttle WHERE failures > 0") == []
    assert [event.user_id for event in await scene.events("password_changed")] == [hanako.id]
    assert (await scene.present(his, at=NOW + 6)).generation == 1


async def test_a_password_changed_without_a_session_ends_them_all(scene: Scene) -> None:
    """An operator's reset keeps none."""
    hanako = await scene.account()
    phone = await scene.login(hanako)
    assert await scene.store.change_password(
        hanako.id,
        checked=HASH,
        new="new",
        keep_session=None,
        now=NOW,
        forgive=(),
        event=scene.event("password_changed"),
    )
    assert await scene.store.list_sessions(hanako.id, now=NOW) == []
    assert await scene.feed() == numbered(session_entry(phone))


async def test_a_password_that_is_not_current_changes_nothing(scene: Scene) -> None:
    """Two changes at once: the later one finds another hash than it checked, and does nothing at all."""
    hanako = await scene.account()
    phone = await scene.login(hanako)
    changed = await scene.store.change_password(
        hanako.id,
        checked="another",
        new="new",
        keep_session=None,
        now=NOW,
        forgive=(),
        also=[Entry("user", hanako.id, "revoked")],
        event=scene.event("password_changed"),
    )
    assert not changed
    assert await scene.feed() == []
    assert await scene.events("password_changed") == []
    assert (await scene.present(phone, at=NOW + 1)).generation == 1


@pytest.mark.requirement("X07")
async def test_disabling_ends_everything_and_keeps_the_door_shut(scene: Scene) -> None:
    """Sessions end, one entry kills every token of the account, and nobody gets in until it is enabled."""
    hanako = await scene.account()
    phone = await scene.login(hanako)
    event = scene.event("account_disabled", user_id=hanako.id)
    assert await scene.store.set_status(hanako.id, "disabled", now=NOW + 1, event=event)
    assert await scene.store.find_account(id=hanako.id) == replace(hanako, status="disabled")
    assert await scene.feed() == numbered(Entry("user", hanako.id, "revoked"))
    assert await scene.events("account_disabled") == [event]
    assert await refused(scene.present(phone, at=NOW + 2)) == "session_revoked"
    assert (await scene.open(hanako, at=NOW + 2))[0] is None
    why = await scene.rows("SELECT revoked_why FROM sessions WHERE id = :id", id=phone.session_id)
    assert why == [("account_disabled",)]

    assert await scene.store.set_status(
        hanako.id, "active", now=NOW + 3, event=scene.event("account_enabled")
    )
    assert await refused(scene.present(phone, at=NOW + 4)) == "session_revoked"
    grant, _ = await scene.open(hanako, at=NOW + 4)
    assert grant is not None
    assert grant.rights.rv == "1.1", "a token minted now must outlive the entry that killed the old ones"
    assert len(await scene.feed()) == 1


async def test_a_deleted_account_leaves_its_history_and_nothing_else(scene: Scene) -> None:
    """Sessions, roles, memberships and permissions go; the entry and the events stay."""
    hanako = await scene.account()
    phone = await scene.login(hanako)
    await scene.store.grant_role(hanako.id, "admin", now=NOW, event=scene.event("role_granted"))
    await scene.store.add_group("staff", now=NOW, event=scene.event("group_created"))
    await scene.store.add_member("staff", hanako.id, now=NOW, event=scene.event("group_member_added"))
    await scene.store.set_user_permission(
        hanako.id, "p", "allow", now=NOW, event=scene.event("permission_set")
    )
    assert await scene.store.delete_account(hanako.id, now=NOW + 1, event=scene.event("account_deleted"))
    assert await scene.store.find_account(id=hanako.id) is None
    assert await refused(scene.present(phone, at=NOW + 2)) == "refresh_unknown"
    for table in ("sessions", "user_roles", "group_members", "user_permissions"):
        assert await scene.rows(f"SELECT * FROM {table}") == [], table  # noqa: S608 - names of ours
    assert (await scene.feed())[-1][1:] == (Entry("user", hanako.id, "revoked").key, "revoked")
    assert len(await scene.events("account_created")) == 1
    assert len(await scene.events("account_deleted")) == 1


async def test_an_account_is_deleted_by_who_knows_the_password_that_stands(scene: Scene) -> None:
    """With the hash that was checked, only while it is the account's; else nothing happens at all."""
    hanako = await scene.account()
    await scene.login(hanako)
    event = scene.event("account_deleted")
    assert not await scene.store.delete_account(hanako.id, checked="other", now=NOW, event=event)
    assert await scene.store.find_account(id=hanako.id) == hanako
    assert (await scene.feed(), await scene.events("account_deleted")) == ([], [])
    assert await scene.store.delete_account(hanako.id, checked=HASH, now=NOW, event=event)
    assert await scene.store.find_account(id=hanako.id) is None
    assert await scene.feed() == numbered(Entry("user", hanako.id, "revoked"))


async def test_a_language_is_chosen_once(scene: Scene) -> None:
    """Copies of its sessions are told; choosing it again, or for nobody, publishes and records nothing."""
    hanako = await scene.account()
    event = scene.event("locale_changed")
    assert await scene.store.set_locale(hanako.id, "en", now=NOW, event=event)
    assert await scene.store.find_account(id=hanako.id) == replace(hanako, locale="en")
    assert await scene.feed() == numbered(Entry("user", hanako.id, "stale"))
    for user_id in (hanako.id, scene.id()):
        again = scene.event("locale_changed")
        assert not await scene.store.set_locale(user_id, "en", now=NOW, event=again)
    assert len(await scene.feed()) == len(await scene.events("locale_changed")) == 1


async def test_nobody_is_not_an_error(scene: Scene) -> None:
    """Verbs about an account that is not there say so and publish nothing."""
    nobody = scene.id()
    event = scene.event("account_deleted")
    assert not await scene.store.set_status(nobody, "disabled", now=NOW, event=event)
    assert not await scene.store.delete_account(nobody, now=NOW, event=event)
    assert not await scene.store.replace_hash(nobody, checked=HASH, new="new")
    assert await scene.feed() == []
    assert await scene.store.list_events() == []
