"""Signing keys in the database: every step is taken once, whoever takes it at the same moment."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from sekisho.rules.events import Event
from sekisho.rules.keyring import (
    Add,
    AddFirst,
    Drop,
    KeyRecords,
    KeyStep,
    Reseal,
    Retire,
    RetiredKey,
    SealedKey,
    SignFrom,
)
from sekisho.rules.revocation import Entry
from tests.conformance.scene import NOW, Scene, numbered

FIRST = SealedKey("first", "ES256", NOW - 500.125, NOW - 500.125, b"\x00sealed")
NEXT = SealedKey("next", "EdDSA", NOW, NOW + 420, b"\xff")
OTHER = SealedKey("other", "ES256", NOW, NOW, b"")


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("postgres serializable", marks=pytest.mark.postgres),
    ]
)
def database(request: pytest.FixtureRequest) -> str:
    """The engines; serializable stands in for CockroachDB, where 40001 is ordinary."""
    name: str = request.param
    return name


async def take(scene: Scene, step: KeyStep, *, node: int = 0, at: float = NOW) -> KeyRecords:
    """Take a step, and put `signing_key_promoted` on record for whatever it was."""
    event = replace(scene.event("signing_key_promoted", at=at), about={"kid": "any"})
    return await scene.node(node).change_keys(step, now=at, recorded=[event])


async def steps_taken(scene: Scene) -> int:
    """How many steps did anything."""
    return len(await scene.events("signing_key_promoted"))


def retired(key: SealedKey, *, compromised: bool = False, at: float = NOW) -> RetiredKey:
    """How that key is remembered."""
    return RetiredKey(key.kid, key.alg, f"thumbprint of {key.kid}", at, compromised)


async def test_the_first_keys_are_kept_only_where_there_are_none(scene: Scene) -> None:
    """All fields come back, in the order given; also where the one that was first is gone."""
    assert await scene.store.signing_keys() == KeyRecords()
    assert (await take(scene, AddFirst((FIRST, NEXT)))).keys == (FIRST, NEXT)
    assert (await take(scene, AddFirst((OTHER,)))).keys == (FIRST, NEXT)
    await take(scene, Drop(("first",)))
    assert (await take(scene, AddFirst((OTHER,)))).keys == (NEXT,)
    assert await steps_taken(scene) == 2


async def test_a_key_of_the_release_before_signs_from_its_first_moment(scene: Scene) -> None:
    """Nodes of that release go on adding rows without the new column while the two run side by side."""
    await take(scene, AddFirst((FIRST,)))
    await scene.change("UPDATE signing_keys SET signs_at = NULL")
    assert (await scene.store.signing_keys()).keys == (FIRST,)
    assert (await take(scene, SignFrom("first", NOW))).keys == (FIRST,), "it signs already"


async def test_nodes_that_start_at_once_keep_one_key(scene: Scene) -> None:
    """Eight first keys at once: one stands, and one event tells of it."""
    keys = [replace(OTHER, kid=f"kid{i}", sealed=bytes([i])) for i in range(8)]
    stands = await asyncio.gather(*(take(scene, AddFirst((key,)), node=i) for i, key in enumerate(keys)))
    assert len({records.keys for records in stands}) == 1
    assert len(stands[0].keys) == 1
    assert await steps_taken(scene) == 1


async def test_nodes_that_rotate_at_once_add_one_key(scene: Scene) -> None:
    """Eight next keys after the same one: one is pending, all are told which, and it is told once."""
    await take(scene, AddFirst((FIRST,)))
    keys = [replace(NEXT, kid=f"kid{i}") for i in range(8)]
    adds = [take(scene, Add(key, after="first"), node=i) for i, key in enumerate(keys)]
    stands = await asyncio.gather(*adds)
    assert len({records.keys for records in stands}) == 1
    assert len(stands[0].keys) == 2
    assert await steps_taken(scene) == 2
    after_a_key_that_is_not_the_newest = await take(scene, Add(OTHER, after="first"))
    assert after_a_key_that_is_not_the_newest == stands[0]
    assert (await take(scene, Add(OTHER, after="nobody"))) == stands[0]


async def test_a_gap_behind_a_key_is_no_place_for_the_next(scene: Scene) -> None:
    """Who still takes an old key for the newest adds nothing, also where the one after it was retired."""
    await take(scene, AddFirst((FIRST, OTHER, NEXT)))
    await take(scene, Retire(retired(OTHER), None))
    stands = await take(scene, Add(replace(OTHER, kid="late"), after="first"))
    assert [key.kid for key in stands.keys] == ["first", "next"]


async def test_a_pending_key_is_brought_forward_and_never_put_off(scene: Scene) -> None:
    """Once; to a later moment it is not moved."""
    await take(scene, AddFirst((FIRST, NEXT)))
    forward = (FIRST, replace(NEXT, signs_at=NOW + 1))
    assert (await take(scene, SignFrom("next", NOW + 1))).keys == forward
    assert (await take(scene, SignFrom("next", NOW + 1))).keys == forward
    assert (await take(scene, SignFrom("next", NOW + 2))).keys == forward
    assert await steps_taken(scene) == 2


async def test_a_seal_is_replaced_only_while_it_is_the_one_that_was_read(scene: Scene) -> None:
    """Two nodes that put a key under a new seal at once: one does, and neither undoes the other."""
    await take(scene, AddFirst((FIRST,)))
    new = [b"by one", b"by the other"]
    steps = [Reseal("first", FIRST.sealed, sealed) for sealed in new]
    await asyncio.gather(*(take(scene, step, node=i) for i, step in enumerate(steps)))
    (key,) = (await scene.store.signing_keys()).keys
    assert key.sealed in new
    assert await steps_taken(scene) == 2


async def test_what_is_dropped_is_gone(scene: Scene) -> None:
    """And to drop it again is to do nothing."""
    await take(scene, AddFirst((FIRST, NEXT)))
    assert (await take(scene, Drop(("first", "nobody")))).keys == (NEXT,)
    assert (await take(scene, Drop(("first",)))).keys == (NEXT,)
    assert await steps_taken(scene) == 2


async def test_a_key_that_is_retired_is_remembered(scene: Scene) -> None:
    """By its thumbprint, once; without a leak nothing is published."""
    await take(scene, AddFirst((FIRST, OTHER)))
    stands = await take(scene, Retire(retired(FIRST), None))
    assert stands == KeyRecords((OTHER,), (retired(FIRST),))
    assert await take(scene, Retire(retired(FIRST, at=NOW + 1), None)) == stands
    assert await steps_taken(scene) == 2
    assert await scene.feed() == []


@pytest.mark.requirement("A12")
async def test_a_key_that_leaked_is_published_for_good(scene: Scene) -> None:
    """In the same act; also one that was retired before anybody knew; and no sweep takes the entry away."""
    await take(scene, AddFirst((FIRST, OTHER)))
    await take(scene, Retire(retired(FIRST), None))
    leaked = retired(FIRST, compromised=True, at=NOW + 1)
    assert (await take(scene, Retire(leaked, None))).retired == (leaked,)
    entry = Entry("key", "first", "revoked")
    assert await scene.feed() == numbered(entry)
    assert (await take(scene, Retire(retired(FIRST, at=NOW + 2), None))).retired == (leaked,)
    assert await scene.feed() == numbered(entry)
    ended = Entry("session", "s", "revoked")
    await scene.store.publish([ended], now=NOW, event=scene.event("session_revoked"))
    assert await scene.store.sweep(now=NOW + 10**9, entry_horizon=0, limit=1) > 0
    assert await scene.feed() == numbered(entry)


async def test_what_was_swept_behind_an_entry_that_stays_is_noticed(scene: Scene) -> None:
    """A reader that stands before the hole is sent to the snapshot, and never told that it has everything."""
    leaked = Retire(retired(FIRST, compromised=True), None)
    await take(scene, leaked)
    for i in range(3):
        ended = Entry("session", f"s{i}", "revoked")
        await scene.store.publish([ended], now=NOW + i, event=scene.event("session_revoked"))
    await scene.store.sweep(now=NOW + 1, entry_horizon=0, limit=10)
    assert [number for number, _, _ in await scene.feed()] == [1, 4]
    assert await scene.store.feed_behind(0, epoch=1, as_of=NOW, limit=10) is None
    assert await scene.store.feed_behind(3, epoch=1, as_of=NOW, limit=10) is not None


@pytest.mark.parametrize("signs_at", [NOW - 1, NOW])
async def test_the_successor_takes_over_from_the_key_that_signs(scene: Scene, signs_at: float) -> None:
    """In the same act, so no moment is without a key; and its arrival is on record."""
    await take(scene, AddFirst((replace(FIRST, signs_at=NOW - 2), replace(NEXT, signs_at=signs_at))))
    added = Event("signing_key_added", NOW, scene.id(), about={"kid": "other", "alg": "ES256"})
    step = Retire(retired(NEXT, compromised=True), OTHER)
    stands = await scene.store.change_keys(step, now=NOW, recorded=[added])
    assert [key.kid for key in stands.keys] == ["first", "other"]
    assert await scene.events("signing_key_added") == [added]


async def test_the_pending_key_takes_over_where_there_is_one(scene: Scene) -> None:
    """Verifiers know it already; the successor is neither kept nor put on record."""
    await take(scene, AddFirst((FIRST, NEXT)))
    added = Event("signing_key_added", NOW, scene.id(), about={"kid": "other", "alg": "ES256"})
    step = Retire(retired(FIRST, compromised=True), OTHER)
    stands = await scene.store.change_keys(step, now=NOW, recorded=[added])
    assert stands.keys == (replace(NEXT, signs_at=NOW),)
    assert await scene.events("signing_key_added") == []


@pytest.mark.parametrize("gone", [FIRST, NEXT])
async def test_a_key_that_does_not_sign_has_no_successor(scene: Scene, gone: SealedKey) -> None:
    """A previous or a pending one goes, and the one that signs goes on."""
    await take(scene, AddFirst((FIRST, OTHER, NEXT)))
    stands = await take(scene, Retire(retired(gone), replace(OTHER, kid="unwanted")))
    assert stands.keys == tuple(key for key in (FIRST, OTHER, NEXT) if key is not gone)


async def test_a_leak_and_rotations_at_once_leave_one_key_that_signs(scene: Scene) -> None:
    """Whichever comes first, the leaked key is gone, a later one signs now, and none signs beside it."""
    for turn in range(6):
        await scene.change("DELETE FROM signing_keys")
        first = replace(FIRST, kid=f"first{turn}")
        await take(scene, AddFirst((first,)))
        successors = [replace(OTHER, kid=f"successor{turn}-{i}") for i in range(2)]
        pending = replace(NEXT, kid=f"next{turn}")
        acts = [
            *(
                take(scene, Retire(retired(first, compromised=True), successor), node=i)
                for i, successor in enumerate(successors)
            ),
            *(
                take(scene, Add(replace(pending, kid=f"{pending.kid}-{i}"), after=first.kid), node=i)
                for i in range(2)
            ),
        ]
        await asyncio.gather(*acts[turn % 2 :], *acts[: turn % 2])
        keys = (await scene.store.signing_keys()).keys
        assert first.kid not in {key.kid for key in keys}
        assert [key.signs_at for key in keys] == [NOW], keys
