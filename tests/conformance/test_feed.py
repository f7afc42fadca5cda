"""Entries published without a session row, and what a stateless refresh asks of the feed."""

from __future__ import annotations

import pytest

from sekisho.rules.revocation import Entry
from sekisho.rules.throttle import Bucket
from tests.conformance.scene import HASH, NOW, Scene, numbered

SESSION = Entry("session", "a session that has no row", "revoked")
USER = Entry("user", "somebody", "revoked")


async def test_entries_get_a_number_each(scene: Scene) -> None:
    """In their order, with what was done on record in the same act."""
    event = scene.event("session_revoked")
    await scene.store.publish([SESSION, USER], now=NOW, event=event)
    await scene.store.publish([SESSION], now=NOW, event=scene.event("session_revoked"))
    assert await scene.feed() == numbered(SESSION, USER, SESSION)
    assert event in await scene.events("session_revoked")
    kinds = await scene.rows("SELECT kind, at FROM feed ORDER BY seq")
    assert kinds == [("session", NOW), ("user", NOW), ("session", NOW)]


async def test_a_token_is_dead_below_the_number_and_alive_at_it(scene: Scene) -> None:
    """Minted before the entry: dead. Minted when it stood already: alive."""
    await scene.store.publish([USER, SESSION], now=NOW, event=scene.event("session_revoked"))
    since = scene.store.revoked_since
    assert await since([SESSION, USER], "1.0")
    assert await since([SESSION, USER], "1.1")
    assert not await since([SESSION, USER], "1.2")
    assert not await since([USER], "1.1")
    assert await since([USER], "1.0")
    assert not await since([Entry("session", "another", "revoked")], "1.0")
    assert not await since([], "1.0")


async def test_changed_rights_do_not_end_a_login(scene: Scene) -> None:
    """A `stale` entry makes an access token be renewed; the refresh token that renews it lives on."""
    await scene.store.publish([Entry("user", USER.id, "stale")], now=NOW, event=scene.event("role_granted"))
    assert not await scene.store.revoked_since([USER], "1.0")
    assert await scene.store.revoked_since([Entry("user", USER.id, "stale")], "1.0")


async def test_epochs_order_before_numbers(scene: Scene) -> None:
    """After a restore: a token of the line that was lost is not believed; an old one is below all."""
    await scene.store.publish([USER], now=NOW, event=scene.event("session_revoked"))
    assert await scene.store.revoked_since([SESSION], "1.2"), "no number above the head was ever handed out"
    assert await scene.store.revoked_since([SESSION], "2.0")
    await scene.change("UPDATE feed_head SET epoch = 2")
    assert await scene.store.revoked_since([USER], "1.1")
    assert not await scene.store.revoked_since([SESSION], "1.1")
    assert not await scene.store.revoked_since([USER], "2.1")


@pytest.mark.parametrize(
    "rv", ["x", "1", "1.", "1.0.0", "-1.0", "1.-1", "1.\u0660", "1." + "9" * 19, "9" * 5000]
)
async def test_a_number_that_we_did_not_write_is_not_believed(scene: Scene, rv: str) -> None:
    """Whoever shares an HS256 secret can write any text there, and gains nothing by it."""
    assert await scene.store.revoked_since([SESSION], rv)


async def test_a_stateless_grant_is_the_account_and_its_rights(scene: Scene) -> None:
    """With a password that was checked it is a login: attempts given back, and on record."""
    hanako = await scene.account()
    await scene.store.grant_role(hanako.id, "admin", now=NOW, event=scene.event("role_granted"))
    bucket = Bucket("account", hanako.email)
    await scene.store.attempt([bucket], now=NOW)
    event = scene.event("login_succeeded", user_id=hanako.id)
    grant = scene.store.grant
    granted = await grant(hanako.id, checked=HASH, forgive=[bucket], event=event)
    assert granted is not None
    account, rights = granted
    assert (account, rights.roles, rights.rv) == (hanako, ("admin",), "1.1")
    assert await scene.rows("SELECT key FROM throttle WHERE failures > 0") == []
    assert await scene.events("login_succeeded") == [event]
    assert await grant(hanako.id, checked=None, forgive=(), event=None) == granted


async def test_a_stateless_grant_needs_an_enabled_account_and_the_current_password(scene: Scene) -> None:
    """Otherwise there is none, and nothing has happened."""
    hanako = await scene.account()
    grant, event = scene.store.grant, scene.event("login_succeeded")
    assert await grant(hanako.id, checked="older", forgive=(), event=event) is None
    assert await grant(scene.id(), checked=None, forgive=(), event=None) is None
    await scene.store.set_status(hanako.id, "disabled", now=NOW, event=scene.event("account_disabled"))
    assert await grant(hanako.id, checked=None, forgive=(), event=None) is None
    assert await grant(hanako.id, checked=HASH, forgive=(), event=event) is None
    assert await scene.events("login_succeeded") == []
