"""A server for each test, and one way to make others with other settings."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.web.served import Served, Server, prepare

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory after a first run, to be copied."""
    path = tmp_path_factory.mktemp("prepared") / "data"
    asyncio.run(prepare(path))
    return path


@pytest.fixture
def server(prepared: Path, tmp_path: Path) -> Server:
    """Servers with other settings than most tests need."""
    return Server(prepared, tmp_path)


@pytest.fixture
async def served(server: Server) -> AsyncIterator[Served]:
    """The server as it starts on a laptop."""
    async with server() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that is empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/sekisho.db"
    url: str = request.getfixturevalue("postgres_url")
    return url
