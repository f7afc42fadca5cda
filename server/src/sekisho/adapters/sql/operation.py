"""A transaction as a generator: it yields statements and is sent their rows; an engine drives it.

So every storage verb is written once, in plain SQL and with no word about threads, sockets or drivers, and
both engines run the very same text. The price is one Python frame a statement, a microsecond beside the
database.

An engine promises: all statements of an operation run in one transaction that commits when the generator
returns and rolls back when it raises; an operation may be run again from its start (serialization failure,
deadlock), so it must not have effects of its own. Whatever the database cannot do just now (no connection, no
table, no space, a lock not had in time) is `Refusal("unavailable")`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, TypeVar

from msgspec import field

from sekisho.frozen import Frozen, Hidden

Row: TypeAlias = tuple[Any, ...]
Rows: TypeAlias = list[Row]
T = TypeVar("T")


class Statement(Frozen):
    """One statement with `:name` parameters; it yields its rows (empty for one that returns none).

    `lock` is the clause (`FOR SHARE`, `FOR UPDATE OF s`) by which a SELECT that decides about a later write
    holds its row until the commit. An engine whose write transactions run one at a time leaves it off.
    Ids go in and come out as canonical text, whatever the column's type.

    `needs`: what not every database has, timelines of its history or notifications. An engine without it
    skips the statement, which yields no rows; nothing may depend on more than that.
    """

    sql: str
    parameters: Hidden[Mapping[str, object]] = field(default_factory=dict[str, object])
    lock: str = ""
    needs: Literal["", "timeline", "notify"] = ""


Operation: TypeAlias = Generator[Statement, Rows, T]


class Engine(Protocol):
    """What a database must be able to do.

    `single`: there is one copy of the data, so that what is read is never behind what was written.
    """

    single: ClassVar[bool]

    async def write(self, operation: Callable[[], Operation[T]]) -> T:
        """Run it in a transaction; durable when this returns."""
        ...

    async def read(self, operation: Callable[[], Operation[T]]) -> T:
        """Run it in one snapshot; it may not write."""
        ...

    async def open(self) -> None:
        """Connect."""
        ...

    async def close(self) -> None:
        """Finish what was begun and disconnect."""
        ...
