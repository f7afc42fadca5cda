"""Refreshes that come at the same time: one statement for all, and nobody pays for another's trouble."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
import pytest

from sekisho.adapters.postgres import rotating
from sekisho.rules.refusals import Refusal
from sekisho.rules.session import Client
from tests.conformance.scene import GRACE, NOW
from tests.parts.postgres_nodes import Hand

if TYPE_CHECKING:
    from sekisho.rules.refresh import RefreshToken
    from tests.conformance.scene import Scene

pytestmark = pytest.mark.postgres

_CROWD = 40
#: Rows that one statement wrote carry the number of its transaction.
_STATEMENTS = "SELECT COUNT(DISTINCT xmin::text), COUNT(*) FROM sessions WHERE gen = 1"


async def _tokens(scene: Scene, count: int) -> list[RefreshToken]:
    hanako = await scene.account()
    return [await scene.login(hanako) for _ in range(count)]


async def test_a_crowd_is_rotated_by_few_statements(scene: Scene, hand: Hand) -> None:
    """Forty sessions at once: each has its own successor, and most of them one transaction."""
    tokens = await _tokens(scene, _CROWD)
    rotations = await asyncio.gather(*[scene.present(token, at=NOW) for token in tokens])
    assert [each.grant.session_id for each in rotations] == [token.session_id for token in tokens]
    assert {(each.verdict, each.generation) for each in rotations} == {("rotated", 1)}
    ((statements, rotated),) = hand.ask(_STATEMENTS)
    assert rotated == _CROWD
    assert statements <= 3


async def test_each_of_a_crowd_keeps_what_is_its_own(scene: Scene, hand: Hand) -> None:
    """Instant, expiry and retry key are those of each request, and not of the one beside it."""
    tokens = await _tokens(scene, 3)
    acts = [
        scene.present(token, at=NOW + index, key=f"key {index}".encode())
        for index, token in enumerate(tokens)
    ]
    rotations = await asyncio.gather(*acts)
    kept = hand.ask("SELECT id::text, rotated_at, refresh_expires_at, retry_key IS NOT NULL FROM sessions")
    expected = {
        (token.session_id, NOW + index, rotations[index].grant.refresh_expires_at, True)
        for index, token in enumerate(tokens)
    }
    assert set(kept) == expected
    assert len({expires_at for _, _, expires_at, _ in kept}) == 3
    lost = await asyncio.gather(
        *[
            scene.present(token, at=NOW + 10 * GRACE, key=f"key {index}".encode())
            for index, token in enumerate(tokens)
        ]
    )
    assert {each.verdict for each in lost} == {"recovered"}


async def test_a_session_that_is_held_holds_nobody_else_up(scene: Scene, hand: Hand) -> None:
    """Others of its crowd are answered while it waits for the lock; then it is too."""
    held, *others = await _tokens(scene, 10)
    hand.hold("SELECT 1 FROM sessions WHERE id = %(id)s FOR UPDATE", id=held.session_id)
    crowd = asyncio.gather(*[scene.present(token, at=NOW) for token in others])
    waiting, _ = await hand.blocked(scene.present(held, at=NOW))
    assert {each.verdict for each in await crowd} == {"rotated"}
    assert not waiting.done()
    hand.let_go()
    assert (await waiting).verdict == "rotated"


async def test_one_session_twice_in_a_crowd_is_a_racing_tab(scene: Scene) -> None:
    """The first is rotated, the others get the same successor, whoever else is there."""
    token, *others = await _tokens(scene, 5)
    same = await asyncio.gather(
        *[scene.present(each, at=NOW) for each in (token, *others[:2], token, *others[2:], token)]
    )
    own = [each for each in same if each.grant.session_id == token.session_id]
    assert sorted(each.verdict for each in own) == ["replayed", "replayed", "rotated"]
    assert {each.generation for each in own} == {1}
    assert [each.verdict for each in same if each not in own] == ["rotated"] * 4
    assert [event.kind for event in await scene.events("refresh_replayed")] == ["refresh_replayed"] * 2


async def test_what_the_database_cannot_take_harms_nobody_else(scene: Scene) -> None:
    """A client whose words cannot be stored is refused alone."""
    bad, *good = await _tokens(scene, 4)
    refused = asyncio.ensure_future(scene.present(bad, at=NOW, client=Client("127.0.0.1", "\0")))
    rotations = await asyncio.gather(*[scene.present(token, at=NOW) for token in good])
    assert [each.verdict for each in rotations] == ["rotated"] * 3
    with pytest.raises(psycopg.DataError):
        await refused


async def test_what_cannot_be_written_down_harms_nobody_else(scene: Scene) -> None:
    """A client whose words are no Unicode is refused alone, and at once."""
    bad, *good = await _tokens(scene, 4)
    refused = asyncio.ensure_future(scene.present(bad, at=NOW, client=Client("127.0.0.1", "\udc80")))
    async with asyncio.timeout(10):
        rotations = await asyncio.gather(*[scene.present(token, at=NOW) for token in good])
        assert [each.verdict for each in rotations] == ["rotated"] * 3
        with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
            await refused


async def test_whoever_has_gone_is_not_rotated(scene: Scene, hand: Hand) -> None:
    """A request that is cancelled before its statement leaves its session as it was, and no place taken."""
    gone, other = await _tokens(scene, 2)
    leaving = asyncio.ensure_future(scene.present(gone, at=NOW))
    await asyncio.sleep(0)
    leaving.cancel()
    with suppress(asyncio.CancelledError):
        await leaving
    assert (await scene.present(other, at=NOW)).verdict == "rotated"
    assert hand.ask("SELECT id::text FROM sessions WHERE gen = 1") == [(other.session_id,)]


async def test_each_of_a_crowd_is_refused_by_a_refusal_of_its_own(scene: Scene) -> None:
    """A database that is not there: one refusal raised many times would carry everybody's traceback."""
    tokens = await _tokens(scene, 3)
    await scene.store.close()
    refused = await asyncio.gather(
        *[scene.present(token, at=NOW) for token in tokens], return_exceptions=True
    )
    assert [str(each) for each in refused] == ["unavailable: the database is not open"] * 3
    assert len({id(each) for each in refused}) == 3


