"""The tests' own PostgreSQL: private, restartable, and honest about what a kill -9 leaves."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.parts import postgres
from tests.parts.postgres import PostgresServer, PostgresUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.postgres


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    """Run one statement in a connection of its own."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def test_each_test_gets_an_empty_database(postgres_url: str) -> None:
    """A fresh database holds no table of anybody's."""
    assert rows(postgres_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


def test_a_template_is_copied_with_its_rows(postgres_server: PostgresServer) -> None:
    """What was prepared once in a template stands in every database made from it."""
    template = postgres_server.create_database()
    rows(postgres_server.url(template), "CREATE TABLE seal AS SELECT 'kept' AS word")
    copy = postgres_server.create_database(template=template)
    assert rows(postgres_server.url(copy), "SELECT word FROM seal") == [("kept",)]


def test_a_database_carries_its_settings_into_every_session(postgres_server: PostgresServer) -> None:
    """A suite can be run once more under another default isolation."""
    name = postgres_server.create_database(settings={"default_transaction_isolation": "serializable"})
    assert rows(postgres_server.url(name), "SHOW transaction_isolation") == [("serializable",)]


def test_it_listens_on_loopback_with_a_password_only(postgres_server: PostgresServer) -> None:
    """Nobody else on this machine gets in: there is no socket file and no access without the password."""
    assert rows(postgres_server.url(), "SHOW listen_addresses") == [("127.0.0.1",)]
    assert rows(postgres_server.url(), "SHOW unix_socket_directories") == [("",)]
    stranger = f"postgresql://postgres:guess@127.0.0.1:{postgres_server.port}/postgres"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        rows(stranger, "SELECT 1")


def test_a_durable_server_keeps_every_acknowledged_row_over_kill9() -> None:
    """After kill -9 the server comes back on its old port with every committed row."""
    with PostgresServer(durable=True) as server:
        assert rows(server.url(), "SHOW fsync") == [("on",)]
        url = server.url(server.create_database())
        rows(url, "CREATE TABLE acknowledged AS SELECT generate_series(1, 100) AS number")
        killed = server.pid
        server.kill9()
        with pytest.raises(psycopg.OperationalError):
            rows(url, "SELECT 1")
        server.start()
        assert server.pid != killed
        assert rows(url, "SELECT count(*) FROM acknowledged") == [(100,)]


def test_a_restart_keeps_port_and_rows() -> None:
    """A client that kept the URL finds its rows after a clean restart."""
    with PostgresServer() as server:
        url = server.url(server.create_database())
        rows(url, "CREATE TABLE kept AS SELECT 1 AS number")
        server.restart()
        assert rows(url, "SELECT number FROM kept") == [(1,)]


def test_nothing_is_left_behind() -> None:
    """After close neither the process nor its folder exists, and pid says so."""
    server = PostgresServer()
    server.start()
    folder = server.folder
    assert folder.exists()
    server.close()
    assert not folder.exists()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.pid


def test_a_setting_that_postgres_refuses_is_reported_with_its_log() -> None:
    """A server that cannot start says what PostgreSQL said, at once."""
    server = PostgresServer(settings={"shared_buffers": "nonsense"})
    try:
        with pytest.raises(RuntimeError, match='invalid value for parameter "shared_buffers"'):
            server.start()
    finally:
        server.close()


def test_a_machine_without_postgres_is_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where no folder holds the programs, the reason names the package."""
    monkeypatch.setattr(postgres, "_candidates", lambda: iter([tmp_path]))
    with pytest.raises(PostgresUnavailableError, match="apt-get install postgresql"):
        PostgresServer()
