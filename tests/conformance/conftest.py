"""One suite, every database: what `ports.Store` promises, tried on each by two nodes at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sekisho.adapters.migrations.upgrade import migrate
from sekisho.adapters.postgres.engine import PostgresEngine
from sekisho.adapters.postgres.store import PostgresStore
from sekisho.adapters.sql.store import SqlStore
from sekisho.adapters.sqlite import SqliteStore
from tests.conformance.scene import Scene
from tests.parts.postgres import PostgresServer


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a migrated database, to be copied."""
    name = postgres_server.create_database()
    migrate(postgres_server.url(name))
    return name


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated database of the test's own."""
    shutil.copy(sqlite_template, tmp_path / "sekisho.db")
    return f"sqlite:///{tmp_path}/sekisho.db"


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("postgres portable", marks=pytest.mark.postgres),
    ]
)
def database(request: pytest.FixtureRequest) -> str:
    """An engine and how it is used: on PostgreSQL also with nothing but the portable SQL."""
    name: str = request.param
    return name


@pytest.fixture
def new_stores(database: str, request: pytest.FixtureRequest) -> Iterator[list[SqlStore]]:
    """Two stores on one database, as two servers have them; not yet open."""
    if database == "sqlite":
        url: str = request.getfixturevalue("sqlite_url")
        yield [SqliteStore(url), SqliteStore(url)]
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("postgres_template")
    strict = {"default_transaction_isolation": "serializable"} if "serializable" in database else {}
    name = server.create_database(template=template, settings=strict)
    if "portable" in database:
        yield [SqlStore(PostgresEngine(server.url(name), entropy=os.urandom)) for _ in range(2)]
    else:
        yield [PostgresStore(server.url(name), entropy=os.urandom) for _ in range(2)]
    server.drop_database(name)


@pytest.fixture
async def scene(new_stores: list[SqlStore]) -> AsyncIterator[Scene]:
    """Two nodes at work, and short words for what tests do with them."""
    for store in new_stores:
        await store.open()
    yield Scene(new_stores)
    for store in new_stores:
        await store.close()