async def test_who_gives_up_takes_nobody_along(scene: Scene) -> None:
    """A request that is cancelled while it waits leaves the others their answers, and the next theirs."""
    gone, *others = await _tokens(scene, 4)
    leaving = asyncio.ensure_future(scene.present(gone, at=NOW))
    crowd = asyncio.gather(*[scene.present(token, at=NOW) for token in others])
    await asyncio.sleep(0)
    leaving.cancel()
    with suppress(asyncio.CancelledError):
        await leaving
    assert leaving.cancelled()
    assert [each.verdict for each in await crowd] == ["rotated"] * 3
    later = await scene.present(others[0].at(1), at=NOW + GRACE)
    assert (later.verdict, later.generation) == ("rotated", 2)


async def test_a_connection_that_went_silent_holds_nobody_else_up(scene: Scene, hand: Hand) -> None:
    """The next statement goes beside the one that does not come back; that one is answered when it does."""
    unlucky, *others = await _tokens(scene, 4)
    hand.hold("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
    waiting, backend = await hand.blocked(scene.present(unlucky, at=NOW))
    os.kill(backend, signal.SIGSTOP)
    try:
        hand.let_go()
        async with asyncio.timeout(10):
            rotations = await asyncio.gather(*[scene.present(token, at=NOW) for token in others])
        assert [each.verdict for each in rotations] == ["rotated"] * 3
        assert not waiting.done()
    finally:
        os.kill(backend, signal.SIGCONT)
    assert (await waiting).verdict == "rotated"


async def test_more_than_can_wait_are_told_to_come_again(
    scene: Scene, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that stands still costs bounded memory: who comes too late is refused, to retry."""
    monkeypatch.setattr(rotating, "_WAITING", 3)
    tokens = await _tokens(scene, 6)
    hand.hold("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
    crowd = [asyncio.ensure_future(scene.present(token, at=NOW)) for token in tokens]
    refused, waiting = await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED)
    assert {str(each.exception()) for each in refused} == {"unavailable: too many refreshes are waiting"}
    assert len(refused) == 3
    hand.let_go()
    assert [rotation.verdict for rotation in await asyncio.gather(*waiting)] == ["rotated"] * 3


async def test_one_who_asks_without_end_takes_nobody_elses_place(scene: Scene, hand: Hand) -> None:
    """A database that stands still: of one session some wait and the rest are refused at once, to retry."""
    token, other = await _tokens(scene, 2)
    hand.hold("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
    crowd = [asyncio.ensure_future(scene.present(token, at=NOW)) for _ in range(800)]
    answered, _ = await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED)
    waiting = asyncio.ensure_future(scene.present(other, at=NOW))
    refusals = [each.exception() for each in answered]
    assert {str(refusal) for refusal in refusals} == {"unavailable: too many refreshes are waiting"}
    assert {refusal.retry_after for refusal in refusals if isinstance(refusal, Refusal)} == {1.0}
    hand.let_go()
    assert (await waiting).verdict == "rotated"
    for each in crowd:
        each.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)
