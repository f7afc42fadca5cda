"""The races once more, the hot statements under SERIALIZABLE: the level of CockroachDB, which we have not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.conformance.scene import GRACE, NOW
from tests.conformance.test_races import (
    test_a_password_change_during_logins_leaves_no_stray_session,
    test_an_account_deleted_among_its_own_changes_leaves_no_rows,
    test_disabling_during_logins_and_refreshes_lets_nothing_live_on,
    test_fifty_attempts_at_once_admit_exactly_the_free_ones,
    test_fifty_presenters_of_one_token_get_one_successor,
    test_numbers_are_gapless_and_appear_in_their_order,
    test_rights_and_their_number_are_of_one_snapshot,
    test_sixteen_presenters_of_a_stolen_token_are_one_revocation,
    test_thief_and_victim_at_once_leave_no_session_behind,
)
from tests.parts.postgres_nodes import migrated, nodes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sekisho.rules.session import Rotation
    from tests.conformance.scene import Scene
    from tests.parts.postgres import PostgresServer

__all__ = [
    "test_a_password_change_during_logins_leaves_no_stray_session",
    "test_an_account_deleted_among_its_own_changes_leaves_no_rows",
    "test_disabling_during_logins_and_refreshes_lets_nothing_live_on",
    "test_fifty_attempts_at_once_admit_exactly_the_free_ones",
    "test_fifty_presenters_of_one_token_get_one_successor",
    "test_numbers_are_gapless_and_appear_in_their_order",
    "test_rights_and_their_number_are_of_one_snapshot",
    "test_sixteen_presenters_of_a_stolen_token_are_one_revocation",
    "test_thief_and_victim_at_once_leave_no_session_behind",
]

pytestmark = pytest.mark.postgres


@pytest.fixture
async def scene(postgres_server: PostgresServer) -> AsyncIterator[Scene]:
    """Two nodes on a database that is serializable by default."""
    url = migrated(postgres_server, settings={"default_transaction_isolation": "serializable"})
    async with nodes(url, count=2) as scene:
        assert await scene.rows("SHOW transaction_isolation") == [("serializable",)]
        yield scene


async def test_a_crowd_at_both_nodes_loses_nobody(scene: Scene) -> None:
    """Thirty sessions, each asked for three times at once, and that twice: one successor each time.

    The statements of both nodes decide the same rows, so that they collide and are run again.
    """
    crowd = 30
    hanako = await scene.account()
    tokens = [await scene.login(hanako) for _ in range(crowd)]
    for generation in range(2):
        at = NOW + generation * 2 * GRACE
        asked = [(token.at(generation), node) for node in (0, 1, 1) for token in tokens]
        answers = await asyncio.gather(*[scene.present(token, at=at, node=node) for token, node in asked])
        of: dict[str, list[Rotation]] = {token.session_id: [] for token in tokens}
        for answer in answers:
            of[answer.grant.session_id].append(answer)
        assert {each.generation for each in answers} == {generation + 1}
        assert {tuple(sorted(each.verdict for each in same)) for same in of.values()} == {
            ("replayed", "replayed", "rotated")
        }
    kept = await scene.rows("SELECT gen, revoked_at FROM sessions")
    assert kept == [(2, None)] * crowd
