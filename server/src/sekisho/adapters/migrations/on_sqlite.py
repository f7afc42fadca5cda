"""The schema of a SQLite file: which one it has, a new one, and the transaction in which it is upgraded."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sekisho.adapters.migrations.fresh import PATIENCE, schema
from sekisho.adapters.sql.schema import REVISION, VERSION_TABLE
from sekisho.adapters.sqlite import connect, create_file, keep_write_ahead_log, sqlite_path, unavailable

if TYPE_CHECKING:
    from sqlalchemy import Connection

_BEGIN: Final = "BEGIN EXCLUSIVE"
_HAS_SCHEMA: Final = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"


def revision(url: str) -> str | None:
    """The revision that the file is at; none where there is no file, or nothing in it.

    Raises:
        Refusal: `unavailable`: it cannot be read, or is no database.
    """
    path = sqlite_path(url)
    if not path.exists():
        return None
    try:
        with closing(connect(path)) as connection:
            rows = connection.execute(REVISION).fetchall()
    except sqlite3.Error as fault:
        if "no such table" in str(fault):
            return None
        raise unavailable(fault) from fault
    return str(rows[0][0]) if rows else None


def create(url: str, *, epoch: int) -> bool:
    """Make the schema where there is none, in one transaction; whether there was none.

    Raises:
        Refusal: `unavailable`: the file cannot be made or written, or is no database.
    """
    try:
        # What is not committed is undone when the connection closes.
        with closing(_open(sqlite_path(url))) as connection:
            connection.execute(_BEGIN)
            if connection.execute(_HAS_SCHEMA, (VERSION_TABLE,)).fetchall():
                return False
            for statement in schema("sqlite").split(";\n"):
                connection.execute(statement)
            connection.execute("UPDATE feed_head SET epoch = ?", (epoch,))
            connection.execute("COMMIT")
    except (OSError, sqlite3.Error) as fault:
        raise unavailable(fault) from fault
    return True


@contextmanager
def exclusive(url: str) -> Generator[Connection]:
    """A transaction that nobody writes beside.

    Raises:
        Refusal: `unavailable`: the file cannot be opened.
    """
    from sqlalchemy import create_engine, event, pool  # noqa: PLC0415 - see upgrade.py

    path = sqlite_path(url)
    try:
        _open(path).close()
    except (OSError, sqlite3.Error) as fault:
        raise unavailable(fault) from fault
    engine = create_engine(
        "sqlite://", creator=lambda: connect(path, patience=PATIENCE), poolclass=pool.NullPool
    )

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(_BEGIN)

    event.listen(engine, "begin", begin)
    with engine.begin() as connection:
        yield connection


def _open(path: Path) -> sqlite3.Connection:
    """A connection to the file, which is made if it is not there."""
    create_file(path)
    connection = connect(path, patience=PATIENCE)
    try:
        keep_write_ahead_log(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
