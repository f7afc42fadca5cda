"""The engine: lost connections, restarts, a full pool, settings, and what a caller is told."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
import types
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest
from msgspec.structs import replace

from sekisho.adapters.postgres.engine import PostgresEngine
from sekisho.adapters.postgres.store import PostgresStore
from sekisho.adapters.sql.operation import Operation, Rows, Statement
from sekisho.rules.refusals import Refusal
from sekisho.rules.throttle import Bucket
from sekisho.settings import SettingsRefused
from tests.conformance.scene import GRACE, HERE, LIFETIMES, NOW, refusal, refused
from tests.parts.postgres_nodes import Hand, migrated, nodes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Generator

    from sekisho.rules.refresh import RefreshToken
    from sekisho.rules.session import Rotation
    from tests.conformance.scene import Scene
    from tests.parts.postgres import PostgresServer

pytestmark = pytest.mark.postgres

T = TypeVar("T")

#: A statement that leaves out what others hold still waits for this.
_LOCK_TABLE = "LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE"


def present(scene: Scene, token: RefreshToken, *, grace: float) -> Awaitable[Rotation]:
    """Present a token to a server with that grace."""
    return scene.store.rotate(
        token,
        mode="token",
        retry_digest=None,
        lifetimes=replace(LIFETIMES, grace=grace),
        client=HERE,
        now=NOW + 100,
        new_id=scene.id,
    )


async def test_a_server_restarted_between_two_calls_is_not_noticed(postgres_server: PostgresServer) -> None:
    """Neither by a read nor by a write, though every pooled connection was cut."""
    async with nodes(migrated(postgres_server), size=4) as scene:
        hanako = await scene.account()
        await asyncio.gather(*(scene.login(hanako) for _ in range(16)))
        postgres_server.restart()
        token = await scene.login(hanako)
        postgres_server.restart()
        assert await scene.store.find_account(id=hanako.id) == hanako
        postgres_server.restart()
        assert (await scene.present(token, at=NOW)).generation == 1
        assert len(await scene.store.list_sessions(hanako.id, now=NOW)) == 17


async def test_a_read_that_loses_its_connection_is_asked_again(url: str, hand: Hand) -> None:
    """It has no effects, so a caller need not know; the second loss is told."""

    def wait() -> Operation[Rows]:
        return (yield Statement("SELECT id FROM users FOR SHARE"))

    async with nodes(url) as scene:
        hanako = await scene.account()
        hand.hold("SELECT 1 FROM users FOR UPDATE")
        reading, pid = await hand.blocked(scene.store.engine.read(wait))
        hand.end(pid)
        await hand.waiter(reading, others=[pid])
        hand.let_go()
        assert await reading == [(hanako.id,)]


async def test_a_refresh_that_loses_its_connection_is_run_again(url: str, hand: Hand) -> None:
    """Within the grace the same token at the same instant gets the same successor, however often."""
    async with nodes(url) as scene:
        token = await scene.login(await scene.account())
        hand.hold(_LOCK_TABLE)
        rotating, pid = await hand.blocked(present(scene, token, grace=GRACE))
        hand.end(pid)
        hand.let_go()
        rotation = await rotating
        assert (rotation.verdict, rotation.generation) == ("rotated", 1)
        assert hand.ask("SELECT gen FROM sessions") == [(1,)]


async def test_without_a_grace_a_lost_refresh_is_told(url: str, hand: Hand) -> None:
    """To run it again might be reuse, so the client is told, and asks again with its key."""
    async with nodes(url) as scene:
        token = await scene.login(await scene.account())
        hand.hold(_LOCK_TABLE)
        rotating, pid = await hand.blocked(present(scene, token, grace=0.0))
        hand.end(pid)
        hand.let_go()
        told = await refusal(rotating)
        assert (told.code, told.retry_after) == ("unavailable", 1.0)
        assert hand.ask("SELECT gen, revoked_at FROM sessions") == [(0, None)]


async def test_a_write_that_loses_its_connection_is_told(url: str, hand: Hand) -> None:
    """Whether it happened is not known, so it is not done twice; the next call works."""
    async with nodes(url) as scene:
        hanako = await scene.account()
        hand.hold("SELECT 1 FROM users FOR UPDATE")
        login, pid = await hand.blocked(scene.open(hanako))
        hand.end(pid)
        hand.let_go()
        assert await refused(login) == "unavailable"
        assert hand.ask("SELECT id FROM sessions") == []
        await scene.login(hanako)


async def test_a_transaction_that_stood_still_is_told(url: str, hand: Hand) -> None:
    """A machine that was suspended in the middle of one: the server has ended it, and the next is done."""

    def stands_still() -> Operation[Rows]:
        ((pid,),) = yield Statement("SELECT pg_backend_pid()")
        while hand.ask("SELECT 1 FROM pg_stat_activity WHERE pid = %(pid)s", pid=pid):
            pass
        return (yield Statement("SELECT 1"))

    async with nodes(f"{url}?options=-c%20idle_in_transaction_session_timeout%3D10ms", size=1) as scene:
        told = await refusal(scene.store.engine.write(stands_still))
        assert (told.code, told.detail[:7], told.retry_after) == ("unavailable", "25P03: ", 1.0)
        await scene.account()


async def test_a_full_pool_makes_callers_wait_and_then_says_so(url: str, hand: Hand) -> None:
    """Never an unbounded pile: who waited in vain is told when to come back, and what was begun goes on."""
    async with nodes(url, size=1, patience=0.2) as scene:
        hanako = await scene.account()
        hand.hold("SELECT 1 FROM users FOR UPDATE")
        login, _ = await hand.blocked(scene.open(hanako))
        told = await refusal(scene.store.find_account(id=hanako.id))
        assert (told.code, told.retry_after) == ("unavailable", 1.0)
        hand.let_go()
        await login
        assert await scene.store.find_account(id=hanako.id) == hanako


async def test_a_queue_that_is_too_long_is_refused_at_once(url: str, hand: Hand) -> None:
    """Sixty-four callers may wait for a connection; the next one is told without waiting."""
    async with nodes(url, size=1, patience=60.0) as scene:
        hanako = await scene.account()
        hand.hold("SELECT 1 FROM users FOR UPDATE")
        login, _ = await hand.blocked(scene.open(hanako))
        queue = [asyncio.ensure_future(scene.store.find_account(id=hanako.id)) for _ in range(64)]
        await asyncio.sleep(0)
        assert await refused(scene.store.find_account(id=hanako.id)) == "unavailable"
        hand.let_go()
        await login
        assert await asyncio.gather(*queue) == [hanako] * 64


async def test_a_database_that_is_away_refuses_and_comes_back(postgres_server: PostgresServer) -> None:
    """Calls are refused while it is down, and served again by the same store once it is up."""
    async with nodes(migrated(postgres_server), patience=0.2) as scene:
        hanako = await scene.account()
        postgres_server.stop()
        try:
            assert await refused(scene.store.ping()) == "unavailable"
            assert await refused(scene.open(hanako)) == "unavailable"
            late = PostgresStore(postgres_server.url(), entropy=os.urandom, patience=0.2)
            assert await refused(late.open()) == "unavailable"
        finally:
            postgres_server.start()
        for _ in range(10):  # of 0.2 seconds at most, and the pool asks anew at each
            with suppress(Refusal):
                await scene.login(hanako)
        assert await scene.store.list_sessions(hanako.id, now=NOW) != []


async def test_a_closed_store_refuses(url: str) -> None:
    """After close, and before open, the answer is a refusal and no crash."""
    store = PostgresStore(url, entropy=os.urandom)
    assert await refused(store.ping()) == "unavailable"
    await store.open()
    await store.close()
    assert await refused(store.ping()) == "unavailable"


async def test_an_operator_is_told_why_there_is_no_connection(postgres_server: PostgresServer) -> None:
    """The reason is in the detail, for the log; the password is not."""
    url = postgres_server.url().replace(":", ":not-", 2).replace("postgresql:not-", "postgresql:")
    told = await refusal(PostgresStore(url, entropy=os.urandom, patience=0.2).open())
    assert (told.code, "password authentication failed" in told.detail) == ("unavailable", True)
    assert "not-" not in told.detail


async def test_a_database_without_our_schema_is_refused(postgres_url: str) -> None:
    """The operator is told what to run."""
    told = await refusal(PostgresStore(postgres_url, entropy=os.urandom).open())
    assert told.code == "unavailable"


async def test_repeatable_read_is_refused(postgres_server: PostgresServer) -> None:
    """It neither shows what was committed during a wait nor fails for it, so we do not start on it."""
    url = migrated(postgres_server, settings={"default_transaction_isolation": "repeatable read"})
    told = await refusal(PostgresStore(url, entropy=os.urandom).open())
    assert (told.code, "repeatable read" in told.detail) == ("unavailable", True)


async def test_what_fails_to_serialize_for_ever_is_given_up(url: str) -> None:
    """After a bounded number of attempts the caller is told, instead of a loop without end."""
    runs = 0

    def fails() -> Operation[None]:
        nonlocal runs
        runs += 1
        yield Statement("DO 'BEGIN RAISE serialization_failure; END'")

    engine = PostgresEngine(url, entropy=bytes)  # zeros: pauses of no length
    await engine.open()
    told = await refusal(engine.write(fails))
    await engine.close()
    assert (told.code, runs) == ("unavailable", 24)


async def test_a_fault_of_ours_is_not_called_a_fault_of_the_database(url: str) -> None:
    """A statement that is wrong stays an error for us to see, and leaves the connection in order."""

    def wrong() -> Operation[None]:
        yield Statement("SELECT no_such_column FROM users")

    async with nodes(url, size=1) as scene:
        with pytest.raises(Exception, match="no_such_column"):
            await scene.store.engine.write(wrong)
        await scene.account()


@types.coroutine
def left(act: Coroutine[Any, Any, T], *, after: int) -> Generator[Any, None, T]:
    """Run it; it is cancelled as that comes for which it waits the `after`-th time."""
    try:
        for _ in range(after):
            yield act.send(None)
        waits = act.throw(asyncio.CancelledError())
        while True:
            yield waits
            waits = act.send(None)
    except StopIteration as end:
        return cast("T", end.value)


async def test_a_write_that_is_cancelled_ends_its_transaction_itself(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever that falls, behind its BEGIN too: the pool would have to roll it back, and warns of it."""

    def counts() -> Operation[Rows]:
        return (yield Statement("SELECT COUNT(*) FROM users"))

    async with nodes(url, size=1) as scene:
        counted: Rows = []
        after = 0
        while not counted:
            after += 1
            with suppress(asyncio.CancelledError):
                counted = await left(scene.store.engine.write(counts), after=after)
            assert [record.getMessage() for record in caplog.records] == [], f"left after {after}"
        assert (counted, after > len(("BEGIN", "SELECT", "COMMIT"))) == ([(0,)], True)


