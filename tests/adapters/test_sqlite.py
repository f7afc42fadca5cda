"""The SQLite engine: what is on the disk, what shares a commit, what a caller is told when it cannot."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from sekisho.adapters import sqlite
from sekisho.adapters.migrations.upgrade import migrate
from sekisho.adapters.sql.operation import Operation, Rows, Statement
from sekisho.adapters.sqlite import SqliteEngine, SqliteStore, sqlite_path
from sekisho.rules.refusals import Refusal

if TYPE_CHECKING:
    from types import FrameType

SHORT = 0.05

#: What waits for a disk or for time, by the name that Python gives it.
WAITS = {"open", "fsync", "stat", "lstat", "link", "unlink", "rename", "replace", "mkdir", "sleep"}

WRITER = """
import asyncio, sys
from sekisho.adapters.sqlite import SqliteStore
from sekisho.rules.events import Event
from sekisho.rules.ids import uuid7

async def main(url, name):
    store = SqliteStore(url)
    await store.open()
    for start in range(0, 200, 10):
        ids = [uuid7(1.0, bytes([int(name), 0, 0, i]) + bytes(6)) for i in range(start, start + 10)]
        await asyncio.gather(*(store.record(Event("login_failed", 1.0, id)) for id in ids))
        print(start, flush=True)
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A migrated database."""
    url = f"sqlite:///{tmp_path}/sekisho.db"
    migrate(url)
    return url


@pytest.fixture
async def engine(url: str) -> AsyncIterator[SqliteEngine]:
    """An engine on it, that does not wait long for locks."""
    engine = SqliteEngine(sqlite_path(url), patience=SHORT)
    await engine.open()
    yield engine
    await engine.close()


def add(name: str) -> Callable[[], Operation[str]]:
    """An operation that writes a row."""

    def operation() -> Operation[str]:
        yield Statement("INSERT INTO groups (name, created_at) VALUES (:name, 1.0)", {"name": name})
        return name

    return operation


def add_and_refuse(name: str) -> Callable[[], Operation[None]]:
    """An operation that writes a row and then thinks better of it."""

    def operation() -> Operation[None]:
        yield from add(name)()
        raise Refusal("conflict", name)

    return operation


def ask(sql: str) -> Callable[[], Operation[Rows]]:
    """An operation that reads."""

    def operation() -> Operation[Rows]:
        return (yield Statement(sql))

    return operation


async def names(engine: SqliteEngine) -> list[str]:
    """What was committed."""
    return [name for (name,) in await engine.read(ask("SELECT name FROM groups ORDER BY name"))]


class Gate:
    """Holds the writer inside an operation, so that others queue up behind it."""

    def __init__(self) -> None:
        self._reached, self._open = Event(), Event()

    def operation(self) -> Operation[None]:
        """Wait in the writer's thread, in place of a slow disk."""
        yield Statement("SELECT 1")
        self._reached.set()
        assert self._open.wait(30)

    async def reached(self) -> None:
        """Return when the writer is inside."""
        assert await asyncio.to_thread(self._reached.wait, 30)

    def open(self) -> None:
        """Let the writer go on."""
        self._open.set()


@pytest.mark.parametrize(
    ("url", "path"), [("sqlite:///a/b.db", "a/b.db"), ("sqlite:////var/lib/b.db", "/var/lib/b.db")]
)
def test_a_url_names_a_file(url: str, path: str) -> None:
    """Three slashes are relative, four absolute."""
    assert sqlite_path(url) == Path(path)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///a?mode=ro", "postgresql:///a"]
)
def test_what_names_no_file_is_refused(url: str) -> None:
    """Threads cannot share a database in memory, and a question mark would be part of the name."""
    with pytest.raises(ValueError, match="sqlite:///relative"):
        sqlite_path(url)


async def test_only_the_owner_reads_the_files(url: str) -> None:
    """The database, its log and its index are 0600 whatever the umask says."""
    store = SqliteStore(url)
    await store.open()
    await store.engine.write(add("a"))
    folder = sqlite_path(url).parent
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    await store.close()
    assert modes == dict.fromkeys(["sekisho.db", "sekisho.db-wal", "sekisho.db-shm"], 0o600)


