"""Statements are counted in PostgreSQL's log, whoever sends them and however."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from benchmarks.load import Timed
from benchmarks.matrix import statements
from benchmarks.matrix.turns import Meter, Side
from tests.parts.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG = b"""\
2026-11-21 15:00:00.000 UTC [7] LOG:  statement: BEGIN
2026-11-21 15:00:00.001 UTC [7] LOG:  execute __asyncpg_stmt_1__: SELECT "user".email
\tFROM "user" WHERE LOG = 'statement: COMMIT'
2026-11-21 15:00:00.001 UTC [7] DETAIL:  parameters: $1 = 'LOG:  statement: DELETE'
2026-11-21 15:00:00.002 UTC [7] LOG:  execute <unnamed>: \n\tWITH s AS (SELECT 1)
2026-11-21 15:00:00.003 UTC [7] LOG:  statement: savepoint "s1"
2026-11-21 15:00:00.004 UTC [9] LOG:  checkpoint starting: time
2026-11-21 15:00:00.004 UTC [7] LOG:  statement: COMMIT
"""


def test_prepared_statements_count_as_others_do() -> None:
    """By their first word, in whatever case and on whichever line; parameters and other lines are none."""
    assert dict(statements.said(LOG)) == {
        b"BEGIN": 1,
        b"SELECT": 1,
        b"WITH": 1,
        b"SAVEPOINT": 1,
        b"COMMIT": 1,
    }


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """A cluster of its own, whose log nobody else writes to."""
    with PostgresServer() as server:
        yield server


@pytest.mark.long
def test_each_side_is_counted_apart_and_what_it_prepares_is_not(postgres: PostgresServer) -> None:
    """Two statements in a transaction are two and two; afterwards the database logs nothing any more."""
    with psycopg.connect(postgres.url(), autocommit=True) as connection:

        def transact(requests: int) -> Timed:
            for _ in range(requests):
                with connection.transaction():
                    connection.execute("SELECT 1")
                    connection.execute("SELECT %s::int", [2])
            return Timed(1.0, [])

        def read(requests: int) -> Timed:
            for _ in range(requests):
                connection.execute("SELECT 3")
            return Timed(1.0, [])

        def prepare(requests: int) -> None:
            connection.execute("SELECT %s::int", [requests])

        meter = Meter(lambda: 0.0)
        counted = statements.count(
            postgres, [Side("two", meter, transact, prepare), Side("one", meter, read, prepare)]
        )
        logged = postgres.log.stat().st_size
        connection.execute("SELECT 4")
        assert counted == {"two": {"work": 2.0, "control": 2.0}, "one": {"work": 1.0, "control": 0.0}}
        assert postgres.log.stat().st_size == logged