async def test_a_read_of_two_statements_is_of_one_snapshot(url: str, hand: Hand) -> None:
    """What is committed between the two is not seen by the second, at the first run or any later one."""

    def counted() -> Operation[tuple[Rows, Rows]]:
        before = yield Statement("SELECT COUNT(*) FROM throttle")
        hand.ask("INSERT INTO throttle VALUES (gen_random_uuid()::text::bytea, 1, 0, 0)")
        after = yield Statement("SELECT COUNT(*) FROM throttle")
        return before, after

    async with nodes(url) as scene:
        for _ in range(2):
            before, after = await scene.store.engine.read(counted)
            assert before == after


async def test_every_connection_says_who_we_are_and_is_bounded(url: str) -> None:
    """A statement or a transaction that hangs is ended by the server; what is acknowledged is on its disk."""
    async with nodes(url) as scene:
        shown = {
            name: (await scene.rows(f"SHOW {name}"))[0][0]
            for name in ("application_name", "statement_timeout", "idle_in_transaction_session_timeout")
        }
    assert shown == {
        "application_name": "sekisho",
        "statement_timeout": "10s",
        "idle_in_transaction_session_timeout": "10s",
    }


async def test_what_the_url_says_wins(url: str) -> None:
    """An operator's own options stand beside ours, and a setting that both name is the operator's."""
    theirs = f"{url}?application_name=mine&options=-c%20statement_timeout%3D3s%20-c%20work_mem%3D8MB"
    async with nodes(theirs) as scene:
        assert await scene.rows("SHOW application_name") == [("mine",)]
        assert await scene.rows("SHOW statement_timeout") == [("3s",)]
        assert await scene.rows("SHOW work_mem") == [("8MB",)]
        assert await scene.rows("SHOW idle_in_transaction_session_timeout") == [("10s",)]


