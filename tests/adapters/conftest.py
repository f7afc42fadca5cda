"""A database on either engine; on PostgreSQL one node too, and a hand beside the node."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sekisho.adapters.migrations.upgrade import migrate
from sekisho.adapters.sqlite import SqliteStore
from tests.parts.postgres_nodes import Hand, migrated, nodes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.conformance.scene import Scene
    from tests.parts.postgres import PostgresServer


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """An empty database of this release."""
    url = f"sqlite:///{tmp_path / 'sekisho.db'}"
    await asyncio.to_thread(migrate, url)
    opened = SqliteStore(url)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    """A migrated database of PostgreSQL."""
    return migrated(postgres_server)


@pytest.fixture
def hand(url: str) -> Iterator[Hand]:
    """A connection beside the nodes."""
    hand = Hand(url)
    yield hand
    hand.close()


@pytest.fixture
async def scene(url: str) -> AsyncIterator[Scene]:
    """One node."""
    async with nodes(url) as scene:
        yield scene
