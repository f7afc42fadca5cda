"""One site for the tests of a file: a server takes seconds to start, a browser of one's own does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.client.tabs import site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.client.tabs import Site
    from tests.parts.browser import Chromium


@pytest.fixture(scope="module")
async def running(chromium: Chromium, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A server, its line, and Chromium."""
    async with site(chromium, tmp_path_factory.mktemp("site")) as running:
        yield running
