"""How lately a verifier has heard, and what it does when that is too long ago."""

from __future__ import annotations

import math
import sys
import time

import pytest

from sekisho_verify import ConfigurationError, Revocations, RevocationsUnavailable, TokenRefused
from sekisho_verify.revocations.entries import Entry, Heartbeat, Snapshot, entry_key
from sekisho_verify.revocations.freshness import Freshness, clock_offset, freshness
from sekisho_verify.revocations.live import Marks
from sekisho_verify.revocations.policy import OnCut, RevocationPolicy
from sekisho_verify.steady_clock import steady

AS_OF = 1_800_000_000.0
NOW = AS_OF + 100.0


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (0.0, Freshness.FRESH),
        (2.0, Freshness.FRESH),
        (2.000001, Freshness.STALE),
        (60.0, Freshness.STALE),
        (60.00001, Freshness.CUT),
        (math.inf, Freshness.CUT),
        (math.nan, Freshness.CUT),
        (-5.0, Freshness.FRESH),
        (-5.00001, Freshness.CUT),
        (-math.inf, Freshness.CUT),
    ],
)
def test_freshness_by_age(age: float, expected: Freshness) -> None:
    """Two seconds and sixty, exactly; a time that lies far ahead proves nothing."""
    assert freshness(AS_OF, offset=AS_OF - 50.0, steady_now=50.0 + age) is expected


def test_freshness_of_nothing() -> None:
    """Without a snapshot there is no state; without knowing the issuer's clock it may be of any age."""
    assert freshness(None, offset=0.0, steady_now=AS_OF) is Freshness.NEVER_SYNCED
    assert freshness(None, offset=None, steady_now=AS_OF) is Freshness.NEVER_SYNCED
    assert freshness(AS_OF, offset=None, steady_now=AS_OF) is Freshness.CUT


@pytest.mark.parametrize(
    ("received", "expected"),
    [(7.0, 93.0), (7.5, 93.0), (8.0, 93.0), (8.001, None), (6.999, None), (math.nan, None)],
)
def test_a_clock_is_learned_from_a_bounded_exchange_only(received: float, expected: float | None) -> None:
    """At most a second, and as if the answer had been written when the question left: never too young."""
    assert clock_offset(sent=7.0, received=received, issuer_now=100.0) == expected


def synced(*entries: Entry) -> Revocations:
    """Revocations as of AS_OF, by a steady clock that began then."""
    revocations = Revocations()
    revocations.apply(Snapshot(epoch=1, head=10, as_of=AS_OF, ttl=970.0, entries=entries))
    revocations.learn_offset(AS_OF)
    return revocations


def token(*, age: float = 0.0, rv: int = 10, sid: str = "s") -> Marks:
    """The marks of a token that was minted some seconds before NOW."""
    return Marks((entry_key("session", sid),), 10**18 + rv, NOW - age)


def outcome(
    on_cut: OnCut,
    *,
    since: float,
    sensitive: bool = False,
    age: float = 0.0,
    feed: Revocations | None = None,
) -> str:
    """What becomes of a token when nothing has been read for some seconds."""
    policy = RevocationPolicy(feed or synced(), on_cut=on_cut, steady=lambda: since)
    try:
        policy.check(token(age=age), now=NOW, sensitive=sensitive)
    except (TokenRefused, RevocationsUnavailable) as error:
        return error.code
    return "accepted"


@pytest.mark.parametrize(
    ("on_cut", "since", "age", "expected"),
    [
        ("accept", 60.001, 3600, "accepted"),
        ("young", 60.0, 3600, "accepted"),
        ("young", 60.001, 299.999, "accepted"),
        ("young", 60.001, 300, "token_stale"),
        ("young", 60.001, math.nan, "token_stale"),
        ("refuse", 60.0, 3600, "accepted"),
        ("refuse", 60.001, 0, "revocations_unavailable"),
    ],
)
def test_when_the_feed_is_cut_the_policy_decides(
    on_cut: OnCut, since: float, age: float, expected: str
) -> None:
    """After sixty seconds all go on, or the young only, or none; before, and at that very moment, all do."""
    assert outcome(on_cut, since=since, age=age) == expected


