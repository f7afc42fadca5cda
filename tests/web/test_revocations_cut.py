"""The feed while its database is away, hangs, or does not tell: as old as it says, and never an error."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import psycopg
import pytest

from sekisho.adapters.system import clock
from sekisho_verify.revocations.entries import entry_key
from tests.parts.postgres import PostgresServer
from tests.web.feed_node import Node, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.feed_listener import Connection

pytestmark = pytest.mark.postgres


async def standing_still(node: Node, stream: Connection) -> float:
    """The time that heartbeats go on to tell when nothing is read any more."""
    told = [(await node.feed.heartbeat(stream)).as_of for _ in range(3)]
    while len(set(told[-3:])) > 1:
        told.append((await node.feed.heartbeat(stream)).as_of)
    return told[-1]


async def test_a_database_that_stops_makes_the_feed_old_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Streams go on with the time of the last read, so does the snapshot; the log says it once, each way."""
    caplog.set_level(logging.WARNING)
    with PostgresServer() as server:
        async with running(tmp_path, server.url()) as node:
            tokens = await node.login()
            await node.feed.snapshot()
            async with node.feed.stream() as stream:
                await node.feed.heartbeat(stream)
                server.stop()
                as_of = await standing_still(node, stream)
                assert as_of < clock()
                answer = await node.feed.get("/v1/revocations")
                assert (answer.status, node.feed.seals.snapshot(answer.text).as_of) == (200, as_of)
                async with node.feed.stream() as later:
                    assert (await node.feed.heartbeat(later)).as_of == as_of
                server.start()
                while (await node.feed.heartbeat(stream)).as_of == as_of:
                    pass
                await node.logout(tokens)
                (entry,) = await node.feed.entries(stream, 1)
            assert entry.key == entry_key("session", tokens["session_id"])
    told = [getattr(record.msg, "event", "") for record in caplog.records]
    assert told.count("feed_unread") == told.count("feed_read_again") == 1


async def test_a_database_that_hangs_does_not_hold_up_heartbeats(tmp_path: Path) -> None:
    """Stopped in its tracks: who asks for the snapshot is given the last one after a second."""
    with PostgresServer() as server:
        async with running(tmp_path, server.url()) as node:
            await node.feed.snapshot()
            async with node.feed.stream() as stream:
                await node.feed.heartbeat(stream)
                server.pause()
                try:
                    as_of = await standing_still(node, stream)
                    answer = await node.feed.get("/v1/revocations")
                    assert node.feed.seals.snapshot(answer.text).as_of == as_of
                finally:
                    server.resume()
                while (await node.feed.heartbeat(stream)).as_of == as_of:
                    pass


LISTENING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"


async def test_nothing_depends_on_being_told(tmp_path: Path, postgres_url: str) -> None:
    """The connection that listens is cut again and again: the feed is read all the same."""
    async with running(tmp_path, postgres_url) as a, running(tmp_path, postgres_url) as b:
        await b.feed.snapshot()
        async with b.feed.stream() as stream:
            await b.feed.heartbeat(stream)
            with psycopg.connect(postgres_url, autocommit=True) as hand:
                while not (listening := hand.execute(LISTENING).fetchall()):
                    await b.feed.heartbeat(stream)
                for (pid,) in listening:
                    hand.execute("SELECT pg_terminate_backend(%s)", [pid])
            tokens = await a.login()
            await a.logout(tokens)
            (entry,) = await b.feed.entries(stream, 1)
            assert entry.key == entry_key("session", tokens["session_id"])


async def test_behind_pgbouncer_nobody_listens(tmp_path: Path, postgres_url: str) -> None:
    """With `prepared_statements=false` a session is not ours from one moment to the next."""
    url = f"{postgres_url}?prepared_statements=false"
    async with running(tmp_path, url) as node:
        tokens = await node.login()
        await node.feed.snapshot()
        async with node.feed.stream() as stream:
            await node.logout(tokens)
            await node.feed.entries(stream, 1)
            with psycopg.connect(postgres_url, autocommit=True) as hand:
                assert hand.execute(LISTENING).fetchall() == []