@pytest.mark.parametrize("prepared", [True, False])
async def test_prepared_statements_can_be_turned_off(url: str, *, prepared: bool) -> None:
    """For a pgbouncer of old: nothing is prepared and nothing set at connect; else both are."""
    async with nodes(f"{url}?prepared_statements={str(prepared).lower()}", size=1) as scene:
        token = await scene.login(await scene.account())
        for generation in range(5):
            await scene.present(token.at(generation), at=NOW + 100 * generation)
        held = await scene.rows(
            "SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE '%UPDATE sessions%'"
        )
        assert held == [(1 if prepared else 0,)]
        assert await scene.rows("SHOW statement_timeout") == [("10s" if prepared else "0",)]


@pytest.mark.parametrize("generation", [0, 1, 40_000, 3_000_000_000])
async def test_a_number_of_any_size_is_the_same_statement(url: str, generation: int) -> None:
    """Integers travel as bigint, so a growing generation does not prepare the statement again."""
    async with nodes(url, size=1) as scene:
        token = await scene.login(await scene.account())
        for at in (generation, 0, 1, 40_000):
            await scene.change("UPDATE sessions SET gen = :gen, rotated_at = NULL", gen=at)
            assert (await scene.present(token.at(at), at=NOW)).generation == at + 1
        held = await scene.rows(
            "SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE '%AS current%'"
        )
        assert held == [(1,)]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2%zz@h/db",
        "postgresql://u:hunter2@h/db?no_such_parameter=1",
        "postgresql://u:hunter2@h/db?prepared_statements=maybe",
    ],
)
def test_a_url_that_is_none_is_refused_without_quoting_it(url: str) -> None:
    """The message is for an operator's screen and log, and the text holds a password."""
    with pytest.raises(SettingsRefused, match="SEKISHO_DATABASE_URL") as caught:
        PostgresEngine(url, entropy=os.urandom)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_an_engine_does_not_print_its_password() -> None:
    """Whoever dumps the parts of an engine finds where it goes, not how it gets in."""
    engine = PostgresEngine("postgresql://u:hunter2@h/db", entropy=os.urandom)
    assert "hunter2" not in f"{engine!r} {vars(engine)!r}"


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who configures PostgreSQL without its extra is told the line to type."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ImportError, match=r"pip install 'sekisho\[postgres\]'"):
        PostgresEngine("postgresql://h/db", entropy=os.urandom)


async def test_attempts_on_a_row_that_is_there_are_one_statement(url: str) -> None:
    """The count that a success set to nothing stays, for the next login to find."""
    buckets = (Bucket("account", "hanako@example.com"), Bucket("network", "192.0.2.1"))
    async with nodes(url, size=1) as scene:
        hanako = await scene.account()
        for _ in range(3):
            await scene.store.attempt(buckets, now=NOW)
            await scene.login(hanako, forgive=buckets)
        assert await scene.rows("SELECT failures FROM throttle") == [(0,), (0,)]
