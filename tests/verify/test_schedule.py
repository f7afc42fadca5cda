"""When keys are loaded again, told by an injected clock to the very second."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho_verify.schedule import FEED_THROTTLE, FIRST_RETRY, LAST_RETRY, THROTTLE, Schedule

DICE = st.floats(0, 1, exclude_max=True)
NEW = Schedule(every=300.0, max_stale=86400.0)


def loaded_at(begun: float, *, done: float | None = None, dice: float = 1.0) -> Schedule:
    """A schedule after one good load."""
    return NEW.begun(begun).succeeded(begun if done is None else done, dice=dice)


def test_what_was_never_loaded_is_due_and_of_no_use() -> None:
    """A new schedule wants a load at any time, and has nothing to be used."""
    assert NEW.due < -1e9
    assert NEW.age(0.0) == inf
    assert NEW.remaining(0.0) == -inf


@given(dice=DICE)
def test_the_next_load_runs_ahead(dice: float) -> None:
    """After a good load the next is due within the last tenth of the period, spread by the dice."""
    assert 1270 <= loaded_at(1000, dice=dice).due <= 1300
    assert loaded_at(1000, dice=0.0).due == 1270
    assert loaded_at(1000, dice=1.0).due == 1300


def test_age_counts_from_when_the_load_began() -> None:
    """What a slow answer says was true when it was asked for at the latest, not when it came."""
    schedule = loaded_at(1000, done=1004)
    assert schedule.age(1010) == 10
    assert schedule.remaining(1010) == 86390
    assert schedule.due == 1304


@pytest.mark.requirement("J21")
def test_the_stale_bound_is_exact() -> None:
    """In the very second of the bound nothing remains, however many loads have failed until then."""
    schedule = loaded_at(1000)
    for _ in range(50):
        schedule = schedule.begun(5000).failed(5000, dice=0.5)
    assert schedule.remaining(1000 + 86399.5) == 0.5
    assert schedule.remaining(1000 + 86400) == 0


def test_failures_wait_longer_each_time_up_to_a_bound() -> None:
    """The pauses double from one second to a minute; a good load begins anew."""
    schedule, pauses = NEW, []
    for _ in range(9):
        schedule = schedule.begun(0).failed(0, dice=1.0)
        pauses.append(schedule.due)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert pauses[0] == FIRST_RETRY
    assert pauses[-1] == LAST_RETRY
    assert schedule.begun(100).succeeded(100, dice=1.0).failed(400, dice=1.0).due == 401


@given(failures=st.integers(0, 10**6), dice=DICE)
def test_a_pause_after_a_failure_is_spread_and_never_longer_than_the_period(
    failures: int, dice: float
) -> None:
    """Half of each pause is left to the dice, and years of failures overflow nothing."""
    schedule = Schedule(every=20.0, max_stale=60.0, failures=failures).failed(0, dice=dice)
    full = min(2.0 ** min(failures, 30), 20.0)
    assert full / 2 <= schedule.due <= full


def test_what_is_missed_is_loaded_at_once_if_the_last_load_is_long_ago() -> None:
    """An unknown key brings the next load forward to now, and never puts it off."""
    schedule = loaded_at(1000)
    assert schedule.wanted(1100).due == 1100
    assert schedule.wanted(1000.5).due == 1010
    assert schedule.wanted(5000).due == 1300
    assert schedule.wanted(1100).wanted(1200).due == 1100
    assert schedule.wanted(1000.5, throttle=FEED_THROTTLE).due == 1001


@pytest.mark.requirement("V26")
@given(storm=st.lists(st.integers(0, 16), max_size=300), dice=DICE)
def test_a_storm_of_unknown_keys_causes_a_bounded_number_of_loads(storm: list[int], dice: float) -> None:
    """Whatever comes, two loads are THROTTLE seconds apart: what strangers invent costs the issuer little."""
    now, schedule, began = 1000.0, loaded_at(1000), [1000.0]
    for pause in storm:
        now += pause / 8  # so that sums are exact
        schedule = schedule.wanted(now)
        if schedule.due <= now:
            began.append(now)
            schedule = schedule.begun(now).succeeded(now, dice=dice)
    assert all(later - earlier >= THROTTLE for earlier, later in pairwise(began))
    assert len(began) <= 1 + (now - 1000) / THROTTLE


def test_a_start_does_not_wait_for_a_pause() -> None:
    """Who starts anew after failures loads at once, and one that is due already stays so."""
    failed = NEW.begun(1000).failed(1000, dice=1.0)
    assert failed.due == 1001
    assert failed.at_once(1000.2).due == 1000.2
    assert NEW.at_once(1000).due < 1000


def test_what_is_found_elsewhere_has_its_age() -> None:
    """Keys of an earlier life count from when they had been loaded then."""
    schedule = NEW.begun(1000).failed(1000, dice=1.0).restored(1000, age=86000)
    assert (schedule.age(1000), schedule.remaining(1000)) == (86000, 400)
    assert schedule.due == 1001
