"""Server-sent events (HTML Standard, section 9.2), read piece by piece, bounded in what is kept. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from sekisho_verify.errors import RevocationsUnavailable

MAX_EVENT: Final = 512 * 1024
"""Bytes of the largest event that is read, its field names included."""


class Event(NamedTuple):
    """One event: its name, and its data, which for ours is one line."""

    name: str
    data: str


class EventStream:
    """Takes the bytes of one stream as they come, and gives the events that they complete.

    Comments, and fields that are not used here, `id` among them, are passed over: where to read on is known
    by what was taken in, not by what the stream says of itself.
    """

    __slots__ = ("_data", "_line", "_name", "_size")

    def __init__(self) -> None:
        self._line = bytearray()
        self._name = ""
        self._data: list[str] = []
        self._size = 0

    def take(self, piece: bytes) -> list[Event]:
        """The events that end in this piece.

        Raises:
            RevocationsUnavailable: an event of more than MAX_EVENT bytes, or no UTF-8.
        """
        events: list[Event] = []
        *whole, rest = piece.split(b"\n")
        for part in whole:
            self._line += part
            event = self._end_line()
            if event is not None:
                events.append(event)
        self._line += rest
        self._bound(0)
        return events

    def _end_line(self) -> Event | None:
        line = bytes(self._line).removesuffix(b"\r")
        self._line.clear()
        if not line:
            return self._end_event()
        self._bound(len(line))
        field, _, value = line.partition(b":")
        if field in {b"event", b"data"}:
            try:
                text = value.decode().removeprefix(" ")
            except UnicodeDecodeError:
                raise RevocationsUnavailable("an event that is not UTF-8") from None
            if field == b"event":
                self._name = text
            else:
                self._data.append(text)
        return None

    def _end_event(self) -> Event | None:
        event = Event(self._name, "\n".join(self._data)) if self._data else None
        self._name, self._data, self._size = "", [], 0
        return event

    def _bound(self, more: int) -> None:
        self._size += more
        if self._size + len(self._line) > MAX_EVENT:
            raise RevocationsUnavailable(f"an event of more than {MAX_EVENT} bytes")
