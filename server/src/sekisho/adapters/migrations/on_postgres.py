"""The schema in PostgreSQL: which one it has, a new one, and the transaction in which it is upgraded."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sekisho.adapters.migrations.fresh import PATIENCE, schema
from sekisho.adapters.postgres.connecting import target
from sekisho.adapters.sql.schema import REVISION, VERSION_TABLE
from sekisho.rules.refusals import Refusal

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Connection

#: What nodes that migrate one database queue up on; any number, as long as it never changes.
_ADVISORY_LOCK: Final = 7_358_472_001

_TAKE_TURNS: Final = (
    f"SET LOCAL statement_timeout = '{PATIENCE}s'",
    f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})",
    # A revision takes as long as it takes: what ends a request that hangs must not end it.
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)


def revision(url: str) -> str | None:
    """The revision that it is at, or none.

    Raises:
        Refusal: `unavailable`: it does not answer.
    """
    import psycopg  # noqa: PLC0415 - an optional dependency

    try:
        with _refusing(), psycopg.connect(target(url).conninfo) as connection:
            row = connection.execute(REVISION).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return str(row[0]) if row else None


def create(url: str, *, epoch: int) -> bool:
    """Make the schema where there is none, in one transaction; whether there was none.

    Raises:
        Refusal: `unavailable`: the database does not answer, or the role may make no tables there.
    """
    with _refusing(), _connect(url) as connection:
        for statement in _TAKE_TURNS:
            connection.execute(statement.encode())
        if connection.execute("SELECT to_regclass(%s)", [VERSION_TABLE]).fetchone() != (None,):
            return False
        connection.execute(schema("postgresql").encode())
        connection.execute("UPDATE feed_head SET epoch = %s", [epoch])
    return True


@contextmanager
def exclusive(url: str) -> Generator[Connection]:
    """A transaction that holds the one advisory lock we know."""
    from sqlalchemy import create_engine, pool  # noqa: PLC0415 - see upgrade.py

    engine = create_engine("postgresql+psycopg://", creator=lambda: _connect(url), poolclass=pool.NullPool)
    with engine.begin() as connection:
        for statement in _TAKE_TURNS:
            connection.exec_driver_sql(statement)
        yield connection


@contextmanager
def _refusing() -> Generator[None]:
    """Say `unavailable` for what whoever runs the database can mend: it is away, a standby, closed to us."""
    import psycopg  # noqa: PLC0415 - an optional dependency
    from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction  # noqa: PLC0415 - same

    try:
        yield
    except (psycopg.OperationalError, InsufficientPrivilege, ReadOnlySqlTransaction) as fault:
        raise Refusal("unavailable", fault.diag.message_primary or str(fault)) from fault


def _connect(url: str) -> psycopg.Connection:
    """Connect. READ COMMITTED whatever the server's default.

    A snapshot taken before the wait for the lock would not show what the node that held it has done.
    """
    import psycopg  # noqa: PLC0415 - an optional dependency

    connection = psycopg.connect(target(url).conninfo)
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return connection
