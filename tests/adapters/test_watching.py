"""Watching a request: what its adapters do is told to its watcher, and to nobody else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sekisho.adapters import system, watching
from sekisho.adapters.migrations import upgrade
from sekisho.adapters.password_hashes import PROFILES
from sekisho.adapters.passwords import HashedPasswords
from sekisho.adapters.sqlite import SqliteEngine, create_file
from tests.parts.watcher import Seen, touch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[SqliteEngine]:
    """A database with our schema."""
    path = tmp_path / "sekisho.db"
    create_file(path)
    await asyncio.to_thread(upgrade.migrate, f"sqlite:///{path}")
    engine = SqliteEngine(path)
    await engine.open()
    yield engine
    await engine.close()


async def test_statements_are_told_with_what_they_did(engine: SqliteEngine) -> None:
    """Text, parameters, rows and time; what changed no row is a read, whatever it is called."""
    seen = Seen()
    with watching.watched(seen):
        assert await engine.write(lambda: touch("staff")) == 3
    assert [kind for kind, _ in seen.told] == ["db.read", "db.write", "db.read"]
    read, written, nothing = (facts for _, facts in seen.told)
    assert (read["sql"], read["rows"]) == ("SELECT name FROM groups WHERE name = :name", 0)
    assert (written["parameters"], written["rows"]) == ({"name": "staff"}, 1)
    assert nothing["rows"] == 0
    assert all(facts["ms"] >= 0 for facts in (read, written, nothing))


async def test_two_requests_at_once_are_told_apart(engine: SqliteEngine) -> None:
    """They share a transaction, and each watcher hears of its own; one that nobody watches tells nobody."""
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
