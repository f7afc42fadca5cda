"""Attempts, counted one after another however many come at once: `rules.throttle.Policy` in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sekisho.adapters.sql.operation import Operation, Statement
from sekisho.rules.refusals import Refusal
from sekisho.rules.throttle import POLICIES, Bucket

# The count that this attempt makes, and the wait that follows from it. SET expressions see the old row, so
# the count is spelled out in each. A power of two is exact in floating point, hence equal to Policy.wait.
# Without a wait `not_before` is zero, never the instant of the attempt: of two that come at once, the one
# that read its clock first may get here last, and would be told to wait for the other.
_COUNT = "CASE WHEN throttle.updated_at <= :forgotten THEN 1 ELSE throttle.failures + 1 END"
_BEYOND = f"(({_COUNT}) - :free)"
_DOUBLED = f"(:base * (1 << CAST(CASE WHEN {_BEYOND} > 30 THEN 30 ELSE {_BEYOND} END AS integer)))"
_ATTEMPT = f"""
INSERT INTO throttle (key, failures, not_before, updated_at) VALUES (:key, 1, :first, :now)
ON CONFLICT (key) DO UPDATE SET
    failures = {_COUNT},
    not_before = CASE WHEN {_BEYOND} < 0 THEN 0.0 WHEN {_DOUBLED} < :cap THEN :now + {_DOUBLED}
                 ELSE :now + :cap END,
    updated_at = CASE WHEN :shared = 1 AND throttle.updated_at > :forgotten THEN throttle.updated_at
                 ELSE :now END
WHERE throttle.not_before <= :now
RETURNING failures
"""  # noqa: S608 - constants of ours
_BLOCKED_UNTIL = "SELECT not_before FROM throttle WHERE key = :key"
# Not deleted: the next attempt finds its row, and the sweep takes what is not used again.
_CLEAR = "UPDATE throttle SET failures = 0, not_before = 0.0 WHERE key = :key"
_GIVE_BACK = """
UPDATE throttle SET
    failures = failures - 1,
    not_before = CASE WHEN failures - 1 < :free THEN 0.0 ELSE not_before END
WHERE key = :key AND failures > 0
"""
_SWEEP = """
DELETE FROM throttle WHERE key IN (
    SELECT key FROM throttle WHERE updated_at <= :forgotten AND not_before <= :now
    ORDER BY updated_at LIMIT :limit
) RETURNING key
"""

_FORGET = max(policy.forget for policy in POLICIES.values())


def attempt(buckets: Sequence[Bucket], *, now: float) -> Operation[None]:
    """Count one attempt in every bucket, or in none if one of them has to wait.

    Raises:
        Refusal: `rate_limited`, with the longest wait of them all.
    """
    ordered = _in_lock_order(buckets)
    for bucket in ordered:
        if not (yield _count(bucket, now)):
            raise (yield from _blocked(ordered, now))


def forgive(buckets: Iterable[Bucket]) -> Operation[None]:
    """Give attempts back after the right password: one where the count is shared, else all."""
    for bucket in _in_lock_order(buckets):
        if bucket.policy.shared:
            yield Statement(_GIVE_BACK, {"key": bucket.key, "free": bucket.policy.free})
        else:
            yield Statement(_CLEAR, {"key": bucket.key})


def sweep(*, now: float, limit: int) -> Operation[int]:
    """Delete counts that are forgotten."""
    return len((yield Statement(_SWEEP, {"forgotten": now - _FORGET, "now": now, "limit": limit})))


def _in_lock_order(buckets: Iterable[Bucket]) -> list[Bucket]:
    """One order for everybody, so that two transactions never wait for each other's rows."""
    return sorted(buckets, key=lambda bucket: bucket.key)


def _count(bucket: Bucket, now: float) -> Statement:
    policy = bucket.policy
    wait = policy.wait(1)
    return Statement(
        _ATTEMPT,
        {
            "key": bucket.key,
            "now": now,
            "first": now + wait if wait else 0.0,
            "forgotten": now - policy.forget,
            "free": policy.free,
            "base": policy.base,
            "cap": policy.cap,
            "shared": int(policy.shared),
        },
    )


def _blocked(buckets: list[Bucket], now: float) -> Operation[Refusal]:
    until = now
    for bucket in buckets:
        for (not_before,) in (yield Statement(_BLOCKED_UNTIL, {"key": bucket.key})):
            until = max(until, not_before)
    return Refusal("rate_limited", retry_after=until - now)
