"""What the explorer is tested on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.parts.explorer import Exploring

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def exploring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exploring]:
    """One stage for all tests of a file."""
    with Exploring(tmp_path_factory.mktemp("stage")) as running:
        yield running
