"""What an issuer publishes when something ends: entries, by the snapshot and by the frame.

Issuer and verifier read and write the keys of entries, and the claim `rv`, by these functions alone.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol, get_args, runtime_checkable

from msgspec import Struct

from sekisho_verify.claims import YEAR_10000
from sekisho_verify.errors import RevocationsUnavailable

if TYPE_CHECKING:
    from collections.abc import Collection

Kind = Literal["session", "user", "group", "key", "everything"]
Effect = Literal["revoked", "stale"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
EFFECTS: Final[tuple[Effect, ...]] = get_args(Effect)

LIMIT: Final = 10**18
"""No epoch and no number reaches this: eighteen digits are what a database holds in 64 bits."""

_KEY_BYTES: Final = 8
_RV: Final = re.compile(r"(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})")  # one spelling a value


def entry_key(kind: Kind, name: str) -> bytes:
    """What an entry goes by: the first 8 bytes of SHA-256(kind | name).

    The name is the id of a session or user, the name of a group, a `kid`, and empty for `everything`. It is
    not sent as it is: a UUIDv7 would tell when the account was made. That two names meet is one chance in
    2^64 a pair; it would refuse a good token, and never let a dead one live.
    """
    return hashlib.sha256(f"{kind}|{name}".encode()).digest()[:_KEY_BYTES]


def write_rv(epoch: int, number: int) -> str:
    """The claim `rv`: opaque to everyone but `read_rv`."""
    return f"{epoch}.{number}"


def read_rv(text: str) -> tuple[int, int] | None:
    """Epoch and number of an `rv` as issuers write it; none for other text, which is not to be believed."""
    written = _RV.fullmatch(text)
    return (int(written[1]), int(written[2])) if written else None


class Entry(NamedTuple):
    """One thing that ended (`revoked`), or whose rights changed so that tokens must be renewed (`stale`)."""

    number: int
    kind: Kind
    key: bytes
    effect: Effect


@runtime_checkable
class Packed(Protocol):
    """Entries that are `packed`: their keys are as long as keys are, and their numbers are known at once."""

    def numbers(self) -> tuple[int, int] | None:
        """The lowest and the highest number; none of no entries."""
        ...

    def below(self, head: int) -> bytes:
        """Packed as `packed.pack` does it for that head, which is no lower than any number."""
        ...


class Snapshot(Struct, frozen=True, kw_only=True):
    """Every entry that is still needed, as of one read of the issuer's database.

    Attributes:
        epoch: raised by the issuer when its database was restored or promoted.
        head: the last number taken in that epoch.
        as_of: when the database was read, in seconds since 1970 by the issuer's clock.
        ttl: seconds for which an entry is needed: those that any token it can hit may still be accepted.
        entries: in any order. What came over from an earlier epoch counts as of this one: an `rv` of an
            earlier epoch may be of a line of history that was lost, so it stands before everything there is.

    Raises:
        RevocationsUnavailable: if that contradicts itself.
    """

    epoch: int
    head: int
    as_of: float
    ttl: float
    entries: Collection[Entry]

    def __post_init__(self) -> None:
        _refuse_nonsense(self.epoch, 1, self.head, self.as_of, self.entries)
        if not 0 < self.ttl < YEAR_10000:
            raise RevocationsUnavailable(f"a snapshot whose entries live {self.ttl!a} seconds")


class Frame(Struct, frozen=True, kw_only=True):
    """The entries numbered `first` to `last`, both included, as of one read of the issuer's database.

    Raises:
        RevocationsUnavailable: if that contradicts itself.
    """

    epoch: int
    first: int
    last: int
    as_of: float
    entries: Collection[Entry]

    def __post_init__(self) -> None:
        _refuse_nonsense(self.epoch, self.first, self.last, self.as_of, self.entries)


class Heartbeat(Struct, frozen=True, kw_only=True):
    """Nothing new: `head` was still the last number when the issuer's database was read.

    Raises:
        RevocationsUnavailable: if that contradicts itself.
    """

    epoch: int
    head: int
    as_of: float

    def __post_init__(self) -> None:
        _refuse_nonsense(self.epoch, 1, self.head, self.as_of, ())


def _refuse_nonsense(epoch: int, first: int, last: int, as_of: float, entries: Collection[Entry]) -> None:
    """Return if epoch, numbers and time can be so.

    Raises:
        RevocationsUnavailable: an issuer that says this cannot be followed.
    """
    numbered = 0 <= epoch < LIMIT and 0 <= first <= last + 1 <= LIMIT
    if not (numbered and 0 <= as_of < YEAR_10000):
        raise RevocationsUnavailable(f"numbers {first!a} to {last!a} of epoch {epoch!a} as of {as_of!a}")
    if isinstance(entries, Packed):
        # By columns: to go through a million entries one by one takes a second.
        numbers = entries.numbers()
        if numbers is not None and not first <= numbers[0] <= numbers[1] <= last:
            raise RevocationsUnavailable(f"numbers {numbers!a} among the numbers {first!a} to {last!a}")
        return
    for entry in entries:
        if not (first <= entry.number <= last and len(entry.key) == _KEY_BYTES):
            raise RevocationsUnavailable(f"entry {entry.number!a} among the numbers {first!a} to {last!a}")
