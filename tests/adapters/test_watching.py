"""Watching a request: what its adapters do is told to its watcher, and to nobody else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sekisho.adapters import system, watching
from sekisho.adapters.password_hashes import PROFILES
from sekisho.adapters.passwords import HashedPasswords
from sekisho.adapters.sql.operation import Engine, Operation, Rows, Statement
from sekisho.adapters.sqlite import SqliteStore
from tests.parts.watcher import Seen, touch

if TYPE_CHECKING:
    from tests.conformance.scene import Scene

_IN_ONE = """
WITH made AS (INSERT INTO groups (name, created_at) VALUES (:name, 1.0) ON CONFLICT DO NOTHING RETURNING name)
SELECT name FROM made
"""


@pytest.fixture(
    params=["store", pytest.param("scene", marks=pytest.mark.postgres)], ids=["sqlite", "postgres"]
)
def engine(request: pytest.FixtureRequest) -> Engine:
    """That of a database with our schema."""
    found: SqliteStore | Scene = request.getfixturevalue(request.param)
    return found.engine if isinstance(found, SqliteStore) else found.store.engine


async def test_statements_are_told_with_what_they_did(engine: Engine) -> None:
    """Text, parameters by name, rows and time; what changed no row is a read, whatever it is called."""
    seen = Seen()
    with watching.watched(seen):
        assert await engine.write(lambda: touch("staff")) == 3
    assert [kind for kind, _ in seen.told] == ["db.read", "db.write", "db.read"]
    read, written, nothing = (facts for _, facts in seen.told)
    assert (read["sql"], read["rows"]) == ("SELECT name FROM groups WHERE name = :name", 0)
    assert (written["parameters"], written["rows"]) == ({"name": "staff"}, 1)
    assert nothing["rows"] == 0
    assert all(facts["ms"] >= 0 for facts in (read, written, nothing))


@pytest.mark.postgres
async def test_a_change_inside_of_a_with_is_a_write_where_it_was_made(scene: Scene) -> None:
    """PostgreSQL's hot verbs are such statements; the second time nothing is changed, and it is a read."""

    def changes() -> Operation[Rows]:
        return (yield Statement(_IN_ONE, {"name": "staff"}))

    seen = Seen()
    with watching.watched(seen):
        for _ in range(2):
            await scene.store.engine.write(changes)
    assert [(kind, facts["rows"]) for kind, facts in seen.told] == [("db.write", 1), ("db.read", 0)]


async def test_two_requests_at_once_are_told_apart(engine: Engine) -> None:
    """Also where they share a transaction each watcher hears of its own; what nobody watches tells nobody."""
    seen = {name: Seen() for name in ("a", "b")}

    async def ask(name: str) -> None:
        with watching.watched(seen[name]):
            await engine.write(lambda: touch(name))

    await asyncio.gather(ask("a"), engine.write(lambda: touch("unwatched")), ask("b"))
    for name, watcher in seen.items():
        assert [facts["parameters"].get("name") for _, facts in watcher.told] == [name, name, None]
    assert watching.current() is None


async def test_the_hash_is_told_with_its_kind_and_without_the_password() -> None:
    """What it cost, for a wrong one and an unknown account alike."""
    passwords = HashedPasswords(PROFILES["OWASP_7MIB_T5"], entropy=system.entropy)
    seen = Seen()
    with watching.watched(seen):
        await passwords.check("a checkpoint on the road", None)
    passwords.close()
    [(kind, facts)] = seen.told
    assert (kind, facts["alg"]) == ("hash.verify", "argon2id$v=19$m=7168,t=5,p=1")
    assert facts["ms"] > 0
    assert "checkpoint" not in str(facts)


def test_nobody_is_told_where_nobody_watches() -> None:
    """What would be timed is given back as it is."""

    def act() -> int:
        return 1

    assert watching.timed("token.sign", act, alg="HS256") is act
    watching.note("db.read", rows=1)
    seen = Seen()
    with watching.watched(seen):
        watching.note("db.read", rows=1)
        assert watching.timed("token.sign", act, alg="HS256")() == 1
    watching.note("db.read", rows=2)
    (first, rows), (second, signed) = seen.told
    assert (first, rows) == ("db.read", {"rows": 1})
    assert (second, signed["alg"]) == ("token.sign", "HS256")
