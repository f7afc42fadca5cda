"""What is kept for later: security events; and what is swept away."""

from __future__ import annotations

from sekisho.rules.events import RETENTION, Event
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
