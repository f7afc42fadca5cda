"""The sealed frames of the last minutes, for streams that are behind and for readers who come back."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

#: Frames, and bytes of them, that are kept: minutes of what a busy issuer revokes.
FRAMES: Final = 4096
BYTES: Final = 8 * 1024 * 1024


class _Piece(NamedTuple):
    first: int
    last: int
    event: bytes


class FeedRing:
    """Frames of one epoch, each behind the one before. A place is a count of frames since it was made."""

    def __init__(self) -> None:
        self._pieces: deque[_Piece] = deque()
        self._bytes = 0
        self._begin = 0

    @property
    def end(self) -> int:
        """The place of the frame that comes next."""
        return self._begin + len(self._pieces)

    def append(self, first: int, last: int, event: bytes) -> None:
        """Add the frame with the numbers `first` to `last`, as it is sent; the oldest make room for it."""
        self._pieces.append(_Piece(first, last, event))
        self._bytes += len(event)
        while len(self._pieces) > FRAMES or self._bytes > BYTES:
            self._bytes -= len(self._pieces.popleft().event)
            self._begin += 1

    def clear(self) -> None:
        """Forget every frame. Places go on."""
        self._begin = self.end
        self._pieces.clear()
        self._bytes = 0

    def place_behind(self, number: int) -> int | None:
        """The place of the frame that follows `number`; none where that is gone, or was never here."""
        if not self._pieces or not self._pieces[0].first - 1 <= number <= self._pieces[-1].last:
            return None
        return self._begin + sum(piece.last <= number for piece in self._pieces)

    def take(self, place: int, *, enough: int) -> tuple[list[bytes], int]:
        """The frames from `place` on, until they have `enough` bytes; and the place behind them.

        Whoever asks for a place that has gone is given those that are left.
        """
        events: list[bytes] = []
        size, place = 0, max(place, self._begin)
        while place < self.end and size < enough:
            event = self._pieces[place - self._begin].event
            events.append(event)
            size += len(event)
            place += 1
        return events, place
