"""What holds when two nodes do everything at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable
from typing import TypeVar

import pytest
from msgspec.structs import replace

from sekisho.adapters.sql import revocations
from sekisho.adapters.sql.operation import Operation
from sekisho.rules.access import Rights
from sekisho.rules.refresh import Verdict
from sekisho.rules.refusals import Refusal
from sekisho.rules.revocation import Entry
from sekisho.rules.throttle import Bucket
from tests.conformance.scene import GRACE, HASH, NOW, Scene, numbered, session_entry

T = TypeVar("T")


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("postgres portable", marks=[pytest.mark.postgres, pytest.mark.long]),
        pytest.param("postgres serializable", marks=pytest.mark.postgres),
        pytest.param("postgres portable serializable", marks=[pytest.mark.postgres, pytest.mark.long]),
    ]
)
def database(request: pytest.FixtureRequest) -> str:
    """The engines of the suite, and the isolation that stands in for CockroachDB, where 40001 is ordinary."""
    name: str = request.param
    return name


async def outcomes(acts: Iterable[Awaitable[T]]) -> tuple[list[T], Counter[str]]:
    """All at once: what those returned that were granted, and how often each refusal was the answer."""
    results = await asyncio.gather(*acts, return_exceptions=True)
    granted: list[T] = []
    refused: Counter[str] = Counter()
    for result in results:
        if isinstance(result, Refusal):
            refused[result.code] += 1
        elif isinstance(result, BaseException):
            raise result
        else:
            granted.append(result)
    return granted, refused


@pytest.mark.requirement("R4", "X01")
async def test_fifty_presenters_of_one_token_get_one_successor(scene: Scene) -> None:
    """One rotates, the others are handed the same generation; the row has moved once."""
    token = await scene.login(await scene.account())
    granted, refused = await outcomes(scene.present(token, at=NOW, node=i) for i in range(50))
    assert not refused
    assert {rotation.generation for rotation in granted} == {1}
    verdicts = Counter(rotation.verdict for rotation in granted)
    assert verdicts == {Verdict.ROTATED: 1, Verdict.REPLAYED: 49}
    assert await scene.rows("SELECT gen FROM sessions") == [(1,)]
    assert len(await scene.events("refresh_replayed")) == 49


@pytest.mark.requirement("R3", "R4", "X01")
async def test_sixteen_presenters_of_a_stolen_token_are_one_revocation(scene: Scene) -> None:
    """One entry and one event, whoever was first; everybody else finds the session dead."""
    token = await scene.login(await scene.account())
    await scene.present(token, at=NOW)
    granted, refused = await outcomes(scene.present(token, at=NOW + GRACE, node=i) for i in range(16))
    assert granted == []
    assert refused == {"refresh_reused": 1, "session_revoked": 15}
    assert await scene.feed() == numbered(session_entry(token))
    assert len(await scene.events("refresh_reused")) == 1


async def test_thief_and_victim_at_once_leave_no_session_behind(scene: Scene) -> None:
    """Whichever comes first, once both the old and the new token were shown the session is over."""
    hanako = await scene.account()
    for _ in range(10):
        token = await scene.login(hanako)
        await scene.present(token, at=NOW)
        late = NOW + GRACE
        await outcomes(scene.present(token.at(i % 2), at=late, node=i // 2) for i in range(8))
        assert await scene.store.list_sessions(hanako.id, now=late) == []


async def test_a_password_change_during_logins_leaves_no_stray_session(scene: Scene) -> None:
    """A session is opened before the change and ended by it, or not at all."""
    hanako = await scene.account()
    for turn in range(12):
        old, new = (HASH if turn == 0 else f"hash {turn}"), f"hash {turn + 1}"
        logins = [scene.open(hanako, checked=old, node=i) for i in range(12)]
        change = scene.node(turn).change_password(
            hanako.id,
            checked=old,
            new=new,
            keep_session=None,
            now=NOW,
            forgive=(),
            event=scene.event("password_changed"),
        )
        *_, changed = await asyncio.gather(*logins[:6], *logins[6:], change)
        assert changed is True
        assert await scene.store.list_sessions(hanako.id, now=NOW) == []


@pytest.mark.requirement("X07")
async def test_disabling_during_logins_and_refreshes_lets_nothing_live_on(scene: Scene) -> None:
    """Whatever was minted carries a number below the entry's; afterwards there is no session."""
    hanako = await scene.account()
    for turn in range(8):
        tokens = [await scene.login(hanako) for _ in range(4)]
        disable = scene.node(turn).set_status(
            hanako.id, "disabled", now=NOW, event=scene.event("account_disabled")
        )
        acts = [scene.open(hanako, node=i) for i in range(4)]
        refreshes = [scene.present(token, at=NOW, node=i) for i, token in enumerate(tokens)]
        (opened, (refreshed, refused), _) = await asyncio.gather(
            asyncio.gather(*acts), outcomes(refreshes), disable
        )
        assert set(refused) <= {"session_revoked"}
        entry = (await scene.feed())[-1][0]
        minted = [grant.rights.rv for grant, _ in opened if grant is not None]
        minted += [rotation.grant.rights.rv for rotation in refreshed]
        assert all(int(rv.partition(".")[2]) < entry for rv in minted), minted
        assert await scene.store.list_sessions(hanako.id, now=NOW) == []
        await scene.store.set_status(hanako.id, "active", now=NOW, event=scene.event("account_enabled"))


