"""What is kept for later: security events, sealed keys; and what is swept away."""

from __future__ import annotations

from dataclasses import replace

from sekisho.rules.events import RETENTION, Event
from sekisho.rules.keyring import SealedKey
from sekisho.rules.revocation import Entry
from sekisho.rules.throttle import Bucket
from tests.conformance.scene import LIFETIMES, NOW, Scene, numbered, session_entry


async def test_an_event_comes_back_as_it_was_recorded(scene: Scene) -> None:
    """Every field, names in any script included."""
    event = Event(
        kind="login_failed",
        at=NOW + 0.125,
        id=scene.id(),
        user_id=scene.id(),
        session_id=scene.id(),
        ip="2001:db8::1",
        request_id="req-9",
        about={"group": "監査", "note": 'a "quoted" : colon'},
    )
    await scene.store.record(event)
    assert await scene.store.list_events() == [event]
    nobody = scene.event("login_failed")
    await scene.store.record(nobody)
    assert nobody in await scene.store.list_events()


async def test_events_are_listed_newest_first_and_by_account(scene: Scene) -> None:
    """The limit cuts off the oldest."""
    hanako, taro = scene.id(), scene.id()
    events = [scene.event("login_succeeded", at=NOW + i, user_id=hanako if i % 2 else taro) for i in range(6)]
    for event in events:
        await scene.store.record(event)
    assert await scene.store.list_events(limit=4) == events[:1:-1]
    assert await scene.store.list_events(user_id=hanako) == events[5::-2]
    assert await scene.store.list_events(user_id=hanako, limit=1) == [events[5]]
    assert await scene.store.list_events(user_id=scene.id()) == []


async def test_the_first_key_is_added_only_where_there_is_none(scene: Scene) -> None:
    """Also where the one that was first is gone and a later one stands."""
    first, second = SealedKey("a", "ES256", NOW, b"\x00sealed"), SealedKey("b", "HS256", NOW + 1, b"\xff")
    assert await scene.store.signing_keys() == []
    added = scene.event("signing_key_added")
    assert await scene.store.add_first_signing_key(first, event=added) == [first]
    again = scene.event("signing_key_added")
    assert await scene.store.add_first_signing_key(second, event=again) == [first]
    assert await scene.events("signing_key_added") == [added]
    await scene.change("UPDATE signing_keys SET generation = 2, kid = 'later'")
    later = replace(first, kid="later")
    assert await scene.store.add_first_signing_key(second, event=again) == [later]
    assert await scene.store.signing_keys() == [later]


async def test_only_what_nobody_needs_is_swept(scene: Scene) -> None:
    """At the very second, not before: sessions past their end, old entries, forgotten counts, old events."""
    hanako = await scene.account()
    token = await scene.login(hanako)
    bucket = Bucket("account", hanako.email)
    await scene.store.attempt([bucket], now=NOW)
    await scene.store.publish([session_entry(token)], now=NOW, event=scene.event("session_revoked"))
    horizon = 1000.0

    async def sweep(now: float) -> int:
        return await scene.store.sweep(now=now, entry_horizon=horizon, limit=100)

    assert await sweep(NOW + horizon - 0.001) == 0
    assert await sweep(NOW + horizon) == 1
    assert await scene.feed() == []
    assert await sweep(NOW + bucket.policy.forget - 0.001) == 0
    assert await sweep(NOW + bucket.policy.forget) == 1
    assert await scene.rows("SELECT key FROM throttle") == []
    assert await sweep(NOW + LIFETIMES.session - 0.001) == 0
    assert await sweep(NOW + LIFETIMES.session) == 1
    assert await scene.rows("SELECT id FROM sessions") == []
    assert await sweep(NOW + RETENTION - 0.001) == 0
    assert await sweep(NOW + RETENTION) == 3
    assert await scene.store.list_events() == []
    assert await scene.store.find_account(id=hanako.id) == hanako
    assert await scene.rows("SELECT seq FROM feed_head") == [(1,)], "numbers are never used again"


async def test_a_sweep_goes_in_small_steps_from_the_oldest(scene: Scene) -> None:
    """At most the limit a table; the rest waits for the next one."""
    entries = [Entry("session", str(i), "revoked") for i in range(5)]
    for i, entry in enumerate(entries):
        await scene.store.publish([entry], now=NOW + i, event=scene.event("session_revoked", at=NOW + i))
    late = NOW + RETENTION + 3
    assert await scene.store.sweep(now=late, entry_horizon=RETENTION, limit=3) == 6
    assert await scene.feed() == numbered(*entries[3:], first=4)
    assert await scene.store.sweep(now=late, entry_horizon=RETENTION, limit=3) == 2
    assert await scene.feed() == numbered(entries[4], first=5)
    assert [event.at for event in await scene.store.list_events()] == [NOW + 4]
