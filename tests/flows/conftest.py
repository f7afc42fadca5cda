"""The flows on real parts: SQLite, the cheapest Argon2id, a clock that a test moves; no HTTP."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from sekisho.adapters.passwords import HashedPasswords
from sekisho.house import open_house
from sekisho.settings import read_settings
from tests.flows.people import People
from tests.parts.cheapest_hash import CHEAPEST
from tests.web.served import Clock, prepare

NewPeople = Callable[..., AbstractAsyncContextManager[People]]


@pytest.fixture(scope="session")
def prepared_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory after a first run, to be copied."""
    path = tmp_path_factory.mktemp("prepared") / "data"
    asyncio.run(prepare(path))
    return path


@pytest.fixture
def new_people(prepared_data: Path, tmp_path: Path) -> NewPeople:
    """A house with other settings than most tests need, given by their keys."""

    @asynccontextmanager
    async def make(**settings: str) -> AsyncIterator[People]:
        data = tmp_path / "data"
        shutil.copytree(prepared_data, data)
        environ = {f"SEKISHO_{key.upper()}": value for key, value in settings.items()}
        clock = Clock()
        chosen = read_settings({"SEKISHO_DATA": str(data), **environ})
        async with open_house(chosen, environ={}, clock=clock) as opened:
            passwords = HashedPasswords(CHEAPEST, entropy=os.urandom)
            yield People(replace(opened, passwords=passwords), clock)
            passwords.close()

    return make


@pytest.fixture
async def people(new_people: NewPeople) -> AsyncIterator[People]:
    """A house as it starts on a laptop."""
    async with new_people() as house:
        yield house


@pytest.fixture
async def stateless(new_people: NewPeople) -> AsyncIterator[People]:
    """A house that stores no sessions."""
    async with new_people(refresh_store="none") as house:
        yield house
