"""The entries that are live, for snapshots: 13 bytes each, let go in batches when they are too old."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from itertools import chain, islice
from typing import Final, NamedTuple

from sekisho_verify.revocations.entries import Entry
from sekisho_verify.revocations.live import CLOCKS
from sekisho_verify.revocations.packed import ENTRY_BYTES, PackedEntries, pack

#: Entries whose times lie together within this part of their life are let go together.
_BATCHES: Final = 256
#: Entries that are unpacked at once.
_AT_ONCE: Final = 10_000
#: What is packed says how far a number lies below one that is this far above the first of its batch. So a
#: batch can grow without being written anew, until its numbers have used half of what four bytes can say.
_ROOM: Final = 2**31


class _Batch:
    __slots__ = ("above", "packed", "since")

    def __init__(self, above: int, since: float) -> None:
        self.above: Final = above
        self.packed: Final = bytearray()
        self.since: Final = since


class _Frozen(NamedTuple):
    packed: bytes
    above: int


class FrozenEntries(Collection[Entry]):
    """The entries of one moment, `entries.Packed`: read at leisure, in another thread as well."""

    __slots__ = ("_batches", "_count")

    def __init__(self, batches: list[_Frozen]) -> None:
        self._batches: Final = batches
        self._count: Final = sum(len(batch.packed) for batch in batches) // ENTRY_BYTES

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Entry]:
        return chain.from_iterable(self._each())

    def numbers(self) -> tuple[int, int] | None:
        """The lowest and the highest number; none of no entries."""
        found = [numbers for each in self._each() if (numbers := each.numbers()) is not None]
        return (min(low for low, _ in found), max(high for _, high in found)) if found else None

    def below(self, head: int) -> bytes:
        """Packed as `pack` does it for that head."""
        return b"".join(each.below(head) for each in self._each())

    def _each(self) -> Iterator[PackedEntries]:
        return (PackedEntries(batch.packed, head=batch.above) for batch in self._batches)

    def __contains__(self, entry: object) -> bool:
        return any(each == entry for each in self)


class LiveEntries:
    """Every entry that a verifier needs which has heard nothing yet.

    Args:
        ttl: seconds for which an entry is needed, beside those by which two clocks of the issuer may differ.
    """

    def __init__(self, *, ttl: float) -> None:
        self._keep: Final = ttl + CLOCKS
        self._together: Final = self._keep / _BATCHES
        self._batches: deque[_Batch] = deque()
        # A key that has leaked stays published: whoever holds it can always mint.
        self._leaked: list[Entry] = []

    def add(self, entries: Collection[Entry], *, as_of: float) -> None:
        """Add what was read at `as_of` (POSIX seconds), and let go of what is too old by then."""
        if isinstance(entries, PackedEntries):
            self._add_packed(entries, as_of)
        else:
            every = iter(entries)
            while some := list(islice(every, _AT_ONCE)):
                self._add(some, as_of)
        while self._batches and self._batches[0].since + self._together + self._keep <= as_of:
            self._batches.popleft()

    def _add_packed(self, entries: PackedEntries, as_of: float) -> None:
        # As they are: to unpack a million of them, and pack them again, holds the event loop up for seconds.
        batch = _Batch(entries.head, as_of)
        for some in (entries,) if entries.plain else entries.slices():
            if some.plain:
                batch.packed.extend(some.packed)
            else:
                self._leaked += [entry for entry in some if entry.kind == "key"]
                batch.packed.extend(pack((e for e in some if e.kind != "key"), head=entries.head))
        if batch.packed:
            self._batches.append(batch)

    def _add(self, entries: list[Entry], as_of: float) -> None:
        passing = [entry for entry in entries if entry.kind != "key"]
        self._leaked += [entry for entry in entries if entry.kind == "key"]
        if passing:
            lowest, highest = min(passing).number, max(passing).number
            batch = self._batches[-1] if self._batches else None
            if (
                batch is None
                or as_of - batch.since > self._together
                or not batch.above - _ROOM <= lowest <= highest < batch.above
            ):
                batch = _Batch(lowest + _ROOM, as_of)
                self._batches.append(batch)
            batch.packed.extend(pack(passing, head=batch.above))

    def frozen(self) -> FrozenEntries:
        """What is live now. A copy: a million entries are 13 MB."""
        batches = [_Frozen(bytes(batch.packed), batch.above) for batch in self._batches]
        if self._leaked:
            above = max(self._leaked).number
            batches.append(_Frozen(pack(self._leaked, head=above), above))
        return FrozenEntries(batches)

    def __len__(self) -> int:
        return sum(len(batch.packed) for batch in self._batches) // ENTRY_BYTES + len(self._leaked)
