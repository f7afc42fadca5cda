"""Sessions: opened, read, listed, ended."""

from __future__ import annotations

import asyncio

import pytest

from sekisho.rules.session import Session
from sekisho.rules.throttle import Bucket
from tests.conformance.scene import (
    ELSEWHERE,
    HERE,
    LIFETIMES,
    NOW,
    Scene,
    numbered,
    refused,
    session_entry,
)


async def test_a_login_opens_a_session_and_says_what_holds(scene: Scene) -> None:
    """The grant has everything a token is minted from, read in the same act."""
    hanako = await scene.account()
    await scene.store.grant_role(hanako.id, "admin", now=NOW, event=scene.event("role_granted"))
    grant, token = await scene.open(hanako)
    assert grant is not None
    assert (grant.account, grant.session_id) == (hanako, token.session_id)
    assert (grant.auth_time, grant.amr) == (NOW, ("pwd",))
    assert grant.refresh_expires_at == NOW + LIFETIMES.refresh
    assert (grant.rights.roles, grant.rights.rv) == (("admin",), "1.1")
    assert await scene.store.live_session(token.session_id, user_id=hanako.id, now=NOW + 1) == grant
    assert await scene.store.live_session(token.session_id, user_id=None, now=NOW + 1) == grant
    (event,) = await scene.events("login_succeeded")
    assert (event.user_id, event.session_id) == (hanako.id, token.session_id)


async def test_the_family_secret_is_not_stored(scene: Scene) -> None:
    """A copy of the database holds no refresh token and nothing to make one from."""
    token = await scene.login(await scene.account())
    ((stored,),) = await scene.rows("SELECT fam FROM sessions")
    assert bytes(stored) == token.secret_digest != token.family


async def test_a_login_whose_password_changed_meanwhile_opens_nothing(scene: Scene) -> None:
    """No row, no event, and the attempts stay counted."""
    hanako = await scene.account()
    bucket = Bucket("account", hanako.email)
    await scene.store.attempt([bucket], now=NOW)
    grant, _ = await scene.open(hanako, checked="an older hash", forgive=[bucket])
    assert grant is None
    assert await scene.rows("SELECT id FROM sessions") == []
    assert await scene.rows("SELECT failures FROM throttle") == [(1,)]
    assert await scene.events("login_succeeded") == []


async def test_a_session_that_is_not_there_or_somebody_elses_is_unknown(scene: Scene) -> None:
    """A caller cannot tell the two apart."""
    hanako, taro = await scene.account(), await scene.account("taro@example.com")
    token = await scene.login(hanako)
    live = scene.store.live_session
    assert await refused(live(scene.id(), user_id=hanako.id, now=NOW)) == "session_unknown"
    assert await refused(live(token.session_id, user_id=taro.id, now=NOW)) == "session_unknown"


@pytest.mark.parametrize("column", ["refresh_expires_at", "ends_at"])
async def test_a_session_ends_at_the_very_second(scene: Scene, column: str) -> None:
    """At the instant that the row names, whether idle or absolute, it is expired; just before, alive."""
    hanako = await scene.account()
    token = await scene.login(hanako)
    await scene.change(f"UPDATE sessions SET {column} = :at", at=NOW + 50)  # noqa: S608 - a column of ours
    before, then = NOW + 49.999, NOW + 50
    assert (await scene.store.live_session(token.session_id, user_id=hanako.id, now=before)).account == hanako
    assert len(await scene.store.list_sessions(hanako.id, now=before)) == 1
    late = scene.store.live_session(token.session_id, user_id=hanako.id, now=then)
    assert await refused(late) == "session_expired"
    assert await scene.store.list_sessions(hanako.id, now=then) == []


async def test_the_device_list_shows_living_sessions_newest_first(scene: Scene) -> None:
    """With when and from where each was last used; the dead are not on it."""
    hanako = await scene.account()
    phone = await scene.login(hanako, at=NOW)
    laptop = await scene.login(hanako, at=NOW + 10, mode="browser", client=ELSEWHERE)
    lost = await scene.login(hanako, at=NOW + 20)
    await scene.store.end_session(
        lost.session_id, user_id=hanako.id, why="revoked", now=NOW + 21, event=scene.event("session_revoked")
    )
    await scene.present(phone, at=NOW + 100, client=ELSEWHERE)
    assert await scene.store.list_sessions(hanako.id, now=NOW + 200) == [
        Session(laptop.session_id, "browser", NOW + 10, NOW + 10, ELSEWHERE.ip, ELSEWHERE.user_agent),
        Session(phone.session_id, "token", NOW, NOW + 100, ELSEWHERE.ip, ELSEWHERE.user_agent),
    ]


