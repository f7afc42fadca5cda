"""A database with as many sessions as one likes, and the tokens and cookies of any of them.

The rows are made inside PostgreSQL, which is faster than COPY of the same from outside, by as many of its
processes as there are cores. Making a row takes ten times what its indexes do, so these stay. The secrets are
computed from their numbers, so that whoever knows the root secret of the benchmark seals a ticket for any.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg

from benchmarks.matrix.dialects import Ticket
from benchmarks.matrix.players import AUTH_SERVER
from benchmarks.process import Served
from benchmarks.refresh import ROOT, environ
from sekisho.adapters.root_secret import derive_keys
from sekisho.adapters.secrets.secret import Secret
from sekisho.rules import refresh, session_cookie
from tests.parts.postgres import PostgresServer

#: Sessions of each account.
OF_ONE = 10
#: Milliseconds since 1970 in the id of the first row (RFC 9562 section 5.7); one more in each.
_FIRST = 1_780_000_000_000
#: Of users and sessions alike: as ids of this kind grow, in the order of their making.
_ID = """CAST(lpad(to_hex({first} + {number}), 12, '0') || '7000' || '8000' || lpad(to_hex({number}), 12, '0')
    AS uuid)"""
_USERS = f"""
INSERT INTO users (id, email, password_hash, status, locale, created_at)
SELECT {_ID.format(first=_FIRST, number="n")}, 'filled' || n || '@example.com', 'none', 'active', 'en',
       {{now}}
FROM generate_series({{first}}, {{end}} - 1) n
"""  # noqa: S608 - constants of ours
# Even numbers are sessions with tokens, odd ones those with a cookie.
_SESSIONS = f"""
INSERT INTO sessions (id, user_id, shard, mode, created_at, auth_time, amr, ip, user_agent, gen, fam,
                      refresh_expires_at, ends_at)
SELECT {_ID.format(first=_FIRST, number="n")}, {_ID.format(first=_FIRST, number=f"(n / {OF_ONE})")}, 0,
       CASE n % 2 WHEN 0 THEN 'token' ELSE 'session' END, {{now}}, {{now}}, 'pwd', '127.0.0.1',
       'sekisho-benchmarks', 0, sha256(sha256(convert_to('secret ' || n, 'UTF8'))),
       {{now}} + 300 * 86400, {{now}} + 360 * 86400
FROM generate_series({{first}}, {{end}} - 1) n
"""  # noqa: S608 - same
#: Rows of one INSERT: enough that its beginning and end are nothing, few enough that all cores end together.
_PART = 50_000


@contextmanager
def filled(folder: Path, postgres: PostgresServer, sessions: int) -> Iterator[tuple[dict[str, str], float]]:
    """Settings of a server whose database has that many sessions, and the seconds that filling took."""
    url = postgres.url(name := postgres.create_database())
    settings = environ(folder / name, database=url, alg="HS256") | {"SEKISHO_SESSION_IDLE": "300d"}
    with Served("sekisho", folder, settings, program=AUTH_SERVER):  # which makes the schema
        pass
    yield settings, fill(url, sessions)
    postgres.drop_database(name)


def fill(url: str, sessions: int) -> float:
    """Put that many sessions into an empty schema; the seconds it took, statistics and vacuum included."""
    began = time.perf_counter()
    insert = partial(_insert, url, time.time())
    with ThreadPoolExecutor(os.cpu_count()) as cores:
        for table, count in ((_USERS, -(-sessions // OF_ONE)), (_SESSIONS, sessions)):
            parts = [(table, first, min(first + _PART, count)) for first in range(0, count, _PART)]
            for _ in cores.map(insert, parts):
                pass
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE users, sessions")
        connection.execute("CHECKPOINT")
    return time.perf_counter() - began


def _insert(url: str, now: float, part: tuple[str, int, int]) -> None:
    table, first, end = part
    with psycopg.connect(url, autocommit=True) as connection:
        # Referential checks row by row would take most of the time; the rows refer to what is there.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        connection.execute(table.format(first=first, end=end, now=now).encode())


def size(url: str) -> int:
    """Bytes of the sessions on disk, indexes included."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_total_relation_size('sessions')").fetchone()
    assert row is not None
    return int(row[0])


def tickets(numbers: Sequence[int]) -> list[Ticket]:
    """Of these rows: a refresh token for an even number, a cookie for an odd one."""
    keys = derive_keys(Secret(ROOT.encode()))
    made = []
    for number in numbers:
        secret = hashlib.sha256(f"secret {number}".encode()).digest()
        session_id, user_id = _id(number), _id(number // OF_ONE)
        if number % 2:
            cookie = session_cookie.SessionCookie(session_id, secret)
            made.append(Ticket(user_id, cookie=session_cookie.encode(cookie, keys.session_cookie)))
        else:
            token = refresh.RefreshToken(session_id, 0, secret)
            made.append(Ticket(user_id, refresh=refresh.encode(token, keys.refresh)))
    return made


def _id(number: int) -> str:
    digits = f"{_FIRST + number:012x}70008000{number:012x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
