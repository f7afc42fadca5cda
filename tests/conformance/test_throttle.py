"""Attempts: counted one after another, whoever counts and however many come at once."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sekisho.rules.throttle import POLICIES, Bucket, Subject
from tests.conformance.scene import NOW, Scene, refusal

ACCOUNT, NETWORK = Bucket("account", "hanako@example.com"), Bucket("network", "192.0.2.1")


async def _failures(scene: Scene, bucket: Bucket) -> int:
    rows = await scene.rows("SELECT failures FROM throttle WHERE key = :key", key=bucket.key)
    return int(rows[0][0]) if rows else 0


async def test_after_the_free_attempts_one_waits_and_is_told_how_long(scene: Scene) -> None:
    """The wait doubles with each further failure, and at its very end the next attempt is admitted."""
    policy = ACCOUNT.policy
    for _ in range(policy.free):
        await scene.store.attempt([ACCOUNT], now=NOW)
    told = await refusal(scene.store.attempt([ACCOUNT], now=NOW + 0.25))
    assert (told.code, told.retry_after) == ("rate_limited", policy.base - 0.25)
    await scene.store.attempt([ACCOUNT], now=NOW + policy.base)
    told = await refusal(scene.store.attempt([ACCOUNT], now=NOW + policy.base))
    assert told.retry_after == 2 * policy.base


async def test_a_refused_attempt_counts_nowhere(scene: Scene) -> None:
    """If one bucket has to wait, the others are as they were, and the longest wait is told."""
    for _ in range(ACCOUNT.policy.free):
        await scene.store.attempt([ACCOUNT], now=NOW)
    for buckets in ([ACCOUNT, NETWORK], [NETWORK, ACCOUNT]):
        told = await refusal(scene.store.attempt(buckets, now=NOW))
        assert told.retry_after == ACCOUNT.policy.base
    assert await _failures(scene, NETWORK) == 0
    assert await _failures(scene, ACCOUNT) == ACCOUNT.policy.free


async def test_the_longest_wait_of_all_is_told(scene: Scene) -> None:
    """Coming back after the shorter one would only be refused again."""
    for bucket, wait in ((ACCOUNT, 5.0), (NETWORK, 60.0)):
        await scene.store.attempt([bucket], now=NOW)
        await scene.change(
            "UPDATE throttle SET not_before = :until WHERE key = :key", until=NOW + wait, key=bucket.key
        )
    told = await refusal(scene.store.attempt([ACCOUNT, NETWORK], now=NOW))
    assert told.retry_after == 60.0


async def test_success_reopens_a_network_that_had_to_wait(scene: Scene) -> None:
    """The count that is given back takes the wait with it that it had caused."""
    hanako = await scene.account()
    for _ in range(NETWORK.policy.free):
        await scene.store.attempt([NETWORK], now=NOW)
    assert (await refusal(scene.store.attempt([NETWORK], now=NOW))).code == "rate_limited"
    await scene.login(hanako, forgive=[NETWORK])
    await scene.store.attempt([NETWORK], now=NOW)
    assert await _failures(scene, NETWORK) == NETWORK.policy.free


async def test_what_is_given_back_never_goes_below_nothing(scene: Scene) -> None:
    """More successes than attempts are no credit for later failures."""
    hanako = await scene.account()
    await scene.store.attempt([NETWORK], now=NOW)
    for _ in range(3):
        await scene.login(hanako, forgive=[NETWORK, ACCOUNT])
    assert await _failures(scene, NETWORK) == 0


async def test_nobody_waits_for_one_who_came_at_the_same_time(scene: Scene) -> None:
    """Free attempts are free in any order: whoever read the clock first may reach the row last.

    So it is after the first attempt, after a later one, and after one that was given back.
    """
    hanako = await scene.account()
    earlier, later = NOW, NOW + 0.5
    await scene.store.attempt([ACCOUNT, NETWORK], now=later)
    await scene.store.attempt([ACCOUNT, NETWORK], now=earlier)
    await scene.store.attempt([ACCOUNT, NETWORK], now=later)
    await scene.store.attempt([ACCOUNT, NETWORK], now=earlier)
    assert (await _failures(scene, ACCOUNT), await _failures(scene, NETWORK)) == (4, 4)
    await scene.store.attempt([ACCOUNT, NETWORK], now=later)
    await scene.login(hanako, forgive=[ACCOUNT, NETWORK])
    await scene.store.attempt([ACCOUNT, NETWORK], now=earlier)
    assert (await _failures(scene, ACCOUNT), await _failures(scene, NETWORK)) == (1, 5)


@pytest.mark.requirement("W5")
async def test_a_busy_network_starts_anew_each_hour(scene: Scene) -> None:
    """Somebody in an office always mistypes: what one hour saw of it does not lock out the next."""
    for minute in range(59):
        await scene.store.attempt([NETWORK], now=NOW + 60 * minute)
    assert await _failures(scene, NETWORK) == 59
    await scene.store.attempt([NETWORK], now=NOW + 3600)
    assert await _failures(scene, NETWORK) == 1


class _Model:
    """`rules.throttle.Policy`, kept by hand."""

    def __init__(self, bucket: Bucket) -> None:
        self.policy = bucket.policy
        self.failures = 0
        self.not_before = 0.0
        self.updated_at = float("-inf")

    def attempt(self, now: float) -> float | None:
        """None if it is admitted, else the wait."""
        if now < self.not_before:
            return self.not_before - now
        forgotten = now - self.updated_at >= self.policy.forget
        if forgotten:
            self.failures = 0
        self.failures += 1
        if forgotten or not self.policy.shared:
            self.updated_at = now
        wait = self.policy.wait(self.failures)
        self.not_before = now + wait if wait else 0.0
        return None


_pauses = st.lists(
    st.sampled_from([0.0, 0.5, 1.0, 3.0, 900.0, 3_599.0, 3_600.0, 86_399.0, 86_400.0]),
    min_size=1,
    max_size=40,
)
_counts = st.integers(1, 2000)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(subject=st.sampled_from(list(POLICIES)), already=_counts, pauses=_pauses)
async def test_a_store_waits_as_the_policy_says(
    scene: Scene, subject: Subject, already: int, pauses: list[float]
) -> None:
    """Count and instant equal those of `Policy.wait` to the last bit, from any count and after any pauses."""
    bucket = Bucket(subject, scene.id())
    model = _Model(bucket)
    assert model.attempt(NOW) is None
    await scene.store.attempt([bucket], now=NOW)
    model.failures = already
    await scene.change(
        "UPDATE throttle SET failures = :count WHERE key = :key", count=already, key=bucket.key
    )
    now = NOW
    for pause in pauses:
        now += pause
        expected = model.attempt(now)
        if expected is None:
            await scene.store.attempt([bucket], now=now)
        else:
            assert (await refusal(scene.store.attempt([bucket], now=now))).retry_after == expected
        row = await scene.rows(
            "SELECT failures, not_before, updated_at FROM throttle WHERE key = :key", key=bucket.key
        )
        assert row == [(model.failures, model.not_before, model.updated_at)]
