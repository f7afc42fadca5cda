"""The rows of the sandbox's database, read beside the server that writes them, and what changes in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from sekisho.features.explorer.telling import printable

Cell: TypeAlias = str | float | None
#: The rows of one table by their key.
Rows: TypeAlias = Mapping[str, Mapping[str, Cell]]

#: The tables that are shown, and by which columns a row is known again. Left out is what holds no story:
#: the throttle, sealed keys, and the heartbeat of the feed.
TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "users": ("id",),
    "sessions": ("id",),
    "feed": ("shard", "seq"),
    "user_roles": ("user_id", "role"),
    "group_members": ("user_id", "group_name"),
    "group_permissions": ("group_name", "permission"),
    "user_permissions": ("user_id", "permission"),
    "security_events": ("id",),
}
#: Rows of each that are shown, the newest of those that have an order of their own.
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Change:
    """One row that is not as it was."""

    table: str
    key: str
    change: str
    cells: Mapping[str, Cell]
    changed: tuple[str, ...] = ()

    def as_row(self) -> dict[str, object]:
        """As the page takes it."""
        return {"key": self.key, "change": self.change, "cells": self.cells, "changed": list(self.changed)}


class Tables:
    """What is in the file, and what has changed since the last look. One look at a time."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._known: dict[str, Rows] = {}
        self._beside: Final[dict[str, Callable[[], Rows]]] = {}

    def add(self, name: str, read: Callable[[], Rows]) -> None:
        """One more, that is in no file; `read` gives its rows, and does not raise."""
        self._beside[name] = read

    def look(self) -> list[Change]:
        """What has changed since the last look. It reads a file: on a thread.

        Where that cannot be read just now nothing has changed, and the next look finds it.
        """
        now = {name: read() for name, read in self._beside.items()}
        with suppress(sqlite3.Error):
            now |= self._read()
        return self._took(now)

    def look_beside(self) -> list[Change]:
        """The same, but for what is in the file: that changes only when a server is asked for something."""
        return self._took({name: read() for name, read in self._beside.items()})

    def _took(self, now: Mapping[str, Rows]) -> list[Change]:
        changes = [
            change
            for table, rows in now.items()
            for change in _changes(table, self._known.get(table, {}), rows)
        ]
        self._known |= now
        return changes

    def whole(self) -> list[dict[str, object]]:
        """Every table as it was at the last look, as the page takes it."""
        return [
            {
                "name": table,
                "columns": list(dict.fromkeys(column for cells in rows.values() for column in cells)),
                "rows": [{"key": key, "cells": cells} for key, cells in rows.items()],
            }
            for table, rows in self._known.items()
        ]

    def _read(self) -> dict[str, Rows]:
        with closing(sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            database.execute("BEGIN")  # one snapshot of all of them
            return {table: _rows(database, table, key) for table, key in TABLES.items()}


def _rows(database: sqlite3.Connection, table: str, key: tuple[str, ...]) -> Rows:
    # Names of the constant above; the newest ids and numbers are the largest.
    order = ", ".join(f"{column} DESC" for column in key)
    found = database.execute(f"SELECT * FROM {table} ORDER BY {order} LIMIT {_MOST}").fetchall()  # noqa: S608 - see above
    return {
        "|".join(str(row[column]) for column in key): {name: printable(row[name]) for name in row.keys()}  # noqa: SIM118 - a Row iterates over its values
        for row in reversed(found)
    }


def _changes(table: str, before: Rows, now: Rows) -> list[Change]:
    changes = [Change(table, key, "removed", before[key]) for key in before if key not in now]
    for key, cells in now.items():
        was = before.get(key)
        if was is None:
            changes.append(Change(table, key, "added", cells, tuple(cells)))
        elif was != cells:
            changed = tuple(name for name, value in cells.items() if value != was.get(name))
            changes.append(Change(table, key, "changed", cells, changed))
    return changes
