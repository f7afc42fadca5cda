"""The hot verbs: what a lock decides, what a refresh writes, and that they are what they claim to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sekisho.rules.throttle import Bucket
from tests.conformance.scene import GRACE, HASH, NOW, refused
from tests.parts.postgres_nodes import Hand, nodes

if TYPE_CHECKING:
    from tests.conformance.scene import Scene

pytestmark = pytest.mark.postgres

_BUCKET = Bucket("account", "hanako@example.com")


async def test_a_login_that_waited_for_a_password_change_opens_nothing(scene: Scene, hand: Hand) -> None:
    """The hash it had checked is gone: no session, no event, and the attempt still counts."""
    hanako = await scene.account()
    await scene.store.attempt([_BUCKET], now=NOW)
    hand.hold("UPDATE users SET password_hash = 'changed'")
    login, _ = await hand.blocked(scene.open(hanako, forgive=[_BUCKET]))
    hand.let_go()
    grant, _ = await login
    assert grant is None
    assert hand.ask("SELECT id FROM sessions") == []
    assert await scene.events("login_succeeded") == []
    assert hand.ask("SELECT failures FROM throttle") == [(1,)]


async def test_a_password_change_waits_for_a_login_and_ends_its_session(scene: Scene, hand: Hand) -> None:
    """A login that holds the account commits first; the change then sees the session, and ends it."""
    hanako = await scene.account()
    await scene.store.attempt([_BUCKET], now=NOW)
    hand.hold("SELECT 1 FROM throttle FOR UPDATE")  # the last thing a login touches
    login, _ = await hand.blocked(scene.open(hanako, forgive=[_BUCKET]))
    change = scene.store.change_password(
        hanako.id,
        checked=HASH,
        new="changed",
        keep_session=None,
        now=NOW + 1,
        forgive=(),
        event=scene.event("password_changed"),
    )
    changing, _ = await hand.blocked(change)
    hand.let_go()
    grant, token = await login
    assert grant is not None
    assert await changing
    assert hand.ask("SELECT revoked_why FROM sessions") == [("password_changed",)]
    assert await refused(scene.present(token, at=NOW + 2)) == "session_revoked"


async def test_a_disabling_waits_for_a_login_and_ends_its_session(scene: Scene, hand: Hand) -> None:
    """The same for an operator who disables the account meanwhile."""
    hanako = await scene.account()
    await scene.store.attempt([_BUCKET], now=NOW)
    hand.hold("SELECT 1 FROM throttle FOR UPDATE")
    login, _ = await hand.blocked(scene.open(hanako, forgive=[_BUCKET]))
    disable = scene.store.set_status(hanako.id, "disabled", now=NOW, event=scene.event("account_disabled"))
    disabling, _ = await hand.blocked(disable)
    hand.let_go()
    await login
    assert await disabling
    assert hand.ask("SELECT revoked_why FROM sessions") == [("account_disabled",)]


@pytest.mark.parametrize(
    ("meanwhile", "answer"),
    [
        ("revoked_at = 1, revoked_why = 'logout'", "session_revoked"),
        ("fam = '\\x00'", "refresh_unknown"),
        ("refresh_expires_at = 1, gen = 1", "refresh_expired"),
        (f"gen = 2, rotated_at = {NOW}", "refresh_reused"),
    ],
)
async def test_a_refresh_that_waited_obeys_what_was_committed(
    scene: Scene, hand: Hand, meanwhile: str, answer: str
) -> None:
    """Its snapshot shows a token that is good; the row that it finds decides."""
    token = await scene.login(await scene.account())
    hand.hold(f"UPDATE sessions SET {meanwhile}")  # noqa: S608 - words of ours
    rotating, _ = await hand.blocked(scene.present(token, at=NOW))
    hand.let_go()
    assert await refused(rotating) == answer


async def test_a_refresh_that_waited_for_another_gets_its_successor(scene: Scene, hand: Hand) -> None:
    """Two servers, one token: the second finds the row rotated within the grace."""
    token = await scene.login(await scene.account())
    hand.hold("UPDATE sessions SET gen = 1, rotated_at = %(now)s, retry_gen = 0", now=NOW)
    rotating, _ = await hand.blocked(scene.present(token, at=NOW + 1))
    hand.let_go()
    rotation = await rotating
    assert (rotation.verdict, rotation.generation) == ("replayed", 1)


async def test_a_second_page_load_writes_nothing(scene: Scene, hand: Hand) -> None:
    """The current token within the grace is read, not written: the very version of the row stays."""
    token = await scene.login(await scene.account())
    await scene.present(token, at=NOW)
    version = "SELECT xmin, xmax, ctid FROM sessions"
    before = hand.ask(version)
    rotation = await scene.present(token.at(1), at=NOW + GRACE - 1)
    assert (rotation.verdict, rotation.generation) == ("current", 1)
    assert hand.ask(version) == before


async def test_the_rights_of_a_refresh_that_waited_are_those_of_its_number(scene: Scene, hand: Hand) -> None:
    """A change that was committed during the wait for the row is in both, so the token outlives its entry."""
    hanako = await scene.account()
    token = await scene.login(hanako)
    hand.hold("SELECT 1 FROM sessions FOR UPDATE")
    rotating, _ = await hand.blocked(scene.present(token, at=NOW))
    await scene.store.grant_role(hanako.id, "admin", now=NOW, event=scene.event("role_granted"))
    hand.let_go()
    rights = (await rotating).grant.rights
    assert (rights.roles, rights.rv) == (("admin",), "1.1")
    assert [number for number, _, _ in await scene.feed()] == [1]


async def test_refreshes_leave_the_indexes_alone(url: str, hand: Hand) -> None:
    """Every rotation is a HOT update: no index entry, no bloat, a third less log (measured: 275 bytes)."""
    async with nodes(url, size=1) as scene:
        token = await scene.login(await scene.account())
        for generation in range(300):
            await scene.present(token.at(generation), at=NOW + generation * GRACE)
        await scene.rows("SELECT pg_stat_force_next_flush()")
        await scene.rows("SELECT 1")
        counts = hand.ask(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'sessions'"
        )
    assert counts == [(300, 300)]


async def test_rights_are_the_same_whichever_statement_reads_them(scene: Scene) -> None:
    """Permissions of groups and of the person in one row: sorted, without doubles, deny wins."""
    hanako = await scene.account()
    store, event = scene.store, scene.event("permission_set")
    for group in ("staff", "night"):
        await store.add_group(group, now=NOW, event=scene.event("group_created"))
        await store.add_member(group, hanako.id, now=NOW, event=scene.event("group_member_added"))
    for permission in ("b:read", "a-b", "a.b", "shared"):
        await store.set_group_permission(
            "staff", permission, "allow", now=NOW, event=scene.event("permission_set")
        )
    await store.set_group_permission("night", "shared", "deny", now=NOW, event=event)
    await store.set_user_permission(hanako.id, "a-b", "allow", now=NOW, event=scene.event("permission_set"))
    for role in ("z", "a"):
        await store.grant_role(hanako.id, role, now=NOW, event=scene.event("role_granted"))
    grant, token = await scene.open(hanako)
    assert grant is not None
    assert grant.rights.roles == ("a", "z")
    assert grant.rights.groups == ("night", "staff")
    assert grant.rights.entitlements == ("a-b", "a.b", "b:read")
    assert grant.rights == await store.rights_of(hanako.id)
    assert (await scene.present(token, at=NOW)).grant.rights == grant.rights
    assert (await store.live_session(token.session_id, user_id=None, now=NOW)).rights == grant.rights
