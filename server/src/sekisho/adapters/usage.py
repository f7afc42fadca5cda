"""Which cookie sessions were used since the database was told: a session check itself writes nothing.

A session is told of once in `COARSE` seconds at most, or in a tenth of the time-out where that is less: the
time-out of one that is used all the time may be counted from as much earlier, never from later than its last
use. A process that is killed loses what it had not told yet: up to `TELL_EVERY`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

#: Seconds between two tellings of one session; of an idle time-out of days, nothing.
COARSE: Final = 60.0
#: Seconds between two writes.
TELL_EVERY: Final = 5.0
#: The most sessions of which is remembered when they were told of, twice over.
_REMEMBERED: Final = 50_000


class Usage:
    """Collects session ids. One process, one event loop, no lock.

    Args:
        idle: the idle time-out of cookie sessions, in seconds.
    """

    def __init__(self, idle: float) -> None:
        self._coarse: Final = min(COARSE, idle / 10)
        self._pending: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self._told_before: dict[str, float] = {}

    def note(self, session_id: str, now: float) -> None:
        """The session was used at `now` (POSIX seconds)."""
        told = self._told.get(session_id) or self._told_before.get(session_id)
        if told is not None and abs(now - told) < self._coarse:
            return
        if len(self._told) >= _REMEMBERED:
            self._told, self._told_before = {}, self._told
        self._told[session_id] = now
        self._pending[session_id] = now

    def take(self) -> tuple[list[str], float]:
        """The sessions that were used and not yet told of, and when the first of them was."""
        pending, self._pending = self._pending, {}
        return list(pending), min(pending.values(), default=0.0)

    def lost(self, session_ids: Iterable[str]) -> None:
        """The database could not be told: their next use is news again."""
        for session_id in session_ids:
            self._told.pop(session_id, None)
            self._told_before.pop(session_id, None)
