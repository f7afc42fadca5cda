"""The schema is made once, by whoever comes first, and found by everybody else."""

from __future__ import annotations

import runpy
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from msgspec.structs import replace

from sekisho.adapters.migrations.fresh import Dialect, schema
from sekisho.adapters.migrations.upgrade import migrate, status
from sekisho.adapters.migrations.versions import r0001_checkpoint
from sekisho.adapters.postgres.store import PostgresStore
from sekisho.adapters.sql.schema import NEEDED
from sekisho.adapters.sql.store import SqlStore
from sekisho.adapters.sqlite import SqliteStore, connect, sqlite_path
from sekisho.rules.refusals import Refusal
from tests.conformance.scene import Scene, refusal
from tests.house.tree import ROOT
from tests.parts.postgres import PostgresServer

MIGRATE = "import sys; from sekisho.adapters.migrations.upgrade import migrate; migrate(sys.argv[1])"
MIGRATE_AND_TELL = f"""
{MIGRATE}
heavy = {{"alembic", "sqlalchemy"}} & set(sys.modules)
print(sorted(heavy), end="")
"""
#: Everything that the schema of a database consists of, in its order.
DESCRIBED = {
    "sqlite": "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name",
    "postgresql": """
        SELECT 'column', c.relname, a.attname, concat_ws(' ', a.attnum, format_type(a.atttypid, a.atttypmod),
            a.attnotnull, pg_get_expr(d.adbin, d.adrelid), c.reloptions)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
        UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
        ORDER BY 1, 2, 3, 4""",
}
#: The rows of a new database.
FIRST_ROWS = ("SELECT * FROM feed_head", "SELECT * FROM feed_read", "SELECT * FROM sekisho_version")
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that nobody has migrated."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


def new_store(url: str) -> SqlStore:
    """A store that is not open."""
    return SqliteStore(url) if url.startswith("sqlite") else PostgresStore(url, entropy=bytes)


def dialect_of(url: str) -> Dialect:
    """Which SQL it speaks."""
    return "sqlite" if url.startswith("sqlite") else "postgresql"


def execute(url: str, sql: str) -> list[tuple[object, ...]]:
    """Run a statement beside the store; its rows, if it has any."""
    if url.startswith("sqlite"):
        with closing(connect(sqlite_path(url))) as file:
            return list(file.execute(sql))
    with psycopg.connect(url) as connection:
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


def described(url: str) -> list[tuple[object, ...]]:
    """The schema of a database, however it is laid out, and the rows that a new one has."""
    found = [row for sql in (DESCRIBED[dialect_of(url)], *FIRST_ROWS) for row in execute(url, sql)]
    return [
        tuple(" ".join(value.split()) if isinstance(value, str) else value for value in row) for row in found
    ]


