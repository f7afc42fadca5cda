"""A PostgreSQL database, one node on it, and a hand beside the node: for the tests of that adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.parts.postgres_nodes import Hand, migrated, nodes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.conformance.scene import Scene
    from tests.parts.postgres import PostgresServer


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    """A migrated database."""
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
