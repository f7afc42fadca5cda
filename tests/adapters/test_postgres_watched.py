"""Watching a request on PostgreSQL: its statements are told to its watcher as SQLite's are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sekisho.adapters import system, watching
from sekisho.adapters.postgres.engine import PostgresEngine
from tests.parts.postgres_nodes import migrated
from tests.parts.watcher import Seen, touch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.parts.postgres import PostgresServer

pytestmark = pytest.mark.postgres

_IN_ONE = """
WITH made AS (INSERT INTO groups (name, created_at) VALUES (:name, 1.0) ON CONFLICT DO NOTHING RETURNING name)
SELECT name FROM made
"""


@pytest.fixture
async def engine(postgres_server: PostgresServer) -> AsyncIterator[PostgresEngine]:
    """A database with our schema."""
    engine = PostgresEngine(migrated(postgres_server), entropy=system.entropy, size=4)
    await engine.open()
    yield engine
    await engine.close()


async def test_statements_are_told_with_what_they_did(engine: PostgresEngine) -> None:
    """Text, parameters by name, rows and time; what changed no row is a read, whatever it is called."""
    seen = Seen()
    with watching.watched(seen):
        assert await engine.write(lambda: touch("staff")) == 3
    assert [kind for kind, _ in seen.told] == ["db.read", "db.write", "db.read"]
    read, written, nothing = (facts for _, facts in seen.told)
    assert (read["sql"], read["rows"]) == ("SELECT name FROM groups WHERE name = :name", 0)
    assert (written["parameters"], written["rows"]) == ({"name": "staff"}, 1)
    assert nothing["rows"] == 0
    assert all(facts["ms"] > 0 for facts in (read, written, nothing))


async def test_a_change_inside_of_a_with_is_a_write_where_it_was_made(engine: PostgresEngine) -> None:
    """The hot verbs are such statements; the second time nothing is changed, and it is a read."""
    seen = Seen()
    with watching.watched(seen):
        for _ in range(2):
            await engine.run(_IN_ONE, {"name": "staff"}, repeatable=True)
    assert [(kind, facts["rows"]) for kind, facts in seen.told] == [("db.write", 1), ("db.read", 0)]


async def test_two_requests_at_once_are_told_apart(engine: PostgresEngine) -> None:
    """Each watcher hears of its own; what nobody watches is told to nobody."""
    seen = {name: Seen() for name in ("a", "b")}

    async def ask(name: str) -> None:
        with watching.watched(seen[name]):
            await engine.write(lambda: touch(name))

    await asyncio.gather(ask("a"), engine.write(lambda: touch("unwatched")), ask("b"))
    for name, watcher in seen.items():
        assert [facts["parameters"].get("name") for _, facts in watcher.told] == [name, name, None]
