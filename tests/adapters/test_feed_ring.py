"""The frames that a node keeps for readers who are behind: bounded, whoever is how far behind."""

from __future__ import annotations

import pytest

from sekisho.adapters.feed_ring import BYTES, FRAMES, FeedRing


def filled(count: int, *, size: int = 10) -> FeedRing:
    """A ring into which so many frames were put, of one number and so many bytes each."""
    ring = FeedRing()
    for number in range(1, count + 1):
        ring.append(number, number, number.to_bytes(4) + bytes(size - 4))
    return ring


def kept(ring: FeedRing) -> list[int]:
    """The numbers of the frames that are there for the slowest reader."""
    events, place = ring.take(0, enough=10**9)
    assert place == ring.end
    return [int.from_bytes(event[:4]) for event in events]


@pytest.mark.parametrize(
    ("count", "size", "left"),
    [(FRAMES + 7, 10, FRAMES), (40, BYTES // 10, 10), (3, BYTES + 1, 0), (FRAMES, 10, FRAMES)],
    ids=["frames", "bytes", "one too large", "all of them"],
)
def test_the_oldest_make_room(count: int, size: int, left: int) -> None:
    """Neither more frames nor more bytes than are set, and always the last ones; places go on."""
    ring = filled(count, size=size)
    assert kept(ring) == list(range(count - left + 1, count + 1))
    assert ring.end == count


def test_a_reader_whose_place_has_gone_is_given_what_is_left() -> None:
    """And one who comes back with a number that is no longer there is told so."""
    ring = filled(FRAMES + 100)
    events, place = ring.take(5, enough=1)
    assert (int.from_bytes(events[0][:4]), place) == (101, 101)
    assert ring.place_behind(99) is None
    assert ring.place_behind(100) == 100
    assert ring.place_behind(FRAMES + 100) == ring.end
    assert ring.place_behind(FRAMES + 101) is None
    ring.clear()
    assert (ring.place_behind(FRAMES + 100), kept(ring)) == (None, [])
    assert ring.end == FRAMES + 100


def test_what_is_sent_at_once_is_bounded() -> None:
    """As much as was asked for, and one frame more at most: the rest stays in the ring, once for all."""
    ring = filled(100, size=1000)
    events, place = ring.take(0, enough=2500)
    assert (len(events), place) == (3, 3)