async def test_what_is_acknowledged_is_on_the_disk(engine: SqliteEngine) -> None:
    """Write-ahead log, flushed at every commit; foreign keys are kept; readers cannot write."""
    pragmas = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    for pragma, value in pragmas.items():
        assert await engine.write(ask(f"PRAGMA {pragma}")) == [(value,)]
    with pytest.raises(Refusal, match="readonly"):
        await engine.read(add("a"))


async def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A mistyped path is told, not answered by an empty database."""
    path = tmp_path / "none.db"
    with pytest.raises(Refusal, match="unavailable"):
        await SqliteStore(f"sqlite:///{path}").open()
    assert not await asyncio.to_thread(path.exists)


async def test_those_who_wait_share_one_commit(engine: SqliteEngine) -> None:
    """Fifty that queued up behind one slow operation are committed together."""
    statements: list[str] = []
    writer = engine._workers[0]
    writer._connection.set_trace_callback(statements.append)
    gate = Gate()
    slow = asyncio.create_task(engine.write(gate.operation))
    await gate.reached()
    waiting = [asyncio.create_task(engine.write(add(f"g{i:02}"))) for i in range(50)]
    await asyncio.sleep(0)
    gate.open()
    assert await asyncio.gather(*waiting) == [f"g{i:02}" for i in range(50)]
    await slow
    assert statements.count("COMMIT") == 2
    assert len(await names(engine)) == 50


async def test_one_failure_in_a_batch_leaves_the_others_alone(engine: SqliteEngine) -> None:
    """Each operation stands or falls by itself, though they share a transaction."""
    gate = Gate()
    slow = asyncio.create_task(engine.write(gate.operation))
    await gate.reached()
    together = asyncio.gather(
        engine.write(add("a")),
        engine.write(add_and_refuse("b")),
        engine.write(add("a")),
        engine.write(add("c")),
        return_exceptions=True,
    )
    await asyncio.sleep(0)
    gate.open()
    first, refused, twice, last = await together
    await slow
    assert (first, last) == ("a", "c")
    assert isinstance(refused, Refusal)
    assert isinstance(twice, sqlite3.IntegrityError), "a fault of ours is not called unavailable"
    assert await names(engine) == ["a", "c"]


async def test_a_caller_that_gave_up_harms_nobody(engine: SqliteEngine) -> None:
    """Given up while waiting, an operation is not begun; the others of its batch are."""
    gate = Gate()
    slow = asyncio.create_task(engine.write(gate.operation))
    await gate.reached()
    gone, stays = (asyncio.create_task(engine.write(add(name))) for name in ("gone", "stays"))
    await asyncio.sleep(0)
    gone.cancel()
    gate.open()
    assert await stays == "stays"
    await slow
    assert await names(engine) == ["stays"]


async def test_a_write_that_was_begun_happens_though_nobody_waits(engine: SqliteEngine) -> None:
    """The caller's connection broke in the middle: the row is written, and the engine goes on."""
    gate = Gate()

    def operation() -> Operation[None]:
        yield from add("begun")()
        yield from gate.operation()

    begun = asyncio.create_task(engine.write(operation))
    await gate.reached()
    begun.cancel()
    gate.open()
    assert await engine.write(add("next")) == "next"
    assert await names(engine) == ["begun", "next"]


