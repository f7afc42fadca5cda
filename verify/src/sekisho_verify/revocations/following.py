"""What a follower of the feed does next. Pure: the time, the dice and what happened are given.

All times are seconds of one clock that never steps, which the caller reads.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from sekisho_verify.revocations.live import Gap, SnapshotNeeded

if TYPE_CHECKING:
    from sekisho_verify.revocations.live import Outcome

SILENCE: Final = 2.0
"""Seconds without anything that holds, after which a stream is given up: four missed heartbeats."""
STALLED: Final = 5.0
"""Seconds without a later read of the database, after which another URL is tried, where there is one."""
LIVELY: Final = 1.0
"""Seconds since the last news, up to which what is missing is on its way already: two heartbeats."""
THROTTLE: Final = 10.0
"""Seconds between two fetches that whoever holds a signing key can cause."""
TIME_EVERY: Final = 240.0
"""Seconds between two questions for the time, so that clocks that run apart are noticed."""

_JITTER: Final = 0.05
_FIRST_PAUSE: Final = 0.25
_LAST_PAUSE: Final = 10.0
_REFUSED_PAUSE: Final = 30.0
_SETTLED: Final = 5.0
_SNAPSHOT_HELPS: Final = 1.0
_FIRST_TIME_PAUSE: Final = 5.0
_LAST_TIME_PAUSE: Final = 60.0
_SUSPENDED: Final = 10.0
_RENEW_PAUSE: Final = 60.0
_DOUBLINGS: Final = 10  # beyond it the longest pause rules anyway


class Find(NamedTuple):
    """Ask the issuer where its feed is."""


class TakeSnapshot(NamedTuple):
    """Fetch the snapshot of a URL."""

    at: int


class AskTime(NamedTuple):
    """Ask a URL for the issuer's time."""

    at: int


class Connect(NamedTuple):
    """Open the stream of a URL, after what is known."""

    at: int


class Read(NamedTuple):
    """Read on, for so many seconds at most."""

    seconds: float


class GiveUp(NamedTuple):
    """Leave the stream, and say that it is lost."""

    reason: str


class Pause(NamedTuple):
    """Do nothing for so many seconds, unless something happens."""

    seconds: float


Step = Find | TakeSnapshot | AskTime | Connect | Read | GiveUp | Pause


