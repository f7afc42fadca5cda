"""The entries that a node keeps for snapshots: how long, how large, and packed as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sekisho.adapters.feed_entries import LiveEntries
from sekisho_verify.revocations.entries import Entry, Packed, entry_key
from sekisho_verify.revocations.live import CLOCKS
from sekisho_verify.revocations.packed import PackedEntries, pack

if TYPE_CHECKING:
    from sekisho_verify.revocations.entries import Effect, Kind

TTL = 960.0
NOW = 1_000_000.0


def entry(number: int, kind: Kind = "session", effect: Effect = "revoked") -> Entry:
    """An entry with that number."""
    return Entry(number, kind, entry_key(kind, str(number)), effect)


EVERY = [entry(1), entry(2, "user", "stale"), entry(3, "key"), entry(4), entry(5, "everything")]


@pytest.mark.parametrize("packed", [True, False])
def test_an_entry_goes_after_its_time_and_that_of_a_leaked_key_never(packed: bool) -> None:  # noqa: FBT001 -- a case
    """Beyond `ttl` and what clocks may differ; a 256th of that may be added, and no more."""
    live = LiveEntries(ttl=TTL)
    live.add(PackedEntries(pack(EVERY, head=5), head=5) if packed else EVERY, as_of=NOW)
    live.add((), as_of=NOW + TTL + CLOCKS)
    assert {each.number for each in live.frozen()} == {1, 2, 3, 4, 5}
    live.add([entry(6)], as_of=NOW + (TTL + CLOCKS) * 257 / 256)
    assert sorted(each.number for each in live.frozen()) == [3, 6]
    assert len(live) == 2


def test_a_snapshot_is_kept_and_given_as_it_came() -> None:
    """With frames behind it, and packed again for the head of that moment, each entry is what it was."""
    live = LiveEntries(ttl=TTL)
    live.add(PackedEntries(pack(EVERY, head=5), head=5), as_of=NOW)
    live.add([entry(6), entry(7, "key"), entry(8)], as_of=NOW + 1)
    live.add([entry(2**32 + 8)], as_of=NOW + 2)
    frozen = live.frozen()
    assert isinstance(frozen, Packed)
    every = [*EVERY, entry(6), entry(7, "key"), entry(8), entry(2**32 + 8)]
    assert sorted(frozen) == sorted(every)
    assert frozen.numbers() == (1, 2**32 + 8)
    head = 2**32 + 9
    assert sorted(PackedEntries(pack(frozen, head=head), head=head)) == sorted(
        each._replace(number=max(each.number, head - (2**32 - 1))) for each in every
    )


def test_nothing_is_frozen_to_nothing() -> None:
    """No entries have no numbers."""
    frozen = LiveEntries(ttl=TTL).frozen()
    assert (len(frozen), frozen.numbers(), pack(frozen, head=7)) == (0, None, b"")
