"""What the commands are tested on: a data directory, and a way to run them in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest
from click.testing import CliRunner, Result

from sekisho.cli.main import tree
from tests.parts.serving import environment

if TYPE_CHECKING:
    from pathlib import Path


class Run(Protocol):
    """Runs a command."""

    def __call__(self, *arguments: str, text: str = "", **settings: str) -> Result:
        """`text` is its stdin; exit code, stdout and stderr are the result's."""
        ...


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Where a data directory may be made."""
    return tmp_path / "data"


@pytest.fixture
def sekisho(data: Path) -> Run:
    """Run a command on that directory; what nobody expected is raised here."""

    def run(*arguments: str, text: str = "", **settings: str) -> Result:
        variables: dict[str, str | None] = {**environment(SEKISHO_DATA=str(data), **settings)}
        return CliRunner().invoke(tree, arguments, input=text, env=variables, catch_exceptions=False)

    return run
