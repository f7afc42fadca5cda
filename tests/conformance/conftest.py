"""One suite, every database: what `ports.Store` promises, tried on each by two nodes at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from sekisho.adapters.migrations.upgrade import migrate
from sekisho.adapters.postgres.engine import PostgresEngine
from sekisho.adapters.postgres.store import PostgresStore
from sekisho.adapters.sql.store import SqlStore
from sekisho.adapters.sqlite import SqliteStore
from tests.conformance.scene import Scene
from tests.parts.postgres import PostgresServer

#: What is in a database but its schema; what else there is goes with these.
TABLES = ("users", "groups", "feed", "throttle", "security_events", "signing_keys", "retired_keys")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def emptied_postgres(postgres_server: PostgresServer) -> Callable[[str], str]:
    """The URL of a database with nothing in it but the schema, for an isolation level.

    Emptied for each test: that takes a millisecond, where making one takes two hundred.
    """

    @cache
    def made(isolation: str) -> str:
        name = postgres_server.create_database(settings={"default_transaction_isolation": isolation})
        migrate(postgres_server.url(name))
        return postgres_server.url(name)

    def emptied(isolation: str) -> str:
        url = made(isolation)
        with psycopg.connect(url, autocommit=True) as connection:
            for table in TABLES:
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            connection.execute("UPDATE feed_head SET epoch = 1, seq = 0, timeline = NULL")
            connection.execute("UPDATE feed_read SET at = 0")
        return url

    return emptied


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated database of the test's own."""
    shutil.copy(sqlite_template, tmp_path / "sekisho.db")
    return f"sqlite:///{tmp_path}/sekisho.db"


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("postgres portable", marks=[pytest.mark.postgres, pytest.mark.long]),
    ]
)
def database(request: pytest.FixtureRequest) -> str:
    """An engine and how it is used: on PostgreSQL also with nothing but the portable SQL.

    That is the SQL of SQLite, so the fast suite has it there alone.
    """
    name: str = request.param
    return name


@pytest.fixture
def new_stores(database: str, request: pytest.FixtureRequest) -> list[SqlStore]:
    """Two stores on one database, as two servers have them; not yet open."""
    if database == "sqlite":
        file: str = request.getfixturevalue("sqlite_url")
        return [SqliteStore(file), SqliteStore(file)]
    emptied: Callable[[str], str] = request.getfixturevalue("emptied_postgres")
    url = emptied("serializable" if "serializable" in database else "read committed")
    if "portable" in database:
        return [SqlStore(PostgresEngine(url, entropy=os.urandom)) for _ in range(2)]
    return [PostgresStore(url, entropy=os.urandom) for _ in range(2)]


@pytest.fixture
async def scene(new_stores: list[SqlStore]) -> AsyncIterator[Scene]:
    """Two nodes at work, and short words for what tests do with them."""
    for store in new_stores:
        await store.open()
    yield Scene(new_stores)
    for store in new_stores:
        await store.close()
