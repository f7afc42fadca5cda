"""A token with the old rights is refused after a change, one with the new rights is not, however close."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.parts.mint_race import Judged, by_number, race

if TYPE_CHECKING:
    from tests.conformance.scene import Scene


@pytest.mark.requirement("J19")
async def test_no_stale_token_is_accepted_and_no_good_one_refused(scene: Scene) -> None:
    """Six who refresh against two who change roles on two nodes: every token is told apart by its number."""
    history = await race(scene, accounts=2, minters=3, changes=30, clock=time.monotonic)
    assert history.stale > 20 < history.good, "the race was none"
    assert history.judge(by_number) == Judged(stale_accepted=0, good_refused=0)


@pytest.mark.long
@pytest.mark.requirement("J19")
async def test_the_same_in_a_storm(scene: Scene) -> None:
    """Twelve against four, and six hundred changes."""
    history = await race(scene, accounts=4, minters=3, changes=150, clock=time.monotonic)
    assert history.stale > 500 < history.good, "the race was none"
    assert history.judge(by_number) == Judged(stale_accepted=0, good_refused=0)
