"""Entries in 13 bytes each, as they go over the network, and are kept by who publishes them.

One byte for kind and effect, eight for the key, four for how far the number lies below the highest. They are
read some at a time: a million entries as objects would take ten times as much while they are taken in. And
what can be done for many at once is done by columns, in C, in steps that hold no other thread up for long.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Collection
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from sekisho_verify.errors import RevocationsUnavailable
from sekisho_verify.revocations.entries import EFFECTS, KINDS, Entry, Packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sekisho_verify.revocations.entries import Effect, Kind

_ENTRY: Final = Struct(">B8sI")
ENTRY_BYTES: Final = _ENTRY.size
_FURTHEST: Final = 2**32 - 1
# Codes are positions: append to KINDS and EFFECTS, never insert.
_MEANING: Final[dict[int, tuple[Kind, Effect]]] = {
    kind_code * 16 + effect_code: (kind, effect)
    for kind_code, kind in enumerate(KINDS, 1)
    for effect_code, effect in enumerate(EFFECTS, 1)
}
_CODES: Final = {meaning: code for code, meaning in _MEANING.items()}
_KNOWN: Final = bytes(_MEANING)
_STALE: Final = bytes(code for code, (_, effect) in _MEANING.items() if effect == "stale")
_LEAKED: Final = bytes(code for code, (kind, _) in _MEANING.items() if kind == "key")
# Entries that are taken apart at once: a tenth of a millisecond.
_PART: Final = 1000
# Entries whose numbers are counted anew, or looked at, at once: some milliseconds.
_COLUMN: Final = 50_000


def pack(entries: Iterable[Entry], *, head: int) -> bytes:
    """The entries, whose numbers are at most `head`, packed.

    A number that lies further below than four bytes can say is written as the lowest they can: it then hits
    more tokens than it must, and never fewer.
    """
    if isinstance(entries, Packed):
        return entries.below(head)
    return b"".join(
        _ENTRY.pack(_CODES[kind, effect], key, min(head - number, _FURTHEST))
        for number, kind, key, effect in entries
    )


class Part(NamedTuple):
    """Some entries, by columns.

    Attributes:
        plain: whether none is `stale` and none of a leaked key.
        keys: of each.
        below: how far the number of each lies below the head.
        entries: the same, packed.
    """

    plain: bool
    keys: tuple[bytes, ...]
    below: tuple[int, ...]
    entries: PackedEntries


class PackedEntries(Collection[Entry]):
    """Packed entries, to be gone through.

    Args:
        packed: what `pack` gave.
        head: the number that it was given.

    Raises:
        RevocationsUnavailable: it is not a whole number of entries, or there is one of a kind that is not
            known here.
    """

    __slots__ = ("head", "packed", "plain")

    def __init__(self, packed: bytes, *, head: int) -> None:
        if len(packed) % ENTRY_BYTES:
            raise RevocationsUnavailable(f"{len(packed)} bytes of entries of {ENTRY_BYTES} each")
        codes = packed[::ENTRY_BYTES]
        if unknown := codes.translate(None, _KNOWN):
            # To skip it would let live what it ends. Who reads this is older than who wrote it.
            raise RevocationsUnavailable(f"an entry of an unknown kind, {unknown[0]}: update sekisho-verify")
        #: Whether there is none of a leaked key, which lives for ever.
        self.plain: Final = len(codes.translate(None, _LEAKED)) == len(codes)
        self.packed: Final = packed
        self.head: Final = head

    def __len__(self) -> int:
        return len(self.packed) // ENTRY_BYTES

    def __iter__(self) -> Iterator[Entry]:
        head = self.head
        for code, key, below in _ENTRY.iter_unpack(self.packed):
            kind, effect = _MEANING[code]
            yield Entry(head - below, kind, key, effect)

    def __contains__(self, entry: object) -> bool:
        return any(each == entry for each in self)

    def numbers(self) -> tuple[int, int] | None:
        """The lowest and the highest number; none of no entries."""
        columns = [(max(below), min(below)) for below in self._below()]
        if not columns:
            return None
        return self.head - max(most for most, _ in columns), self.head - min(least for _, least in columns)

    def slices(self) -> Iterator[PackedEntries]:
        """All of them, a thousand at a time."""
        size = _PART * ENTRY_BYTES
        for at in range(0, len(self.packed), size):
            yield PackedEntries(self.packed[at : at + size], head=self.head)

    def parts(self) -> Iterator[Part]:
        """All of them, by columns, a thousand at a time."""
        for some in self.slices():
            codes = some.packed[::ENTRY_BYTES]
            keys, below = _columns(len(codes))
            plain = some.plain and len(codes.translate(None, _STALE)) == len(codes)
            yield Part(plain, keys.unpack(some.packed), below.unpack(some.packed), some)

    def below(self, head: int) -> bytes:
        """Packed as `pack` does it for that head, which is no lower than any number."""
        more = head - self.head
        if not more:
            return self.packed
        parts = (array("I", [min(each + more, _FURTHEST) for each in column]) for column in self._below())
        return b"".join(self._with(part, i * _COLUMN) for i, part in enumerate(parts))

    def _below(self) -> Iterator[array[int]]:
        size = _COLUMN * ENTRY_BYTES
        for at in range(0, len(self.packed), size):
            packed = self.packed[at : at + size]
            column = bytearray(len(packed) // ENTRY_BYTES * 4)
            for i in range(4):
                column[i::4] = packed[ENTRY_BYTES - 4 + i :: ENTRY_BYTES]
            yield _turned(array("I", bytes(column)))

    def _with(self, column: array[int], first: int) -> bytes:
        at = first * ENTRY_BYTES
        packed, written = (
            bytearray(self.packed[at : at + len(column) * ENTRY_BYTES]),
            _turned(column).tobytes(),
        )
        for i in range(4):
            packed[ENTRY_BYTES - 4 + i :: ENTRY_BYTES] = written[i::4]
        return bytes(packed)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} entries)"


@lru_cache(maxsize=8)
def _columns(count: int) -> tuple[Struct, Struct]:
    """What reads the keys of so many entries, and how far their numbers lie below the head."""
    return Struct(">" + "x8s4x" * count), Struct(">" + "9xI" * count)


def _turned(column: array[int]) -> array[int]:
    """Between the byte order of the network and ours."""
    if sys.byteorder == "little":
        column.byteswap()
    return column
