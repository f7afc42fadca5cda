"""Refreshes in process leave in the rows what refreshes leave, and the database says how many there were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from benchmarks.matrix import filling, growing
from tests.parts.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long  # starts a cluster and a server of its own

SESSIONS = 40


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A database with some sessions."""
    with PostgresServer() as postgres, filling.filled(tmp_path, postgres, SESSIONS) as (settings, _):
        yield settings["SEKISHO_DATABASE_URL"]


def test_every_session_with_a_token_was_refreshed_as_often(url: str) -> None:
    """The others not at all; and the sizes on the way belong to the numbers of refreshes."""
    told: list[str] = []
    found = growing.grown(url, SESSIONS, 400, told.append)
    assert [number for number, _ in found["bytes_after"]] == [0, *range(40, 401, 40)]
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT mode, gen, count(*) FROM sessions GROUP BY 1, 2 ORDER BY 1"
        ).fetchall()
    assert rows == [("session", 0, 20), ("token", 20, 20)]
    assert told[-1].endswith("400 of 400")


def test_refreshes_that_nobody_made_are_not_told(url: str) -> None:
    """Somebody else has raised a generation: then the numbers are worth nothing."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE sessions SET gen = 5 WHERE mode = 'session'")
    with pytest.raises(growing.WrongRotationError, match="tell of 500 refreshes, and there were 400"):
        growing.grown(url, SESSIONS, 400, lambda _: None)
