"""The refresh table: each row, from the top."""

import pytest

from sekisho.rules.refresh import Family, Presented, Verdict, present
from sekisho.rules.session import Lifetimes, Mode

GRACE = 10.0
KEY = b"k" * 32
#: Rotated at 1000 from generation 4 to 5, by a client that had chosen KEY.
FAMILY = Family(5, 1000.0, 4, KEY)


def decide(family: Family, generation: int, *, now: float, key: bytes | None = None) -> Presented:
    """`present` with the grace of this file."""
    return present(family, generation=generation, retry_digest=key, now=now, grace=GRACE)


@pytest.mark.parametrize("key", [None, b"other"])
def test_current_within_the_grace_is_not_rotated(key: bytes | None) -> None:
    """A second page load gets the same refresh token and only a fresh access token."""
    assert decide(FAMILY, 5, now=1009.999, key=key) == Presented(Verdict.CURRENT, FAMILY)


def test_the_grace_ends_at_its_exact_second() -> None:
    """At rotation plus grace the window is over: the current one rotates, the one before is reuse."""
    assert decide(FAMILY, 5, now=1010.0).verdict is Verdict.ROTATED
    assert decide(FAMILY, 4, now=1010.0).verdict is Verdict.REUSED
    assert decide(FAMILY, 4, now=1009.999).verdict is Verdict.REPLAYED


def test_a_fresh_login_rotates_at_once() -> None:
    """There is no grace before the first rotation."""
    assert decide(Family(0), 0, now=1000.0, key=KEY) == Presented(Verdict.ROTATED, Family(1, 1000.0, 0, KEY))


def test_the_ordinary_rotation_remembers_the_key_it_came_with() -> None:
    """The next generation, rotated now, and the key of this request or none."""
    assert decide(FAMILY, 5, now=2000.0, key=b"new").family == Family(6, 2000.0, 5, b"new")
    assert decide(FAMILY, 5, now=2000.0).family == Family(6, 2000.0, 5, None)


def test_a_racing_tab_gets_the_same_successor() -> None:
    """The one before, within the grace: nothing changes, so the successor is the same bytes."""
    assert decide(FAMILY, 4, now=1005.0) == Presented(Verdict.REPLAYED, FAMILY)


@pytest.mark.requirement("R9")
@pytest.mark.parametrize("later", [11.0, 86_400.0 * 6])
def test_a_lost_response_is_recovered_by_its_key_at_any_time(later: float) -> None:
    """A new successor, and the retry state is kept, so that the recovery may be lost as well."""
    presented = decide(FAMILY, 4, now=1000.0 + later, key=KEY)
    assert presented == Presented(Verdict.RECOVERED, Family(6, 1000.0 + later, 4, KEY))
    again = decide(presented.family, 4, now=1000.0 + 2 * later, key=KEY)
    assert again.family == Family(7, 1000.0 + 2 * later, 4, KEY)


@pytest.mark.requirement("R3", "X10")
@pytest.mark.parametrize("key", [None, b"guess"])
def test_the_key_must_be_the_one_chosen_beforehand(key: bytes | None) -> None:
    """Without it, a spent token outside the grace is reuse."""
    assert decide(FAMILY, 4, now=1011.0, key=key) == Presented(Verdict.REUSED, FAMILY)


@pytest.mark.requirement("R3", "X10")
def test_no_key_never_equals_no_key() -> None:
    """A rotation without a key can be recovered by nobody."""
    assert decide(Family(5, 1000.0, 4, None), 4, now=1011.0, key=None).verdict is Verdict.REUSED


@pytest.mark.parametrize("generation", [6, 9])
def test_a_row_that_fell_back_goes_on_from_the_token(generation: int) -> None:
    """Only we can have sealed a later generation: a failover logs nobody out."""
    assert decide(FAMILY, generation, now=1001.0, key=b"n") == Presented(
        Verdict.AHEAD, Family(generation + 1, 1001.0, generation, b"n")
    )


@pytest.mark.requirement("R3")
@pytest.mark.parametrize("generation", [0, 3])
def test_two_generations_back_is_reuse_even_within_the_grace(generation: int) -> None:
    """Only the immediate predecessor may race."""
    assert decide(FAMILY, generation, now=1000.5, key=None).verdict is Verdict.REUSED


def test_without_grace_nothing_is_within_it() -> None:
    """Zero switches the tolerance off, at the very instant of the rotation too."""
    assert present(FAMILY, generation=5, retry_digest=None, now=1000.0, grace=0.0).verdict is Verdict.ROTATED
    assert present(FAMILY, generation=4, retry_digest=None, now=1000.0, grace=0.0).verdict is Verdict.REUSED


@pytest.mark.requirement("R5")
def test_a_clock_that_was_set_back_does_not_stretch_the_grace() -> None:
    """A node a moment behind is within it; an hour set back is over, and without grace nothing is within."""
    assert decide(FAMILY, 4, now=990.001).verdict is Verdict.REPLAYED
    assert decide(FAMILY, 4, now=990.0).verdict is Verdict.REUSED
    assert decide(FAMILY, 5, now=990.0).verdict is Verdict.ROTATED
    assert present(FAMILY, generation=4, retry_digest=None, now=999.0, grace=0.0).verdict is Verdict.REUSED


@pytest.mark.requirement("R5")
def test_two_tabs_recover_to_the_same_successor() -> None:
    """Within the grace of a recovery the same proof gets the same successor; no tab is left behind."""
    first = decide(FAMILY, 4, now=2000.0, key=KEY)
    assert first == Presented(Verdict.RECOVERED, Family(6, 2000.0, 4, KEY))
    assert decide(first.family, 4, now=2009.999, key=KEY) == Presented(Verdict.REPLAYED, first.family)
    assert decide(first.family, 4, now=2010.0, key=KEY).verdict is Verdict.RECOVERED
    assert decide(first.family, 4, now=2000.0, key=b"guess").verdict is Verdict.REUSED


@pytest.mark.requirement("R5")
def test_a_token_may_settle_for_longer_than_the_grace() -> None:
    """The newest is left alone until its exact second; the one before is reuse once the grace is over."""

    def presented(generation: int, now: float) -> Verdict:
        settling = 2 * GRACE
        return present(
            FAMILY, generation=generation, retry_digest=None, now=now, grace=GRACE, settling=settling
        ).verdict

    assert presented(5, 1019.999) is Verdict.CURRENT
    assert presented(5, 1020.0) is Verdict.ROTATED
    assert presented(4, 1009.999) is Verdict.REPLAYED
    assert presented(4, 1010.0) is Verdict.REUSED


@pytest.mark.parametrize(("mode", "seconds"), [("browser", 20.0), ("token", 10.0)])
def test_only_a_cookie_settles_for_longer(mode: Mode, seconds: float) -> None:
    """A program reads its answers in order; a browser keeps whichever cookie came last."""
    lifetimes = Lifetimes(access=1.0, refresh=1.0, idle=1.0, session=1.0, grace=GRACE)
    assert lifetimes.settling(mode) == seconds
