"""How many SQL statements an act takes, by PostgreSQL's own log: it explains much of what an act costs.

They are counted after everything else was measured, since a log costs time.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg

from benchmarks.matrix.turns import Side
from tests.parts.postgres import PostgresServer

#: Requests of each side: what servers ask by themselves now and then is lost in as many.
REQUESTS = 64
#: Seconds until every process of the database has read its settings again.
_PATIENCE = 0.5
#: A simple query, or the execution of a prepared one; and its first word.
_STATEMENT = re.compile(rb" LOG:  (?:statement|execute [^:]*): \s*([A-Za-z]+)")
_CONTROL = frozenset({b"BEGIN", b"START", b"COMMIT", b"END", b"ROLLBACK", b"ABORT", b"SAVEPOINT", b"RELEASE"})


def count(postgres: PostgresServer, sides: Sequence[Side]) -> dict[str, Mapping[str, float]]:
    """Of each side, a request: statements that read or write, and those that begin and end transactions."""
    found: dict[str, Mapping[str, float]] = {}
    with _logged(postgres):
        for side in sides:
            side.prepare(REQUESTS)
            before = postgres.log.stat().st_size
            side.run(REQUESTS)
            words = said(postgres.log.read_bytes()[before:])
            control = sum(times for word, times in words.items() if word in _CONTROL)
            work = words.total() - control
            found[side.name] = {"work": work / REQUESTS, "control": control / REQUESTS}
    return found


def said(log: bytes) -> Counter[bytes]:
    """The first words of the statements in a log."""
    return Counter(word.upper() for word in _STATEMENT.findall(log))


@contextmanager
def _logged(postgres: PostgresServer) -> Iterator[None]:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        _reload(connection)
        yield
        connection.execute("ALTER SYSTEM RESET log_statement")
        _reload(connection)


def _reload(connection: psycopg.Connection) -> None:
    connection.execute("SELECT pg_reload_conf()")
    time.sleep(_PATIENCE)