@pytest.mark.parametrize("on_cut", ["accept", "young", "refuse"])
@pytest.mark.parametrize(
    ("since", "expected"),
    [(2.0, "accepted"), (2.001, "revocations_unavailable"), (3600.0, "revocations_unavailable")],
)
def test_what_is_sensitive_is_refused_unless_fresh(on_cut: OnCut, since: float, expected: str) -> None:
    """After two seconds there is no verdict for a sensitive route, whatever the policy for the others."""
    assert outcome(on_cut, since=since, sensitive=True) == expected


@pytest.mark.parametrize("on_cut", ["accept", "young", "refuse"])
def test_before_the_first_snapshot_no_policy_accepts(on_cut: OnCut) -> None:
    """A verifier that has just started must not accept what was revoked before."""
    assert outcome(on_cut, since=0.0, feed=Revocations()) == "revocations_unavailable"


def test_a_clock_that_is_not_known_is_not_fresh() -> None:
    """With a snapshot of unknown age, sensitive routes and strict policies get no verdict."""
    unknown = Revocations()
    unknown.apply(Snapshot(epoch=1, head=10, as_of=AS_OF, ttl=970.0, entries=()))
    assert outcome("accept", since=0.0, feed=unknown) == "accepted"
    assert outcome("accept", since=0.0, feed=unknown, sensitive=True) == "revocations_unavailable"
    assert outcome("refuse", since=0.0, feed=unknown) == "revocations_unavailable"


def test_a_dead_token_is_told_so_however_old_the_news() -> None:
    """Who is known to be revoked gets that answer, not one that says to try again."""
    feed = synced(Entry(10, "session", entry_key("session", "s"), "revoked"))
    policy = RevocationPolicy(feed, on_cut="refuse", steady=lambda: 9999.0)
    with pytest.raises(TokenRefused) as caught:
        policy.check(token(rv=9), now=NOW, sensitive=True)
    assert caught.value.code == "token_revoked"


def test_a_heartbeat_freshens() -> None:
    """The age is that of the last read of the database which came through."""
    feed = synced()
    assert feed.freshness(61.0) is Freshness.CUT
    feed.apply(Heartbeat(epoch=1, head=10, as_of=AS_OF + 59.5))
    assert feed.freshness(61.0) is Freshness.FRESH
    feed.apply(Heartbeat(epoch=1, head=11, as_of=AS_OF + 60.5))  # a gap: what it says is not known here
    assert feed.freshness(62.0) is Freshness.STALE


def test_who_is_behind_is_told_so() -> None:
    """A token that knows more than we do wakes whoever reads the feed; others do not."""
    told: list[str] = []
    policy = RevocationPolicy(
        synced(), on_cut="accept", steady=lambda: 0.0, behind=lambda: told.append("behind")
    )
    policy.check(token(), now=NOW, sensitive=False)
    assert told == []
    policy.check(token(rv=11), now=NOW, sensitive=False)
    assert told == ["behind"]


def test_a_policy_that_is_none_is_not_made() -> None:
    """An unknown word for `on_cut` would be one of no effect."""
    with pytest.raises(ConfigurationError, match="on_cut is accept, young or refuse"):
        RevocationPolicy(synced(), on_cut="ignore", steady=lambda: 0.0)  # type: ignore[arg-type]  # on purpose


@pytest.mark.skipif(sys.platform != "linux", reason="reads the boot time of Linux")
def test_the_steady_clock_goes_on_in_sleep() -> None:
    """It is the one that counts from boot, suspend included."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= steady() <= time.clock_gettime(time.CLOCK_BOOTTIME)