async def test_fifty_attempts_at_once_admit_exactly_the_free_ones(scene: Scene) -> None:
    """A thousand parallel guesses get no further than one after another would."""
    bucket, other = Bucket("account", "hanako@example.com"), Bucket("network", "192.0.2.1")
    buckets = [[bucket, other], [other, bucket]]
    granted, refused = await outcomes(scene.node(i).attempt(buckets[i % 2], now=NOW) for i in range(50))
    assert len(granted) == bucket.policy.free
    assert refused == {"rate_limited": 50 - bucket.policy.free}
    counts = await scene.rows("SELECT failures FROM throttle")
    assert counts == [(bucket.policy.free,)] * 2


async def test_one_address_taken_by_twenty_at_once_is_one_account(scene: Scene) -> None:
    """One registers, nineteen are told that the address is taken."""

    async def register(node: int) -> None:
        account = replace(hanako, id=scene.id(), email="new@example.com")
        await scene.node(node).add_account(account, HASH, event=scene.event("account_created"))

    hanako = await scene.account()
    granted, refused = await outcomes(register(i) for i in range(20))
    assert (len(granted), refused) == (1, {"email_taken": 19})


async def test_numbers_are_gapless_and_appear_in_their_order(scene: Scene) -> None:
    """Whoever follows the feed sees a prefix without a hole at any time, though some transactions fail."""
    hanako = await scene.account()
    tokens = [await scene.login(hanako) for _ in range(40)]
    done = asyncio.Event()

    def fails() -> Operation[None]:
        yield from revocations.publish([Entry("user", "nobody", "stale")] * 3, now=NOW)
        raise Refusal("conflict")

    async def revoke(index: int) -> None:
        event = scene.event("session_revoked")
        end = scene.node(index).end_session
        await end(tokens[index].session_id, user_id=None, why="revoked", now=NOW, event=event)

    async def follow() -> int:
        looks = 0
        while not done.is_set():
            seen = [number for number, _, _ in await scene.feed()]
            assert seen == list(range(1, len(seen) + 1))
            looks += 1
        return looks

    follower = asyncio.create_task(follow())
    failing = [scene.node(i).engine.write(fails) for i in range(20)]
    _, refused = await outcomes([*(revoke(i) for i in range(40)), *failing])
    done.set()
    assert await follower > 0
    assert refused == {"conflict": 20}
    feed = await scene.feed()
    assert [number for number, _, _ in feed] == list(range(1, 41))
    assert {key for _, key, _ in feed} == {session_entry(token).key for token in tokens}
    assert await scene.rows("SELECT seq FROM feed_head") == [(40,)]


async def test_rights_and_their_number_are_of_one_snapshot(scene: Scene) -> None:
    """A role changes at every number, so the number says whether it is held, whoever asks in whichever way.

    Hence a token minted with the old role always has a number below the change's entry.
    """
    hanako = await scene.account()
    tokens = [await scene.login(hanako) for _ in range(4)]
    done = asyncio.Event()
    seen: list[Rights] = []

    async def change() -> None:
        for turn in range(20):
            node = scene.node(turn)
            await node.grant_role(hanako.id, "admin", now=NOW, event=scene.event("role_granted"))
            await node.revoke_role(hanako.id, "admin", now=NOW, event=scene.event("role_revoked"))
        done.set()

    async def mint(index: int) -> None:
        token, node, at = tokens[index], scene.node(index), NOW
        while not done.is_set():
            rotation = await scene.present(token, at=at, node=index)
            token, at = token.at(rotation.generation), at + GRACE
            live = await node.live_session(token.session_id, user_id=hanako.id, now=at)
            grant, _ = await scene.open(hanako, node=index)
            assert grant is not None
            seen.extend([rotation.grant.rights, live.rights, grant.rights, await node.rights_of(hanako.id)])

    await asyncio.gather(change(), *(mint(i) for i in range(len(tokens))))
    numbers = {int(rights.rv.partition(".")[2]) for rights in seen}
    assert len(numbers) > 5, "the race was none"
    for rights in seen:
        assert (rights.roles == ("admin",)) == (int(rights.rv.partition(".")[2]) % 2 == 1), rights


async def test_one_grant_of_many_at_once_counts(scene: Scene) -> None:
    """The same role granted by ten publishes one entry; the others are told that nothing changed."""
    hanako = await scene.account()
    changed = await asyncio.gather(
        *(
            scene.node(i).grant_role(hanako.id, "admin", now=NOW, event=scene.event("role_granted"))
            for i in range(10)
        )
    )
    assert Counter(changed) == {True: 1, False: 9}
    assert await scene.feed() == numbered(Entry("user", hanako.id, "stale"))


async def test_an_account_deleted_among_its_own_changes_leaves_no_rows(scene: Scene) -> None:
    """Whoever comes too late is told that it is not there; nothing is left that names it."""
    for turn in range(6):
        person = await scene.account(f"{turn}@example.com")
        roles = [
            scene.node(i).grant_role(person.id, f"role{i}", now=NOW, event=scene.event("role_granted"))
            for i in range(8)
        ]
        opened = [scene.open(person, node=i) for i in range(4)]
        delete = scene.node(turn).delete_account(person.id, now=NOW, event=scene.event("account_deleted"))
        (_, refused), _, deleted = await asyncio.gather(outcomes(roles), asyncio.gather(*opened), delete)
        assert set(refused) <= {"not_found"}
        assert deleted
        assert await scene.rows("SELECT user_id FROM user_roles") == []
        assert await scene.rows("SELECT id FROM sessions") == []