class Following(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a follower. Each event gives the next one; nothing is changed in place.

    A line that is lost is followed by the next URL at once, up to 50 ms later, so that the verifiers of a
    node that died do not come all in one moment. Only when all were tried does it wait.

    Attributes:
        places: how many URLs are known; none: they are to be found.
        finds: whether they are found by the issuer, and looked up anew when none of them answers.
        at: which of them is in use.
        failures: attempts in a row that failed; a stream that lasted 5 seconds ends the row.
        due: when to try again.
        informed: whether anything was taken in since this began.
        snapshot_needed: whether what is known cannot be gone on from.
        snapshot_at: when the last snapshot came.
        renew_at: when to take one that is not needed, for the file.
        time_due: when to ask for the time.
        time_asked: when it was asked last.
        time_failures: how often it could not be learned since it was.
        connected_at: since when there is a stream; None where there is none.
        heard_at: when something came that holds.
        moved_at: when something came of a later read of the database.
        looked_at: when the caller asked last.
        gaps: how often numbers were missing.
    """

    places: int
    finds: bool = False
    at: int = 0
    failures: int = 0
    due: float = -inf
    informed: bool = False
    snapshot_needed: bool = True
    snapshot_at: float = -inf
    renew_at: float = inf
    time_due: float = -inf
    time_asked: float = -inf
    time_failures: int = 0
    connected_at: float | None = None
    heard_at: float = -inf
    moved_at: float = -inf
    looked_at: float = inf
    gaps: int = 0

    @property
    def tried(self) -> bool:
        """Whether the first attempt is over: all is known that is needed, or no URL had it."""
        return (self.informed and self.time_asked > -inf) or self.failures > max(self.places, 1)

    def next(self, now: float) -> Step:  # noqa: PLR0911 -- one for each of the seven, in their order
        """What to do now."""
        if self.connected_at is None and now < self.due:
            return Pause(self.due - now)
        if not self.places:
            return Find()
        if self.snapshot_needed or now >= self.renew_at:
            return TakeSnapshot(self.at)
        if now >= self.time_due:
            return AskTime(self.at)
        if self.connected_at is None:
            return Connect(self.at)
        if now >= self.heard_at + SILENCE:
            return GiveUp(f"nothing that holds for {SILENCE:.0f} seconds")
        if self.places > 1 and now >= self.moved_at + STALLED:
            return GiveUp(f"the database not read for {STALLED:.0f} seconds")
        return Read(self.heard_at + SILENCE - now)

    def looked(self, now: float) -> Following:
        """The caller looks around: after a pause too long to be one, the machine may have slept."""
        slept = now - self.looked_at > _SUSPENDED
        return msgspec.structs.replace(self, looked_at=now, time_due=now if slept else self.time_due)

    def found(self, places: int) -> Following:
        """So many URLs are known now."""
        return msgspec.structs.replace(self, places=places, at=self.at % places)

    def took_snapshot(self, now: float, *, renew: float) -> Following:
        """A snapshot was taken in; the next one for the file is due `renew` seconds from now.

        It is news too: a stream that had to wait meanwhile, some seconds for a million entries, is not lost.
        """
        return msgspec.structs.replace(
            self,
            informed=True,
            snapshot_needed=False,
            snapshot_at=now,
            renew_at=now + renew,
            heard_at=now,
            moved_at=now,
        )

    def renewal_failed(self, now: float) -> Following:
        """A snapshot that is not needed could not be had."""
        return msgspec.structs.replace(self, renew_at=now + _RENEW_PAUSE)

    def learned_time(self, now: float, *, dice: float) -> Following:
        """The offset of the clocks was learned. `dice` is from 0 to 1, anew each time."""
        due = now + TIME_EVERY * (0.9 + 0.1 * dice)
        return msgspec.structs.replace(self, time_due=due, time_asked=now, time_failures=0)

    def missed_time(self, now: float, *, dice: float) -> Following:
        """It was not learned. That is no reason to leave a stream, which goes on all the same."""
        pause = min(_FIRST_TIME_PAUSE * 2 ** min(self.time_failures, _DOUBLINGS), _LAST_TIME_PAUSE)
        return msgspec.structs.replace(
            self,
            time_due=now + pause * (0.5 + 0.5 * dice),
            time_asked=now,
            time_failures=self.time_failures + 1,
        )

    def connected(self, now: float) -> Following:
        """A stream is open."""
        return msgspec.structs.replace(self, connected_at=now, heard_at=now, moved_at=now)

    def took(
        self, outcome: Outcome, now: float, *, moved: bool, back: bool = False, fresh: bool, dice: float
    ) -> Following:
        """Something came through the stream that holds.

        Args:
            outcome: what it was to what is known.
            now: the time.
            moved: whether it is of a later read of the database than anything before.
            back: whether it is of a time long before: a replay, or the issuer's clock was put back.
            fresh: whether what is known counts as fresh.
            dice: from 0 to 1, anew each time.
        """
        heard = msgspec.structs.replace(self, heard_at=now, moved_at=now if moved else self.moved_at)
        if (moved or back) and not fresh:
            # It goes on and yet looks old, or ahead: a clock may have been set.
            due = min(self.time_due, self.time_asked + THROTTLE)
            heard = msgspec.structs.replace(heard, time_due=due)
        if not isinstance(outcome, Gap | SnapshotNeeded):
            return msgspec.structs.replace(heard, informed=True)
        if self.snapshot_needed:
            return heard
        gaps = self.gaps + isinstance(outcome, Gap)
        missing = msgspec.structs.replace(heard, snapshot_needed=True, gaps=gaps)
        # A snapshot that was taken here just now did not help: another URL may know more.
        return missing.lost(now, dice=dice) if now - self.snapshot_at < _SNAPSHOT_HELPS else missing

    def lost(self, now: float, *, dice: float, refused: bool = False) -> Following:
        """An attempt failed, or the stream ended.

        Args:
            now: the time.
            dice: from 0 to 1, anew each time.
            refused: whether it was for our token, which does not mend by itself.
        """
        lasted = self.connected_at is not None and now - self.connected_at >= _SETTLED
        failures = 1 if lasted else self.failures + 1
        known = max(self.places, 1)
        if failures <= known:
            pause, places = _JITTER * dice, self.places
        else:
            longest = _FIRST_PAUSE * 2 ** min(failures - known - 1, _DOUBLINGS)
            pause = _REFUSED_PAUSE if refused else min(longest, _LAST_PAUSE)
            pause, places = pause * (0.5 + 0.5 * dice), 0 if self.finds else self.places
        return msgspec.structs.replace(
            self,
            places=places,
            at=(self.at + 1) % known,
            failures=failures,
            due=now + pause,
            connected_at=None,
        )

    def hurried(self, now: float) -> Following:
        """There is a new reason to hope: try at once."""
        return msgspec.structs.replace(self, due=min(self.due, now))

    def behind(self, now: float, *, fresh: bool) -> Following:
        """A token knows of numbers that are missing here.

        While the stream is fresh they are on their way; a stream that lags is overtaken by a snapshot, and
        a pause is over. The caller sees to it that this happens every THROTTLE seconds at most.
        """
        if self.connected_at is None:
            return self.hurried(now)
        return self if fresh else msgspec.structs.replace(self, snapshot_needed=True)
