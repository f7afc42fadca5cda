"""A server with pages for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sekisho.compose import standard_features
from tests.features.pages.visitor import Visitor
from tests.web.conftest import prepared, server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sekisho.feature import Feature
    from sekisho.settings import Settings
    from tests.web.served import Clock, Served, Server

__all__ = ["prepared", "server"]


def with_pages(settings: Settings, clock: Clock) -> list[Feature]:
    """What a server has unless somebody says otherwise."""
    return standard_features(settings, clock=clock)


@pytest.fixture
async def served(server: Server) -> AsyncIterator[Served]:
    """The server as it starts on a laptop, and an account."""
    async with server(features=with_pages) as running:
        await running.register()
        yield running


@pytest.fixture
def visitor(served: Served) -> Visitor:
    """Somebody who has not been here before."""
    return Visitor(served)
