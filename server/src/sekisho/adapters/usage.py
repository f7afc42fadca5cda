"""Which cookie sessions were used since the database was told: a session check itself writes nothing.

A session is told of once in `COARSE` seconds at most, so the time-out of one that is used all the time may be
counted from as much earlier. A process that is killed loses what it had not told yet: up to `TELL_EVERY`.
"""

from __future__ import annotations

from typing import Final

#: Seconds between two tellings of one session; of an idle time-out of days, nothing.
COARSE: Final = 60.0
#: Seconds between two writes.
TELL_EVERY: Final = 5.0
#: The most sessions of which is remembered when they were told of, twice over.
_REMEMBERED: Final = 50_000


class Usage:
    """Collects session ids. One process, one event loop, no lock."""

    def __init__(self) -> None:
        self._pending: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self._told_before: dict[str, float] = {}

    def note(self, session_id: str, now: float) -> None:
        """The session was used at `now` (POSIX seconds)."""
        told = self._told.get(session_id) or self._told_before.get(session_id)
        if told is not None and abs(now - told) < COARSE:
            return
        if len(self._told) >= _REMEMBERED:
            self._told, self._told_before = {}, self._told
        self._told[session_id] = now
        self._pending[session_id] = now

    def take(self) -> list[str]:
        """The sessions that were used and not yet told of; from now on they are."""
        pending, self._pending = self._pending, {}
        return list(pending)
