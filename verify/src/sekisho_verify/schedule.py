"""When keys are to be loaded again, and how long they may be used meanwhile. Pure: time and dice are given.

All times are seconds of one clock that never steps, which the caller reads.
"""

from __future__ import annotations

from math import inf
from typing import Final

import msgspec

THROTTLE: Final = 10.0
"""Seconds between two loads that strangers can cause by naming unknown keys (CVE-2026-101917)."""
FEED_THROTTLE: Final = 1.0
"""The same for the feed, which no stranger writes: what it waits for may be that a key has leaked."""
FIRST_RETRY: Final = 1.0
"""Seconds, at most, until the second attempt; each later one waits twice as long as the one before."""
LAST_RETRY: Final = 60.0
"""Seconds, at most, between two attempts, however many have failed."""

_DOUBLINGS: Final = 10  # beyond it LAST_RETRY rules anyway, and a power of a large number would overflow


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """The state of an upkeep in time. Each event gives the next state; nothing is changed in place.

    Attributes:
        every: seconds from one good load to the next, at most; it runs up to a tenth early, so that the
            processes of a fleet, started together, drift apart.
        max_stale: seconds for which what was loaded may be used.
        due: when to load next.
        tried: when the last load began.
        loaded: when the last good load began: what it brought is at least as young.
        failures: how many loads have failed since.
    """

    every: float
    max_stale: float
    due: float = -inf
    tried: float = -inf
    loaded: float = -inf
    failures: int = 0

    def begun(self, now: float) -> Schedule:
        """A load begins."""
        return msgspec.structs.replace(self, tried=now)

    def succeeded(self, now: float, *, dice: float) -> Schedule:
        """The load brought what it should. `dice` is from 0 to 1, anew each time."""
        due = now + self.every * (0.9 + 0.1 * dice)
        return msgspec.structs.replace(self, due=due, loaded=self.tried, failures=0)

    def failed(self, now: float, *, dice: float) -> Schedule:
        """The load brought nothing; `dice` spreads the next attempts over half of their pause."""
        pause = min(FIRST_RETRY * 2 ** min(self.failures, _DOUBLINGS), LAST_RETRY, self.every)
        due = now + pause * (0.5 + 0.5 * dice)
        return msgspec.structs.replace(self, due=due, failures=self.failures + 1)

    def restored(self, now: float, *, age: float) -> Schedule:
        """What had been loaded `age` seconds ago was found in another place."""
        return msgspec.structs.replace(self, loaded=now - age)

    def wanted(self, now: float, *, throttle: float = THROTTLE) -> Schedule:
        """Somebody needs what is not there: load now, or `throttle` seconds after the last load began."""
        return msgspec.structs.replace(self, due=min(self.due, max(now, self.tried + throttle)))

    def at_once(self, now: float) -> Schedule:
        """Load now, whatever was tried before: the operator has started us."""
        return msgspec.structs.replace(self, due=min(self.due, now))

    def age(self, now: float) -> float:
        """Seconds since the last good load began; infinite where there was none."""
        return now - self.loaded

    def remaining(self, now: float) -> float:
        """Seconds for which what was loaded may still be used; 0 or less: not any more."""
        return self.loaded + self.max_stale - now