@pytest.mark.parametrize("by_owner", [True, False])
async def test_an_ended_session_is_dead_published_and_on_record_once(scene: Scene, *, by_owner: bool) -> None:
    """A second attempt finds nothing alive and publishes nothing."""
    hanako = await scene.account()
    token, other = await scene.login(hanako), await scene.login(hanako)
    user_id = hanako.id if by_owner else None
    event = scene.event("session_revoked", session_id=token.session_id)
    end = scene.store.end_session
    assert await end(token.session_id, user_id=user_id, why="logout", now=NOW + 1, event=event)
    again = scene.event("session_revoked")
    assert not await end(token.session_id, user_id=user_id, why="revoked", now=NOW + 2, event=again)
    assert await scene.feed() == numbered(session_entry(token))
    assert await scene.events("session_revoked") == [event]
    row = await scene.rows("SELECT revoked_at, revoked_why FROM sessions WHERE id = :id", id=token.session_id)
    assert row == [(NOW + 1, "logout")]
    assert await refused(scene.present(token, at=NOW + 3)) == "session_revoked"
    late = scene.store.live_session(token.session_id, user_id=hanako.id, now=NOW + 3)
    assert await refused(late) == "session_revoked"
    assert (await scene.present(other, at=NOW + 3)).generation == 1


async def test_nobody_ends_somebody_elses_session(scene: Scene) -> None:
    """An id alone is no right to it."""
    hanako, taro = await scene.account(), await scene.account("taro@example.com")
    token = await scene.login(hanako)
    event = scene.event("session_revoked")
    assert not await scene.store.end_session(
        token.session_id, user_id=taro.id, why="revoked", now=NOW, event=event
    )
    assert await scene.feed() == []
    assert (await scene.present(token, at=NOW + 1)).generation == 1


async def test_all_sessions_end_but_the_one_that_asked(scene: Scene) -> None:
    """Each is published, they are counted, and it is one event."""
    hanako = await scene.account()
    mine, *others = [await scene.login(hanako) for _ in range(4)]
    event = scene.event("session_revoked", user_id=hanako.id)
    ended = await scene.store.end_sessions(
        hanako.id, except_session=mine.session_id, why="revoked", now=NOW + 1, event=event
    )
    assert ended == 3
    assert {key for _, key, _ in await scene.feed()} == {session_entry(token).key for token in others}
    assert [number for number, _, _ in await scene.feed()] == [1, 2, 3]
    assert await scene.events("session_revoked") == [event]
    assert (await scene.present(mine, at=NOW + 2)).generation == 1

    last = scene.event("session_revoked", user_id=hanako.id)
    assert (
        await scene.store.end_sessions(hanako.id, except_session=None, why="logout", now=NOW, event=last) == 1
    )
    none = scene.event("session_revoked")
    assert (
        await scene.store.end_sessions(hanako.id, except_session=None, why="logout", now=NOW, event=none) == 0
    )
    assert len(await scene.events("session_revoked")) == 2


async def test_hundreds_of_sessions_end_in_one_act(scene: Scene) -> None:
    """More than fit one statement, under numbers without a gap."""
    hanako = await scene.account()
    tokens = await asyncio.gather(*(scene.login(hanako) for _ in range(230)))
    event = scene.event("session_revoked")
    assert (
        await scene.store.end_sessions(hanako.id, except_session=None, why="logout", now=NOW, event=event)
        == 230
    )
    feed = await scene.feed()
    assert [number for number, _, _ in feed] == list(range(1, 231))
    assert {key for _, key, _ in feed} == {session_entry(token).key for token in tokens}


async def test_an_expired_session_is_still_published_when_it_is_ended(scene: Scene) -> None:
    """Its last access token may outlive it by minutes; but nobody is told that it was alive."""
    hanako = await scene.account()
    token = await scene.login(hanako)
    late = NOW + LIFETIMES.refresh
    event = scene.event("session_revoked")
    assert not await scene.store.end_session(
        token.session_id, user_id=hanako.id, why="logout", now=late, event=event
    )
    assert await scene.feed() == numbered(session_entry(token))
    assert await scene.events("session_revoked") == []


async def test_the_right_password_gives_attempts_back(scene: Scene) -> None:
    """All where only the owner counts; one where a whole network does."""
    hanako = await scene.account()
    account, network = Bucket("account", hanako.email), Bucket("network", HERE.ip)
    for _ in range(3):
        await scene.store.attempt([account, network], now=NOW)
    await scene.login(hanako, forgive=[account, network])
    counts = await scene.rows("SELECT key, failures FROM throttle WHERE failures > 0")
    assert [(bytes(key), failures) for key, failures in counts] == [(network.key, 2)]
