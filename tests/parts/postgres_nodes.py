"""Nodes on a PostgreSQL database of their own, and a hand on the database beside them."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import psycopg

from sekisho.adapters.migrations.upgrade import migrate
from sekisho.adapters.postgres.store import PostgresStore
from tests.conformance.scene import Scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping

    from tests.parts.postgres import PostgresServer

T = TypeVar("T")

_templates: WeakKeyDictionary[PostgresServer, str] = WeakKeyDictionary()


def migrated(server: PostgresServer, *, settings: Mapping[str, str] | None = None) -> str:
    """Return the URL of a fresh database with the schema in it."""
    if server not in _templates:
        name = server.create_database()
        migrate(server.url(name))
        _templates[server] = name
    return server.url(server.create_database(template=_templates[server], settings=settings))


@asynccontextmanager
async def nodes(url: str, *, count: int = 1, size: int = 10, patience: float = 5.0) -> AsyncIterator[Scene]:
    """Open that many stores on a database."""
    stores = [PostgresStore(url, entropy=os.urandom, size=size, patience=patience) for _ in range(count)]
    try:
        for store in stores:
            await store.open()
        yield Scene([*stores])
    finally:
        for store in stores:
            await store.close()


class Hand:
    """A connection beside the nodes: it holds locks, cuts their connections and sees what they wait for."""

    def __init__(self, url: str) -> None:
        # Its own level, whatever the database's: it is here to hold locks, not to be part of the race.
        self._holding = psycopg.connect(url)
        self._holding.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        self._looking = psycopg.connect(url, autocommit=True)

    def close(self) -> None:
        """Let go of everything."""
        self._holding.close()
        self._looking.close()

    def hold(self, statement: str, **parameters: object) -> None:
        """Run a statement in a transaction that stays open until `let_go`."""
        self._holding.execute(statement.encode(), parameters)

    def let_go(self) -> None:
        """Commit what is held."""
        self._holding.commit()

    def ask(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement by itself."""
        cursor = self._looking.execute(statement.encode(), parameters)
        return cursor.fetchall() if cursor.description else []

    def waiting(self) -> list[int]:
        """Return the process ids of those who wait for a lock in this database, ours apart."""
        return [
            pid
            for (pid,) in self.ask(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event_type = 'Lock' AND application_name = 'sekisho'"
            )
        ]

    async def blocked(self, act: Awaitable[T]) -> tuple[asyncio.Future[T], int]:
        """Begin an act that has to wait for a lock; return it, and its process once it waits.

        Raises:
            AssertionError: it was done without having to wait, or never came to it.
        """
        others = self.waiting()
        running = asyncio.ensure_future(act)
        return running, await self.waiter(running, others=others)

    async def waiter(self, running: asyncio.Future[Any], *, others: list[int]) -> int:
        """Return the process by which an act waits for a lock, which is none of the others.

        Raises:
            AssertionError: it was done without having to wait, or never came to it.
        """
        for _ in range(10_000):
            await asyncio.sleep(0)
            if new := set(self.waiting()) - set(others):
                return new.pop()
            assert not running.done(), "nothing held it up"
        raise AssertionError("it never came to wait for a lock")

    def end(self, pid: int) -> None:
        """Cut a connection of the nodes, as a failover does."""
        self.ask("SELECT pg_terminate_backend(%(pid)s)", pid=pid)
