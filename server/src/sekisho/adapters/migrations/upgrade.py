"""Bring a database to the schema of this release. Alembic and SQLAlchemy are imported only to do that."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from sekisho.adapters.postgres.connecting import target
from sekisho.adapters.sql.schema import NEEDED, REVISION, VERSION_TABLE
from sekisho.adapters.sqlite import connect, create_file, keep_write_ahead_log, sqlite_path, unavailable
from sekisho.rules.refusals import Refusal

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: Seconds that one node waits for another to finish migrating.
PATIENCE = 60

_SCRIPTS = "sekisho.adapters:migrations"

#: What nodes that migrate one PostgreSQL database queue up on; any number, as long as it never changes.
_ADVISORY_LOCK = 7_358_472_001


def status(url: str) -> tuple[str | None, str]:
    """The revision a database is at (none: it is empty or absent) and the one this release needs.

    Raises:
        Refusal: `unavailable`: the database does not answer.
    """
    return _sqlite_revision(url) if url.startswith("sqlite:") else _postgres_revision(url), NEEDED


def migrate(url: str, *, epoch: int = 1) -> None:
    """Create or upgrade the schema in one transaction; no effect where it is current, or of a later release.

    Nodes that do this at the same time take turns, and all but the first find nothing left to do.

    `epoch`: where the revocation feed of a new database begins. The second counts (since 1970): verifiers may
    still know a database of this issuer that was thrown away, and would take an epoch that they have seen,
    and its low numbers, for old news.

    Raises:
        Refusal: `unavailable`: the database does not answer.
    """
    from alembic import command  # noqa: PLC0415 - half a second that a start which migrates nothing must not pay
    from alembic.config import Config  # noqa: PLC0415 - same
    from sqlalchemy import inspect, text  # noqa: PLC0415 - same
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415 - same

    if ahead(url):
        return
    config = Config()
    config.set_main_option("script_location", _SCRIPTS)
    try:
        with _exclusive_sqlite(url) if url.startswith("sqlite:") else _exclusive_postgres(url) as connection:
            config.attributes["connection"] = connection
            new = not inspect(connection).has_table(VERSION_TABLE)
            command.upgrade(config, "head")
            if new:
                connection.execute(text("UPDATE feed_head SET epoch = :epoch"), {"epoch": epoch})
    except OperationalError as fault:
        raise Refusal("unavailable", str(fault.orig)) from fault


def ahead(url: str) -> str:
    """The revision of a database that a later release has migrated, which holds more than we know; or ""."""
    from alembic.config import Config  # noqa: PLC0415 - see migrate
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see migrate

    config = Config()
    config.set_main_option("script_location", _SCRIPTS)
    current = status(url)[0] or ""
    return current if current > (ScriptDirectory.from_config(config).get_current_head() or "") else ""


def _sqlite_revision(url: str) -> str | None:
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


@contextmanager
def _exclusive_sqlite(url: str) -> Generator[Connection]:
    """A transaction that nobody writes beside, on a file that is made if it is not there."""
    from sqlalchemy import create_engine, event, pool  # noqa: PLC0415 - see migrate

    path = sqlite_path(url)
    try:
        create_file(path)
        with closing(connect(path, patience=PATIENCE)) as first:
            keep_write_ahead_log(first)
    except (OSError, sqlite3.Error) as fault:
        raise unavailable(fault) from fault
    engine = create_engine(
        "sqlite://", creator=lambda: connect(path, patience=PATIENCE), poolclass=pool.NullPool
    )

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN EXCLUSIVE")

    event.listen(engine, "begin", begin)
    with engine.begin() as connection:
        yield connection


def _postgres_revision(url: str) -> str | None:
    import psycopg  # noqa: PLC0415 - an optional dependency

    try:
        with psycopg.connect(target(url).conninfo) as connection:
            row = connection.execute(REVISION).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    except psycopg.OperationalError as fault:
        raise Refusal("unavailable", str(fault)) from fault
    return str(row[0]) if row else None


@contextmanager
def _exclusive_postgres(url: str) -> Generator[Connection]:
    """A transaction that holds the one advisory lock we know.

    READ COMMITTED whatever the server's default: a snapshot taken before the wait for the lock would not show
    what the node that held it has done.
    """
    import psycopg  # noqa: PLC0415 - an optional dependency
    from sqlalchemy import create_engine, pool  # noqa: PLC0415 - see migrate

    def connect_once() -> psycopg.Connection:
        connection = psycopg.connect(target(url).conninfo)
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        return connection

    engine = create_engine("postgresql+psycopg://", creator=connect_once, poolclass=pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{PATIENCE}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        # A revision takes as long as it takes: what ends a request that hangs must not end it.
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield connection