async def test_too_many_waiting_are_refused_at_once(
    engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue that only grew would answer when nobody listens any more."""
    monkeypatch.setattr(sqlite, "QUEUE", 3)
    gate = Gate()
    slow = asyncio.create_task(engine.write(gate.operation))
    await gate.reached()
    waiting = [asyncio.create_task(engine.write(add(f"g{i}"))) for i in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Refusal) as told:
        await engine.write(add("one too many"))
    assert (told.value.code, told.value.retry_after) == ("unavailable", 1.0)
    gate.open()
    await asyncio.gather(slow, *waiting)
    assert await names(engine) == ["g0", "g1", "g2"]


async def test_closing_finishes_what_waits_and_refuses_what_comes(url: str) -> None:
    """A clean stop loses nothing that was accepted."""
    engine = SqliteEngine(sqlite_path(url))
    await engine.open()
    gate = Gate()
    slow = asyncio.create_task(engine.write(gate.operation))
    await gate.reached()
    waiting = [asyncio.create_task(engine.write(add(f"g{i}"))) for i in range(5)]
    await asyncio.sleep(0)
    closing_ = asyncio.create_task(engine.close())
    await asyncio.sleep(0)
    with pytest.raises(Refusal, match="not connected"):
        await engine.write(add("late"))
    gate.open()
    await closing_
    assert [task.done() for task in (slow, *waiting)] == [True] * 6
    assert [task.result() for task in waiting] == [f"g{i}" for i in range(5)]
    await engine.close()


async def test_a_lock_held_elsewhere_is_unavailable_and_passes(url: str, engine: SqliteEngine) -> None:
    """Another process that holds the database longer than we wait is told; afterwards all is well."""
    with closing(sqlite.connect(sqlite_path(url))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Refusal) as told:
            await engine.write(add("a"))
        assert (told.value.code, told.value.retry_after) == ("unavailable", 1.0)
        assert await names(engine) == [], "readers do not wait for writers"
        other.execute("COMMIT")
    assert await engine.write(add("b")) == "b"
    assert await names(engine) == ["b"]


async def test_a_full_disk_is_unavailable_and_nothing_is_half_done(engine: SqliteEngine) -> None:
    """SQLite itself rolls back; every operation of the batch is told, and none of its rows stands."""
    ((pages,),) = await engine.write(ask("PRAGMA page_count"))
    await engine.write(ask(f"PRAGMA max_page_count = {pages}"))

    def much() -> Operation[None]:
        for i in range(1000):
            yield from add(f"{i}" * 50)()

    with pytest.raises(Refusal) as told:
        await engine.write(much)
    assert told.value.code == "unavailable"
    assert "full" in told.value.detail
    assert await names(engine) == []
    await engine.write(ask("PRAGMA max_page_count = 1000000"))
    await engine.write(add("b"))
    assert await names(engine) == ["b"]


@contextmanager
def blocking_calls() -> Iterator[list[str]]:
    """The calls of this thread, and of no other, that touch a database or a disk or sleep, while it lasts."""
    found: list[str] = []

    def watch(_: FrameType, event: str, called: Any) -> None:  # noqa: ANN401  # any built-in function
        if event == "c_call":
            owner = getattr(called, "__self__", None)
            if isinstance(owner, sqlite3.Connection | sqlite3.Cursor) or called is sqlite3.connect:
                found.append(f"sqlite3 {called.__name__}")
            elif getattr(owner, "__name__", called.__module__) in {"posix", "io", "_io", "time"}:
                found.extend({called.__name__} & WAITS)

    sys.setprofile(watch)
    try:
        yield found
    finally:
        sys.setprofile(None)


async def test_the_event_loop_is_never_blocked(url: str) -> None:
    """No call on the loop touches the database or the disk, from opening to closing."""
    with blocking_calls() as found:
        store = SqliteStore(url)
        await store.open()
        await asyncio.gather(*(store.engine.write(add(f"g{i:03}")) for i in range(300)))
        assert len(await store.list_groups()) == 300
        await store.close()
    assert found == []


def test_the_watch_sees_what_would_block(tmp_path: Path) -> None:
    """A statement, a file and a directory entry on this thread are all noticed."""
    with blocking_calls() as found:
        connection = sqlite3.connect(tmp_path / "a.db")
        connection.execute("SELECT 1")
        connection.close()
        (tmp_path / "file").write_text("")
        (tmp_path / "file").unlink()
    assert {"sqlite3 connect", "sqlite3 execute", "sqlite3 close", "open", "unlink"} <= set(found)


def test_processes_that_share_a_file_all_get_through(url: str) -> None:
    """Four servers that write at once wait for each other; nobody is told that the database is locked."""
    servers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(i)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(4)
    ]
    ends = [server.communicate(timeout=60) for server in servers]
    assert [server.returncode for server in servers] == [0] * 4, ends
    with closing(sqlite3.connect(sqlite_path(url))) as connection:
        assert connection.execute("SELECT COUNT(*) FROM security_events").fetchone() == (800,)


def test_what_was_acknowledged_survives_a_kill(url: str) -> None:
    """A process killed in the middle of its writes has kept every one that it had been told of."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, url, "0"], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if int(line) >= 50:
                break
        server.kill()
        told = int(line) + 10
    with closing(sqlite3.connect(sqlite_path(url))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT COUNT(*) FROM security_events").fetchone()[0] >= told
