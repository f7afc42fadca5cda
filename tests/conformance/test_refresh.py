"""The refresh table (design section 5), row by row, with the clock in our hands."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sekisho.rules.refresh import RefreshToken, Verdict
from sekisho.rules.session import Rotation
from tests.conformance.scene import (
    ELSEWHERE,
    GRACE,
    HERE,
    LIFETIMES,
    NOW,
    Scene,
    numbered,
    refused,
    session_entry,
)

KEY, OTHER_KEY = b"k" * 32, b"o" * 32


async def _row(scene: Scene, token: RefreshToken) -> tuple[object, ...]:
    """The refresh state of a session."""
    (row,) = await scene.rows(
        "SELECT gen, rotated_at, retry_gen, retry_key, refresh_expires_at, ip, user_agent, revoked_at"
        " FROM sessions WHERE id = :id",
        id=token.session_id,
    )
    return tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)


def _came_to(rotation: Rotation) -> tuple[Verdict, int]:
    return rotation.verdict, rotation.generation


@pytest.mark.requirement("R2")
async def test_the_first_refresh_rotates_however_soon(scene: Scene) -> None:
    """A login is no rotation, so no grace is running yet; the row moves on with all that belongs to it."""
    hanako = await scene.account()
    token = await scene.login(hanako)
    rotation = await scene.present(token, at=NOW, key=KEY, client=ELSEWHERE)
    assert _came_to(rotation) == (Verdict.ROTATED, 1)
    assert (rotation.grant.account, rotation.grant.session_id) == (hanako, token.session_id)
    assert (rotation.grant.auth_time, rotation.grant.amr) == (NOW, ("pwd",))
    expiry = NOW + LIFETIMES.refresh
    assert await _row(scene, token) == (1, NOW, 0, KEY, expiry, ELSEWHERE.ip, ELSEWHERE.user_agent, None)
    assert await scene.feed() == []
    assert await scene.events("refresh_replayed") == []


async def test_a_second_page_load_within_the_grace_keeps_the_token(scene: Scene) -> None:
    """The token just handed out is handed out again; at the second the grace ends, it rotates."""
    token = await scene.login(await scene.account())
    await scene.present(token, at=NOW, key=KEY)
    row = await _row(scene, token)
    within = await scene.present(token.at(1), at=NOW + GRACE - 0.001, key=OTHER_KEY, client=ELSEWHERE)
    assert _came_to(within) == (Verdict.CURRENT, 1)
    assert within.grant.refresh_expires_at == NOW + LIFETIMES.refresh
    assert await _row(scene, token) == row
    assert await scene.events("refresh_replayed") == []
    after = await scene.present(token.at(1), at=NOW + GRACE, client=ELSEWHERE)
    assert _came_to(after) == (Verdict.ROTATED, 2)
    assert (await _row(scene, token))[:4] == (2, NOW + GRACE, 1, None)


@pytest.mark.requirement("R5")
async def test_a_clock_that_was_set_back_does_not_stretch_the_grace(scene: Scene) -> None:
    """A node a moment behind is within it; by the grace and more, the current token rotates as ever."""
    token = await scene.login(await scene.account())
    await scene.present(token, at=NOW)
    assert _came_to(await scene.present(token.at(1), at=NOW - GRACE + 0.001)) == (Verdict.CURRENT, 1)
    assert _came_to(await scene.present(token.at(1), at=NOW - GRACE)) == (Verdict.ROTATED, 2)


async def test_a_racing_tab_gets_the_same_successor(scene: Scene) -> None:
    """N = gen-1 within the grace: nothing changes, and the replay is on record."""
    token = await scene.login(await scene.account())
    await scene.present(token, at=NOW)
    row = await _row(scene, token)
    rotation = await scene.present(token, at=NOW + GRACE - 0.001)
    assert _came_to(rotation) == (Verdict.REPLAYED, 1)
    assert await _row(scene, token) == row
    (event,) = await scene.events("refresh_replayed")
    assert event.session_id == token.session_id
    assert event.about == {"verdict": "replayed", "changed": "no"}


async def test_a_replay_from_elsewhere_says_so(scene: Scene) -> None:
    """A changed network or device is what an owner wants to be told about."""
    hanako = await scene.account()
    token = await scene.login(hanako)
    await scene.present(token, at=NOW, client=HERE)
    await scene.present(token, at=NOW + 1, client=ELSEWHERE)
    (event,) = await scene.events("refresh_replayed")
    assert event.about == {"verdict": "replayed", "changed": "yes"}
    assert (event.user_id, event.ip, event.request_id) == (hanako.id, ELSEWHERE.ip, ELSEWHERE.request_id)
    assert event.at == NOW + 1


async def test_a_spent_token_at_the_end_of_the_grace_is_reuse(scene: Scene) -> None:
    """The session is revoked, published once and put on record, and stays revoked for everybody."""
    hanako = await scene.account()
    token = await scene.login(hanako)
    await scene.present(token, at=NOW)
    late = NOW + GRACE
    assert await refused(scene.present(token, at=late, client=ELSEWHERE)) == "refresh_reused"
    assert await scene.feed() == numbered(session_entry(token))
    (event,) = await scene.events("refresh_reused")
    assert (event.user_id, event.session_id, event.at) == (hanako.id, token.session_id, late)
    assert event.about == {"verdict": "reused", "changed": "yes"}
    why = await scene.rows("SELECT revoked_why, revoked_at, gen FROM sessions")
    assert why == [("reused", late, 1)]
    assert await refused(scene.present(token, at=late)) == "session_revoked"
    assert await refused(scene.present(token.at(1), at=late)) == "session_revoked"
    assert len(await scene.feed()) == 1


@pytest.mark.parametrize("days", [0.001, 1, 6.9])
async def test_a_lost_response_is_recovered_by_its_key(scene: Scene, days: float) -> None:
    """N = retry_gen with the key chosen beforehand, any time ago: a new successor, the retry state kept."""
    token = await scene.login(await scene.account())
    await scene.present(token, at=NOW, key=KEY)
    later = NOW + days * 86_400.0
    rotation = await scene.present(token, at=later, key=KEY, client=ELSEWHERE)
    assert _came_to(rotation) == (Verdict.RECOVERED, 2)
    expiry = later + LIFETIMES.refresh
    assert await _row(scene, token) == (2, later, 0, KEY, expiry, ELSEWHERE.ip, ELSEWHERE.user_agent, None)
    assert rotation.grant.refresh_expires_at == expiry
    (event,) = await scene.events("refresh_replayed")
    assert event.about == {"verdict": "recovered", "changed": "yes"}


async def test_two_tabs_that_recover_together_get_one_successor(scene: Scene) -> None:
    """Within the grace of the recovery, the proven retry is a replay of it (decision 0001)."""
    token = await scene.login(await scene.account())
    await scene.present(token, at=NOW, key=KEY)
    first = await scene.present(token, at=NOW + 100, key=KEY)
    second = await scene.present(token, at=NOW + 100 + GRACE - 0.001, key=KEY)
    assert _came_to(first) == (Verdict.RECOVERED, 2)
    assert _came_to(second) == (Verdict.REPLAYED, 2)


async def test_the_one_who_holds_the_lost_response_collides(scene: Scene) -> None:
    """Whoever has the successor that was lost is a generation behind after the recovery."""
    token = await scene.login(await scene.account())
    await scene.present(token, at=NOW, key=KEY)
    await scene.present(token, at=NOW + 100, key=KEY)
    assert await refused(scene.present(token.at(1), at=NOW + 100 + GRACE)) == "refresh_reused"


@pytest.mark.requirement("X10")
@pytest.mark.parametrize("key", [None, OTHER_KEY])
async def test_a_wrong_key_proves_nothing(scene: Scene, key: bytes | None) -> None:
    """Without the very key, a spent token is reuse."""
    token = await scene.login(await scene.account())
    await scene.present(token, at=NOW, key=KEY)
    assert await refused(scene.present(token, at=NOW + 100, key=key)) == "refresh_reused"


async def test_no_key_is_not_a_key(scene: Scene) -> None:
    """A rotation without a key cannot be recovered by presenting none again."""
    token = await scene.login(await scene.account())
    await scene.present(token, at=NOW)
    assert await refused(scene.present(token, at=NOW + 100)) == "refresh_reused"


async def test_a_token_ahead_of_its_row_is_believed(scene: Scene) -> None:
    """N > gen: the row fell back in a failover; only we can have signed it, so nobody is logged out."""
    token = await scene.login(await scene.account())
    await scene.present(token, at=NOW)
    rotation = await scene.present(token.at(5), at=NOW + 1, key=KEY)
    assert _came_to(rotation) == (Verdict.AHEAD, 6)
    assert (await _row(scene, token))[:4] == (6, NOW + 1, 5, KEY)


async def test_another_family_is_unknown_and_harms_nobody(scene: Scene) -> None:
    """A token of a family that was replaced is refused; the session goes on."""
    token = await scene.login(await scene.account())
    stranger = replace(token, family=b"x" * 32)
    assert await refused(scene.present(stranger, at=NOW + 100)) == "refresh_unknown"
    assert await refused(scene.present(replace(token, session_id=scene.id()), at=NOW)) == "refresh_unknown"
    assert await scene.feed() == []
    assert _came_to(await scene.present(token, at=NOW + 100)) == (Verdict.ROTATED, 1)


async def test_an_unused_refresh_token_dies_at_the_very_second(scene: Scene) -> None:
    """Idle time-out: just before it, the token is good and the time starts anew; at it, expired."""
    hanako = await scene.account()
    used, unused = await scene.login(hanako), await scene.login(hanako)
    end = NOW + LIFETIMES.refresh
    assert (await scene.present(used, at=end - 0.001)).generation == 1
    assert await refused(scene.present(unused, at=end)) == "refresh_expired"
    assert (await scene.present(used.at(1), at=end + 1000)).generation == 2
    assert await scene.feed() == []


async def test_no_refresh_outlives_the_session(scene: Scene) -> None:
    """The absolute end stands however often the token is used (R6)."""
    token = await scene.login(await scene.account())
    end = NOW + LIFETIMES.session
    for generation in range(5):
        at = NOW + generation * 6.9 * 86_400
        rotation = await scene.present(token.at(generation), at=at)
        assert rotation.grant.refresh_expires_at == min(at + LIFETIMES.refresh, end)
    last = await scene.present(token.at(5), at=end - 0.001)
    assert last.grant.refresh_expires_at == end
    assert await refused(scene.present(token.at(6), at=end)) == "refresh_expired"


async def test_a_spent_token_of_a_dead_session_is_only_dead(scene: Scene) -> None:
    """Reuse is not looked for in what is over: no second entry, no event."""
    token = await scene.login(await scene.account())
    await scene.present(token, at=NOW)
    assert await refused(scene.present(token, at=NOW + LIFETIMES.refresh)) == "refresh_expired"
    assert await scene.feed() == []
    assert await scene.events("refresh_reused") == []


async def test_rights_are_read_anew_at_each_refresh(scene: Scene) -> None:
    """What was granted since the login is in the next token, with the number at which it held."""
    hanako = await scene.account()
    token = await scene.login(hanako)
    await scene.store.grant_role(hanako.id, "admin", now=NOW, event=scene.event("role_granted"))
    rights = (await scene.present(token, at=NOW + 1)).grant.rights
    assert (rights.roles, rights.rv) == (("admin",), "1.1")
    await scene.store.revoke_role(hanako.id, "admin", now=NOW, event=scene.event("role_revoked"))
    rights = (await scene.present(token.at(1), at=NOW + 2)).grant.rights
    assert (rights.roles, rights.rv) == ((), "1.2")
