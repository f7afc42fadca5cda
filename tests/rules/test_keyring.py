"""How keys follow each other: every boundary to the exact second, by a clock that is an argument."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.rules.keyring import (
    JWKS_MAX_AGE,
    LEAD,
    REFRESH,
    KeyTimes,
    SealedKey,
    believed_for,
    gone,
    next_alg,
    next_step,
    rotation_due,
    standings,
)
from sekisho.web.routes_discovery import JWKS_CACHE
from sekisho_verify import HmacKeySource, IssuerKeys
from sekisho_verify.claims import MAX_LEEWAY

NOW = 1_800_000_000.0
DAY = 86_400.0
TIMES = KeyTimes(lead=420.0, believed=1020.0, age=90 * DAY)


def key(kid: str, signs_at: float, published: float | None = None) -> SealedKey:
    """A key that signs from then on."""
    return SealedKey(kid, "ES256", signs_at - 420 if published is None else published, signs_at, b"")


def shown(keys: list[SealedKey], now: float) -> list[tuple[str, str, float | None, float | None]]:
    """How the keys stand, as tuples."""
    return [(each.kid, each.state, each.since, each.until) for each in standings(keys, now=now, times=TIMES)]


@pytest.mark.requirement("A12")
def test_a_rotation_second_by_second() -> None:
    """Published, signing, followed, gone: each begins at its very instant and not before."""
    old, new = key("old", NOW - DAY), key("new", NOW)
    end = NOW + TIMES.believed
    before = [("new", "pending", NOW - 420, NOW), ("old", "current", NOW - DAY, NOW)]
    assert shown([old, new], NOW - 420) == before
    assert shown([old, new], NOW - 0.001) == before
    after = [("new", "current", NOW, None), ("old", "previous", NOW, end)]
    assert shown([old, new], NOW) == after
    assert shown([old, new], end - 0.001) == after
    assert shown([old, new], end) == [("new", "current", NOW, None)]
    assert gone([old, new], now=end - 0.001, times=TIMES) == ()
    assert gone([old, new], now=end, times=TIMES) == ("old",)
    steps = [next_step([old, new], now=now, times=TIMES) for now in (NOW - 1, NOW, end - 1, end)]
    assert steps == [NOW, end, end, inf]


def test_a_key_that_is_brought_forward_ends_the_one_before_sooner() -> None:
    """`--now`: the old one is believed for its whole time from that moment on."""
    old, new = key("old", NOW - DAY), key("new", NOW + 60, published=NOW)
    assert shown([old, new], NOW + 60)[1] == ("old", "previous", NOW + 60, NOW + 60 + TIMES.believed)


def test_two_rotations_within_the_life_of_a_token() -> None:
    """Each of the former keys is believed by its own time; it counts from when it was first followed."""
    keys = [key("a", NOW - DAY), key("b", NOW), key("c", NOW + 100)]
    assert shown(keys, NOW + 100) == [
        ("c", "current", NOW + 100, None),
        ("b", "previous", NOW + 100, NOW + 100 + TIMES.believed),
        ("a", "previous", NOW, NOW + TIMES.believed),
    ]
    assert gone(keys, now=NOW + TIMES.believed, times=TIMES) == ("a",)


def test_a_clock_before_the_first_key() -> None:
    """A machine whose clock went back signs all the same, by the first key, and drops none."""
    keys = [key("a", NOW), key("b", NOW + 10)]
    assert [(kid, state) for kid, state, *_ in shown(keys, NOW - DAY)] == [("b", "pending"), ("a", "current")]
    assert gone(keys, now=NOW - DAY, times=TIMES) == ()
    assert standings([], now=NOW, times=TIMES) == ()


@given(
    st.lists(st.integers(-3000, 3000), min_size=1, max_size=6),
    st.integers(-5000, 8000),
)
def test_there_is_always_one_that_signs(instants: list[int], seconds: int) -> None:
    """Whatever the instants: one current key, the newest that may; it is never among those that are gone."""
    keys = [key(f"k{i}", NOW + at) for i, at in enumerate(instants)]
    now = NOW + seconds
    stands = standings(keys, now=now, times=TIMES)
    (current,) = [each.kid for each in stands if each.state == "current"]
    assert current not in gone(keys, now=now, times=TIMES)
    assert all(later.signs_at > now for later in keys[int(current[1:]) + 1 :])
    assert now < next_step(keys, now=now, times=TIMES)


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=6), st.integers(0, 900), st.integers(0, 9000))
def test_no_token_outlives_the_belief_in_its_key(gaps: list[int], age: int, seconds: int) -> None:
    """A token of the key that signed then, still alive now, names a key that is still believed."""
    keys, at = [], NOW
    for i, gap in enumerate(gaps):
        at += gap
        keys.append(key(f"k{i}", at))
    minted, times = NOW + seconds, KeyTimes(420.0, believed_for(900.0))
    signed_by = next(e.kid for e in standings(keys, now=minted, times=times) if e.state == "current")
    latest = minted + age + MAX_LEEWAY
    assert signed_by in {each.kid for each in standings(keys, now=latest, times=times)}


def test_the_next_key_is_due_so_that_it_signs_when_the_present_one_is_of_age() -> None:
    """The lead before its age, to the second; with one pending it is the age of that one which counts."""
    present = key("a", NOW)
    due = NOW + 90 * DAY - 420
    assert rotation_due([present], times=TIMES) == due
    pending = key("b", due + 420)
    assert rotation_due([present, pending], times=TIMES) == due + 90 * DAY
    assert rotation_due([present], times=KeyTimes(420, 1020)) == inf
    assert rotation_due([], times=TIMES) == inf
    assert rotation_due([present], times=KeyTimes(420, 1020, age=60)) == NOW


@pytest.mark.requirement("A12")
def test_the_lead_is_longer_than_any_verifier_takes_to_see_a_key() -> None:
    """Its own interval, and what a cache on the way may hold back; the answer says no longer than that."""
    assert f"public, max-age={JWKS_MAX_AGE}" == JWKS_CACHE
    for source in (IssuerKeys("https://id.example.com"), HmacKeySource(list)):
        assert source._schedule.every == REFRESH
        assert source._schedule.every + source._timeout + JWKS_MAX_AGE < LEAD


def test_the_last_token_of_a_key_is_covered() -> None:
    """Its life, the leniency of the most lenient verifier, and a node that comes late to the switch."""
    assert believed_for(900.0) > 900.0 + MAX_LEEWAY


@pytest.mark.requirement("J9")
@pytest.mark.parametrize(
    ("present", "wanted", "comes"),
    [
        ("ES256", "EdDSA", "EdDSA"),
        ("HS256", "HS512", "HS512"),
        ("ES256", "HS256", "ES256"),
        ("HS256", "ES256", "HS256"),
    ],
)
def test_nobody_rotates_from_key_pairs_to_shared_secrets(present: str, wanted: str, comes: str) -> None:
    """No verifier holds both kinds, so the next key is of the kind that there is."""
    assert next_alg(present, wanted) == comes
