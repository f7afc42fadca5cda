"""SQLite: one thread writes, in transactions that whoever is waiting shares; the event loop is never blocked.

Write-ahead log, `synchronous` FULL: an answer means that the row has reached the disk. One flush serves all
operations that queued up behind the one before, each in a savepoint of its own, so that one failure leaves
the others alone.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, ClassVar, Final, TypeVar

from sekisho.adapters import watching
from sekisho.adapters.sql.operation import Operation, Rows, Statement
from sekisho.adapters.sql.store import SqlStore
from sekisho.adapters.system import steady
from sekisho.adapters.watching import Watcher, milliseconds
from sekisho.frozen import Frozen
from sekisho.rules.refusals import Refusal

T = TypeVar("T")

#: Seconds a transaction waits for another process's before the caller is told to come back.
BUSY_TIMEOUT: Final = 10.0
#: Operations that share one flush at most: what queues up while the disk is busy, and a bound on a rollback.
BATCH: Final = 128
#: Operations that may wait; more are refused at once, since an answer would come too late to be of use.
QUEUE: Final = 2048
READERS: Final = 2

_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}


def sqlite_path(url: str) -> Path:
    """The file of `sqlite:///relative.db` or `sqlite:////absolute.db`.

    Raises:
        ValueError: any other form; there is no in-memory database, since threads could not share it.
    """
    scheme, _, path = url.partition(":///")
    if scheme != "sqlite" or not path or path.startswith(":memory:") or "?" in path:
        raise ValueError("a SQLite URL is sqlite:///relative/file.db or sqlite:////absolute/file.db")
    return Path(path)


def create_file(path: Path) -> None:
    """Create the database file, readable by its owner alone, if it is not there.

    SQLite gives its log and its index the permissions of the file they belong to.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def connect(path: Path, *, patience: float = BUSY_TIMEOUT) -> sqlite3.Connection:
    """A connection to an existing file; transactions begin and end where the caller says so.

    Args:
        path: the database file.
        patience: seconds to wait for a lock.

    Raises:
        sqlite3.Error: the file is not there, not readable, or no database.
    """
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(
        uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def keep_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Turn the write-ahead log on, which the file then remembers.

    Two processes that do this to a new file at once block each other, and SQLite does not wait there: it
    would wait for ever. So we try again.

    Raises:
        sqlite3.Error: not done in some seconds.
    """
    for attempt in count():
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as fault:
            if attempt == 100 or _primary_code(fault) != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(0.05)
        else:
            return


def unavailable(fault: Exception) -> Refusal:
    """What a caller is told when the database cannot."""
    return Refusal("unavailable", f"sqlite: {fault}", retry_after=1.0)


def _primary_code(fault: sqlite3.Error) -> int:
    """The first byte of the extended result code; zero where the driver itself refused."""
    code: int = getattr(fault, "sqlite_errorcode", 0)
    return code & 0xFF


def _translated(fault: Exception) -> Exception:
    """The refusal for a fault of the moment; any other is a bug of ours and stays what it is."""
    if not isinstance(fault, sqlite3.Error):
        return fault
    if _primary_code(fault) not in _UNAVAILABLE and "no such table" not in str(fault):
        return fault
    refusal = unavailable(fault)
    refusal.__cause__ = fault
    return refusal


class _Job(Frozen):
    operation: Callable[[], Operation[Any]]
    answer: asyncio.Future[Any]
    #: Of the request that it is for, which the thread's own context knows nothing of.
    watcher: Watcher | None


class _Outcome(Frozen):
    """Of one job: its value, or why not."""

    answer: asyncio.Future[Any]
    value: Any = None
    fault: Exception | None = None


def _deliver(outcomes: list[_Outcome]) -> None:
    """On the loop. A caller that gave up is not told; what it asked for has happened all the same."""
    for outcome in outcomes:
        if outcome.answer.done():
            continue
        if outcome.fault is None:
            outcome.answer.set_result(outcome.value)
        else:
            outcome.answer.set_exception(outcome.fault)


_Queue = SimpleQueue[_Job | None]


class _Worker:
    """A thread with a connection, which runs whatever has queued up in one transaction."""

    def __init__(self, connection: sqlite3.Connection, queue: _Queue, begin: str) -> None:
        self._connection = connection
        self._queue = queue
        self._begin = begin
        self._stopping = False
        self._thread = Thread(target=self._work, name=f"sqlite {begin}", daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _work(self) -> None:
        while not self._stopping:
            if batch := self._take():
                outcomes = self._transact(batch)
                # A loop that is gone has nobody left who waits.
                with suppress(RuntimeError):
                    batch[0].answer.get_loop().call_soon_threadsafe(_deliver, outcomes)
        self._connection.close()

    def _take(self) -> list[_Job]:
        """Wait for a job; take with it those that are waiting, up to the word to stop."""
        batch: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            if not job.answer.cancelled():
                batch.append(job)
            if len(batch) == BATCH:
                return batch
            try:
                job = self._queue.get_nowait()
            except Empty:
                return batch
        self._stopping = True
        return batch

    def _transact(self, batch: list[_Job]) -> list[_Outcome]:
        """Run the jobs in one transaction. Where it fails as a whole, it failed for every one of them."""
        try:
            self._connection.execute(self._begin)
            outcomes = [self._attempt(job) for job in batch]
            self._connection.execute("COMMIT")
        except sqlite3.Error as fault:
            with suppress(sqlite3.Error):
                self._connection.rollback()
            return [_Outcome(job.answer, fault=_translated(fault)) for job in batch]
        return outcomes

    def _attempt(self, job: _Job) -> _Outcome:
        """Run one job in a savepoint.

        Raises:
            sqlite3.Error: the transaction is gone, and the jobs before this one with it.
        """
        try:
            self._connection.execute("SAVEPOINT operation")
            value = self._drive(job.operation(), self._executing(job.watcher))
            self._connection.execute("RELEASE operation")
        except Exception as fault:
            if not self._connection.in_transaction:
                raise
            self._connection.execute("ROLLBACK TO operation")
            self._connection.execute("RELEASE operation")
            return _Outcome(job.answer, fault=_translated(fault))
        return _Outcome(job.answer, value)

    def _execute(self, statement: Statement) -> Rows:
        return self._connection.execute(statement.sql, statement.parameters).fetchall()

    def _executing(self, watcher: Watcher | None) -> Callable[[Statement], Rows]:
        """What executes: `_execute`, which a watcher is told of. What changes no row has written nothing."""
        if watcher is None:
            return self._execute

        def executed(statement: Statement) -> Rows:
            began, before = steady(), self._connection.total_changes
            rows = self._execute(statement)
            changed = self._connection.total_changes - before
            facts = {
                "sql": statement.sql,
                "parameters": statement.parameters,
                "rows": changed or len(rows),
                "ms": milliseconds(since=began),
            }
            watcher("db.write" if changed else "db.read", facts)
            return rows

        return executed

    def _drive(self, operation: Operation[T], execute: Callable[[Statement], Rows]) -> T:
        try:
            statement = next(operation)
            while True:
                rows = [] if statement.needs else execute(statement)
                statement = operation.send(rows)
        except StopIteration as done:
            value: T = done.value
            return value


class SqliteEngine:
    """Runs operations on a SQLite file, which other processes may share; `patience` in seconds."""

    single: ClassVar[bool] = True

    def __init__(self, path: Path, *, patience: float = BUSY_TIMEOUT) -> None:
        self._path = path
        self._patience = patience
        self._writes: _Queue = SimpleQueue()
        self._reads: _Queue = SimpleQueue()
        self._workers: list[_Worker] = []

    async def open(self) -> None:
        """Connect. Raises `Refusal("unavailable")` if there is no such database."""
        try:
            writer, readers = await asyncio.to_thread(self._connect)
        except sqlite3.Error as fault:
            raise unavailable(fault) from fault
        self._workers = [_Worker(writer, self._writes, "BEGIN IMMEDIATE")]
        self._workers += [_Worker(reader, self._reads, "BEGIN") for reader in readers]

    async def close(self) -> None:
        """Refuse what comes from now on, finish what waits, disconnect."""
        workers, self._workers = self._workers, []
        for queue in (self._writes, *[self._reads] * READERS) if workers else ():
            queue.put(None)
        for worker in workers:
            await asyncio.to_thread(worker.join)

    async def write(self, operation: Callable[[], Operation[T]]) -> T:
        """Run it in a transaction; it is on the disk when this returns."""
        return await self._run(self._writes, operation)

    async def read(self, operation: Callable[[], Operation[T]]) -> T:
        """Run it in one snapshot."""
        return await self._run(self._reads, operation)

    def _connect(self) -> tuple[sqlite3.Connection, list[sqlite3.Connection]]:
        writer = connect(self._path, patience=self._patience)
        keep_write_ahead_log(writer)
        readers = [connect(self._path, patience=self._patience) for _ in range(READERS)]
        for reader in readers:
            reader.execute("PRAGMA query_only = ON")
        return writer, readers

    async def _run(self, queue: _Queue, operation: Callable[[], Operation[T]]) -> T:
        if not self._workers:
            raise Refusal("unavailable", "sqlite: not connected")
        if queue.qsize() >= QUEUE:
            raise Refusal("unavailable", f"sqlite: {QUEUE} operations are waiting", retry_after=1.0)
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        queue.put(_Job(operation, answer, watching.current()))
        return await answer


class SqliteStore(SqlStore):
    """The store on the SQLite file of a database URL."""

    def __init__(self, url: str, *, patience: float = BUSY_TIMEOUT) -> None:
        super().__init__(SqliteEngine(sqlite_path(url), patience=patience))
