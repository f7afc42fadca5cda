"""What refreshes leave in the database: a million of them, made in process, and some of simplejwt's.

A million requests by HTTP would take about as long as everything else together, and what a refresh writes
does not depend on how it was asked for. So several processes apply the refresh table by the server's own
storage adapter, with no HTTP, no seal and no signature. The database says itself what it did.

    python -m benchmarks.matrix.growing URL SESSIONS SHARE

answers each number on stdin with as many rotations of each session of its share, then with "done".
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import uvloop

from benchmarks.matrix import filling
from benchmarks.matrix.players import ENTRANTS, Field, Place
from benchmarks.refresh import ROOT
from benchmarks.serving import STEP
from sekisho.adapters.postgres.store import PostgresStore
from sekisho.adapters.root_secret import derive_keys
from sekisho.adapters.secrets.secret import Secret
from sekisho.rules import refresh
from sekisho.rules.refresh import RefreshToken
from sekisho.rules.session import Client, Lifetimes
from tests.parts.postgres import PostgresServer

#: Times that the table is measured on the way.
STEPS = 10
#: Processes, and how many refreshes each has under way at once.
WORKERS = 2
_AT_ONCE = 32
_DAY = 86_400.0
_LIFETIMES = Lifetimes(access=900.0, refresh=7 * _DAY, idle=7 * _DAY, session=365 * _DAY, grace=10.0)
_CLIENT = Client(ip="127.0.0.1", user_agent="sekisho-benchmarks")
#: It vacuums as PostgreSQL does unless told otherwise. No flush is waited for, which changes no size.
_AS_BY_DEFAULT = {"autovacuum": "on", "shared_buffers": "1GB", "max_wal_size": "8GB"}


class WrongRotationError(RuntimeError):
    """A refresh did something else than to rotate."""


class Share:
    """The sessions of one process, each with its newest token."""

    def __init__(self, store: PostgresStore, numbers: range) -> None:
        keys = derive_keys(Secret(ROOT.encode())).refresh
        self._tokens = [refresh.decode(ticket.refresh, keys) for ticket in filling.tickets(numbers)]
        # Who refresh at the same time are seldom neighbours in the table.
        Random(numbers.start).shuffle(self._tokens)  # noqa: S311 -- the same order in each run
        self._store = store
        self._now = time.time()

    async def rotate(self, times: int) -> None:
        """Refresh each that often.

        Raises:
            WrongRotationError: one did not rotate, so that nothing was written.
        """
        for _ in range(times):
            self._now += STEP  # beyond the grace of the one before
            numbers = iter(range(len(self._tokens)))
            await asyncio.gather(*(self._each(numbers) for _ in range(_AT_ONCE)))

    async def _each(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            self._tokens[number] = await self._next(self._tokens[number])

    async def _next(self, token: RefreshToken) -> RefreshToken:
        rotation = await self._store.rotate(
            token,
            mode="token",
            retry_digest=None,
            lifetimes=_LIFETIMES,
            client=_CLIENT,
            now=self._now,
            new_id=str,
        )
        if rotation.generation != token.generation + 1:
            raise WrongRotationError(f"{rotation.verdict} where a rotation was due")
        return token.at(rotation.generation)


async def _answer(url: str, sessions: int, share: int) -> None:
    store = PostgresStore(url, entropy=os.urandom)
    await store.open()
    mine = Share(store, range(2 * share, sessions, 2 * WORKERS))
    for line in sys.stdin:
        await mine.rotate(int(line))
        print("done", flush=True)
    await store.close()


@contextmanager
def _workers(url: str, sessions: int) -> Iterator[Callable[[int], None]]:
    """A function that refreshes every session with a token that often, by all processes at once."""
    with ExitStack() as stack:
        running: list[subprocess.Popen[str]] = []
        for share in range(WORKERS):
            command = [sys.executable, "-m", "benchmarks.matrix.growing", url, str(sessions), str(share)]
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
            )
            running.append(stack.enter_context(process))

        def rotate(times: int) -> None:
            for process in running:
                assert process.stdin is not None
                process.stdin.write(f"{times}\n")
            for process in running:
                assert process.stdout is not None
                if process.stdout.readline() != "done\n":
                    raise WrongRotationError("a process has ended; what it said stands above")

        yield rotate


def run(folder: Path, sessions: int, refreshes: int, say: Callable[[str], None]) -> Mapping[str, Any]:
    """What both leave, as the results keep it.

    Raises:
        WrongRotationError: the rows do not say that they were refreshed that often.
    """
    with PostgresServer(settings=_AS_BY_DEFAULT) as postgres:
        with filling.filled(folder, postgres, sessions) as (settings, _):
            ours = grown(settings["SEKISHO_DATABASE_URL"], sessions, refreshes, say)
        theirs = max(refreshes // 1000, 100)  # their pages have 8 KiB each: a few would say nothing
        place = Place(folder, lambda: postgres.url(postgres.create_database()))
        with Field(place) as field:
            say(f"the same with simplejwt: {theirs:,}")
            player = field.player(ENTRANTS["simplejwt"])
            url = player.told["PEER_DATABASE_URL"]
            side, before = player.refreshing(), _their_bytes(url)
            side.run(theirs)
            left = _their_bytes(url) - before
    return {**ours, "simplejwt_bytes_a_refresh": left / theirs}


def grown(url: str, sessions: int, refreshes: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Refresh the sessions of a filled database, and measure the table on the way; as `run`."""
    refreshed = sessions // 2
    times = refreshes // STEPS // refreshed
    sizes = [[0, filling.size(url)]]
    began = time.perf_counter()
    with _workers(url, sessions) as rotate:
        for step in range(1, STEPS + 1):
            rotate(times)
            sizes.append([step * times * refreshed, filling.size(url)])
            say(f"refreshes that leave something behind: {sizes[-1][0]:,} of {STEPS * times * refreshed:,}")
    seconds = time.perf_counter() - began
    written, hot, vacuumed = _said(url)
    if written != sizes[-1][0]:
        raise WrongRotationError(f"the rows tell of {written} refreshes, and there were {sizes[-1][0]}")
    how = {"seconds": seconds, "hot_share": hot, "autovacuums": vacuumed}
    return {"sessions": sessions, "bytes_after": sizes, "in_process": how}


def _said(url: str) -> tuple[int, float, int]:
    """By the database: the sum of generations, the share of updates that touched no index, and vacuums."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT (SELECT sum(gen) FROM sessions), n_tup_hot_upd / greatest(n_tup_upd, 1)::float,"
            " autovacuum_count FROM pg_stat_user_tables WHERE relname = 'sessions'"
        ).fetchone()
    assert row is not None
    return int(row[0]), float(row[1]), int(row[2])


def _their_bytes(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r'"
            " AND relname LIKE 'token_blacklist%'"
        ).fetchone()
    assert row is not None
    return int(row[0])


if __name__ == "__main__":
    uvloop.run(_answer(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
