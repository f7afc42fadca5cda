"""Entries in 13 bytes each, as they go over the network, and are kept by who publishes them.

One byte for kind and effect, eight for the key, four for how far the number lies below the highest. They are
read one by one: a million entries as objects would take ten times as much while they are taken in.
"""

from __future__ import annotations

from collections.abc import Collection
from struct import Struct
from typing import TYPE_CHECKING, Final

from sekisho_verify.errors import RevocationsUnavailable
from sekisho_verify.revocations.entries import EFFECTS, KINDS, Entry

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


def pack(entries: Iterable[Entry], *, head: int) -> bytes:
    """The entries, whose numbers are at most `head`, packed.

    A number that lies further below than four bytes can say is written as the lowest they can: it then hits
    more tokens than it must, and never fewer.
    """
    return b"".join(
        _ENTRY.pack(_CODES[kind, effect], key, min(head - number, _FURTHEST))
        for number, kind, key, effect in entries
    )


class PackedEntries(Collection[Entry]):
    """Packed entries, to be gone through.

    Args:
        packed: what `pack` gave.
        head: the number that it was given.

    Raises:
        RevocationsUnavailable: it is not a whole number of entries. An entry of a kind that is not known here
            is found while going through.
    """

    __slots__ = ("_head", "_packed")

    def __init__(self, packed: bytes, *, head: int) -> None:
        if len(packed) % ENTRY_BYTES:
            raise RevocationsUnavailable(f"{len(packed)} bytes of entries of {ENTRY_BYTES} each")
        self._packed: Final = packed
        self._head: Final = head

    def __len__(self) -> int:
        return len(self._packed) // ENTRY_BYTES

    def __iter__(self) -> Iterator[Entry]:
        head = self._head
        for code, key, below in _ENTRY.iter_unpack(self._packed):
            meaning = _MEANING.get(code)
            if meaning is None:
                # To skip it would let live what it ends. Who reads this is older than who wrote it.
                raise RevocationsUnavailable(f"an entry of an unknown kind, {code}: update sekisho-verify")
            yield Entry(head - below, meaning[0], key, meaning[1])

    def __contains__(self, entry: object) -> bool:
        return any(each == entry for each in self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} entries)"