def migrated(url: str) -> str:
    """Which of the two libraries a process has loaded that has migrated a database."""
    return subprocess.run(
        [sys.executable, "-c", MIGRATE_AND_TELL, url], capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_what_is_needed_is_the_newest_revision() -> None:
    """The constant that a start compares with is the head of the history that the package ships."""
    config = Config()
    config.set_main_option("script_location", "sekisho.adapters:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [NEEDED]


def test_the_first_revision_has_no_way_down() -> None:
    """A downgrade would lose every account without a word."""
    with pytest.raises(RuntimeError, match="restore a backup"):
        r0001_checkpoint.downgrade()


async def test_an_empty_database_is_told_from_a_migrated_one(empty_url: str) -> None:
    """No store opens before the migration, each does after it, and to migrate again is to do nothing."""
    assert status(empty_url) == (None, NEEDED)
    told = await refusal(new_store(empty_url).open())
    assert told.code == "unavailable"
    migrate(empty_url)
    assert status(empty_url) == (NEEDED, NEEDED)
    store = new_store(empty_url)
    await store.open()
    scene = Scene([store])
    assert await scene.rows("SELECT shard, epoch, seq FROM feed_head") == [(0, 1, 0)]
    hanako = await scene.account()
    migrate(empty_url)
    assert await store.find_account(id=hanako.id) == hanako
    await store.close()


async def test_an_older_schema_is_refused_with_its_remedy_and_a_newer_one_is_not(empty_url: str) -> None:
    """Revisions only add, so the release before the newest one runs on it."""
    migrate(empty_url)
    store = new_store(empty_url)
    await store.open()
    scene = Scene([store])
    await scene.change("UPDATE sekisho_version SET version_num = '9999'")
    await store.ping()
    newer = new_store(empty_url)
    await newer.open()
    await newer.close()
    await scene.change("UPDATE sekisho_version SET version_num = '0000'")
    told = await refusal(new_store(empty_url).open())
    assert told.code == "unavailable"
    assert "sekisho db migrate" in told.detail
    await store.close()


async def test_english_that_was_no_choice_becomes_undetermined(empty_url: str) -> None:
    """What the release before kept for "never chose"; another language was chosen, and stays."""
    migrate(empty_url)
    store = new_store(empty_url)
    await store.open()
    scene = Scene([store])
    hanako, taro = await scene.account(), await scene.account("taro@example.com")
    await scene.change("UPDATE users SET locale = 'en' WHERE id = :id", id=hanako.id)
    await scene.change("UPDATE users SET locale = 'ja' WHERE id = :id", id=taro.id)
    await scene.change("UPDATE sekisho_version SET version_num = '0004'")
    migrate(empty_url)
    assert status(empty_url) == (NEEDED, NEEDED)
    kept = [await store.find_account(id=each.id) for each in (hanako, taro)]
    assert kept == [replace(hanako, locale="und"), replace(taro, locale="ja")]
    await store.close()


async def test_the_feed_of_a_new_database_begins_where_it_is_told(empty_url: str) -> None:
    """Above whatever a database had that was thrown away; one that is there keeps what it has."""
    migrate(empty_url, epoch=1_795_000_000)
    migrate(empty_url, epoch=1_795_000_099)
    store = new_store(empty_url)
    await store.open()
    assert await Scene([store]).rows("SELECT epoch, seq FROM feed_head") == [(1_795_000_000, 0)]
    await store.close()


def test_two_nodes_that_migrate_at_once_agree(empty_url: str) -> None:
    """Both succeed, and the schema is there once."""
    nodes = [
        subprocess.Popen([sys.executable, "-c", MIGRATE, empty_url], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    ends = [node.communicate(timeout=60)[1] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0, 0], ends
    assert status(empty_url) == (NEEDED, NEEDED)


def test_only_an_older_schema_needs_alembic(empty_url: str) -> None:
    """It takes a second, and memory until the next start: a new database does without, like a current one."""
    assert migrated(empty_url) == "[]"
    assert migrated(empty_url) == "[]"
    execute(empty_url, "UPDATE sekisho_version SET version_num = '0004'")
    assert migrated(empty_url) == "['alembic', 'sqlalchemy']"
    assert status(empty_url) == (NEEDED, NEEDED)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_a_new_database_gets_is_what_the_revisions_say(dialect: Dialect) -> None:
    """Written down by `tools/schema.py`, which has to be run after each new revision."""
    rendered = runpy.run_path(str(ROOT / "tools" / "schema.py"))["rendered"]
    assert schema(dialect) == rendered(dialect)


def test_a_new_database_is_one_that_went_through_all_revisions(
    empty_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Column by column, with every constraint and index, and with the rows that are there from the first."""
    migrate(empty_url)
    new = described(empty_url)
    if empty_url.startswith("sqlite"):
        stepwise = f"sqlite:///{tmp_path}/stepwise.db"
        (tmp_path / "stepwise.db").touch()
    else:
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        stepwise = postgres.url(postgres.create_database())
    version_table = schema(dialect_of(stepwise)).partition(";")[0]  # empty, so that no revision was applied
    execute(stepwise, version_table)
    assert migrated(stepwise) == "['alembic', 'sqlalchemy']"
    assert described(stepwise) == new
    assert any("sessions_user_id" in row for row in new), "what is compared is the schema"


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    """Said as a refusal, not as a stack trace; and the file is left alone."""
    path = tmp_path / "notes.txt"
    path.write_text("this is not a database\n" * 100)
    for act in (status, migrate):
        with pytest.raises(Refusal) as told:
            act(f"sqlite:///{path}")
        assert told.value.code == "unavailable"
    assert path.read_text().startswith("this is not")


def test_a_server_that_is_not_there_is_unavailable() -> None:
    """The refusal does not repeat the password of the URL."""
    for act in (status, migrate):
        with pytest.raises(Refusal) as told:
            act("postgresql://postgres:sample-password@127.0.0.1:1/none")
        assert told.value.code == "unavailable"
        assert "sample-password" not in told.value.detail


@pytest.mark.postgres
def test_a_role_that_may_make_no_tables_is_told(postgres_server: PostgresServer) -> None:
    """Since PostgreSQL 15 only the owner may make any in a new database; nothing is half made."""
    url = postgres_server.url(postgres_server.create_database())
    with psycopg.connect(url) as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'only-in-this-test'")
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    at = urlsplit(url)
    with pytest.raises(Refusal) as told:
        migrate(f"postgresql://guest:only-in-this-test@{at.hostname}:{at.port}{at.path}")
    assert (told.value.code, told.value.detail) == ("unavailable", "permission denied for schema public")
    assert status(url)[0] is None
