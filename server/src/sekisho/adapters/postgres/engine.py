"""Operations on PostgreSQL: which are run again, and what a caller is told when the database is not there.

Nothing sets the isolation of a write: the SQL is right under READ COMMITTED and under SERIALIZABLE. There
(CockroachDB, `default_transaction_isolation`) a serialization failure is an ordinary answer, as a deadlock is
anywhere: the operation runs again from its start, after a growing pause of random length.

A connection that breaks while a statement is under way leaves its outcome unknown. Reads run again, once; so
does a single statement whose repetition is harmless. Everything else is `Refusal("unavailable")`: the caller
knows only that it may have happened. For a login that is a session nobody holds a token of, which idles out.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from types import CodeType, GeneratorType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from sekisho.adapters import watching
from sekisho.adapters.postgres.connecting import PATIENCE, driver, is_stale, make_pool, target
from sekisho.adapters.postgres.listening import listen
from sekisho.adapters.postgres.parameters import numbered
from sekisho.adapters.sql.feed import TIMELINE
from sekisho.adapters.sql.operation import Operation, Rows, Statement
from sekisho.adapters.system import steady
from sekisho.ports import Entropy
from sekisho.rules.refusals import Refusal

if TYPE_CHECKING:
    import psycopg
    from psycopg_pool import AsyncConnectionPool

    Connection = psycopg.AsyncConnection[Any]

T = TypeVar("T")

# SQLSTATE: serialization_failure, deadlock_detected.
_AGAIN = frozenset({"40001", "40P01"})
# Not the class "operational" of the driver, yet the same to a caller: no table, no right to it, a standby.
_NOT_NOW = frozenset({"42P01", "42501", "25006"})

# Of n callers that collide one always gets through, so a pool of ten seldom needs more than a handful.
_ATTEMPTS = 24
_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.1

#: What changes rows inside of a WITH.
_CHANGES = re.compile(r"\b(?:INSERT INTO|DELETE FROM|UPDATE \w+(?: \w+)?\s+SET)\b")

_WRITE = b"BEGIN"
_SNAPSHOT = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresEngine:
    """`operation.Engine` on PostgreSQL, which may have standbys.

    Args:
        url: `postgresql://...`; `connecting.py` says what of it is ours.
        entropy: for the length of pauses only.
        size: connections at most.
        patience: seconds that a caller waits for one of them.

    Raises:
        SettingsRefused: the URL is none.
        ImportError: psycopg is not installed.
    """

    single: ClassVar[bool] = False

    def __init__(self, url: str, *, entropy: Entropy, size: int = 10, patience: float = PATIENCE) -> None:
        self._target = target(url)
        self._entropy = entropy
        self._size = size
        self._patience = patience
        self._pool: AsyncConnectionPool[Connection] | None = None
        self._errors: type[psycopg.Error] = driver().Error
        self._operational: type[psycopg.Error] = driver().OperationalError
        #: What this database has of that which statements may need.
        self._has: frozenset[str] = frozenset()
        # Reads that were seen to need a second statement, and with it a transaction.
        self._longer: set[CodeType] = set()

    async def open(self) -> None:
        """Connect.

        Raises:
            Refusal: `unavailable`: no answer in time, or an isolation level too weak for us.
        """
        pool = make_pool(self._target, size=self._size, patience=self._patience)
        try:
            await pool.open(wait=True, timeout=self._patience)
        except self._operational as fault:
            raise Refusal("unavailable", await self._why_not(), retry_after=1.0) from fault
        self._pool = pool
        try:
            await self._require_isolation()
            self._has = frozenset([name async for name in self._found()])
        except Refusal:
            await self.close()
            raise

    async def close(self) -> None:
        """Let what was begun finish, and disconnect."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.close()

    async def write(self, operation: Callable[[], Operation[T]]) -> T:
        """Run it in a transaction; durable when this returns."""
        return await self._attempt(lambda connection: self._transaction(connection, _WRITE, operation))

    async def read(self, operation: Callable[[], Operation[T]]) -> T:
        """Run it in one snapshot; a single statement is one by itself and saves two round trips."""
        return await self._attempt(lambda connection: self._read(connection, operation), repeatable=True)

    async def run(self, sql: str, parameters: Mapping[str, object], *, repeatable: bool) -> Rows:
        """Run one statement that is a transaction by itself, in one round trip.

        `repeatable`: twice comes to the same as once, so it may run again when the connection was lost.
        """
        statement = Statement(sql, parameters)
        return await self._attempt(lambda connection: _execute(connection, statement), repeatable=repeatable)

    async def _why_not(self) -> str:
        """What stands in the way of connecting, which the pool keeps to itself."""
        try:
            await (await driver().AsyncConnection.connect(self._target.conninfo)).close()
        except self._operational as fault:
            return str(fault)
        return "the database took too long to let us in"

    async def _require_isolation(self) -> None:
        """Refuse REPEATABLE READ, which would neither wait and see nor fail.

        Its snapshot is from before the wait for a lock and does not show what was committed meanwhile: a
        password change would leave alive the session that was opened beside it.
        """
        ((isolation,),) = await self.run("SHOW default_transaction_isolation", {}, repeatable=True)
        if isolation == "repeatable read":
            raise Refusal("unavailable", "default_transaction_isolation must not be repeatable read")

    async def _found(self) -> AsyncIterator[str]:
        """What is PostgreSQL's own: CockroachDB and YugabyteDB speak its protocol, and fork no history."""
        ((version,),) = await self.run("SELECT version()", {}, repeatable=True)
        if not version.startswith("PostgreSQL") or "-YB-" in version:
            return
        yield "notify"
        try:
            await self.run(TIMELINE, {}, repeatable=True)
        except self._errors:
            return  # a service that keeps its log to itself, and fails over without losing any of it
        yield "timeline"

    async def listen(self, channel: str, heard: Callable[[], None]) -> None:
        """Call `heard` for notifications, until cancelled; return where there are none to be had.

        Behind a pgbouncer there are none: the session that listens would be somebody else's a moment later.
        """
        if "notify" in self._has and self._target.prepared:
            await listen(self._target.conninfo, channel, heard)

    async def _read(self, connection: Connection, operation: Callable[[], Operation[T]]) -> T:
        steps = operation()
        code = cast("GeneratorType[Any, Any, T]", steps).gi_code
        if code not in self._longer:
            try:
                rows = await self._execute(connection, next(steps))
                steps.send(rows)
            except StopIteration as end:
                return cast("T", end.value)
            # It goes on: what it has read so far belongs to no transaction, so it is asked again in one.
            self._longer.add(code)
        return await self._transaction(connection, _SNAPSHOT, operation)

    async def _transaction(
        self, connection: Connection, begin: bytes, operation: Callable[[], Operation[T]]
    ) -> T:
        try:
            await connection.execute(begin, prepare=False)
            result = await self._drive(connection, operation())
            await connection.execute(b"COMMIT", prepare=False)
        except BaseException:
            with suppress(self._errors):  # the connection may be what was lost
                await connection.rollback()
            raise
        return result

    async def _drive(self, connection: Connection, steps: Operation[T]) -> T:
        try:
            statement = next(steps)
            while True:
                statement = steps.send(await self._execute(connection, statement))
        except StopIteration as end:
            return cast("T", end.value)

    async def _execute(self, connection: Connection, statement: Statement) -> Rows:
        if statement.needs and statement.needs not in self._has:
            return []
        return await _execute(connection, statement)

    async def _attempt(self, body: Callable[[Connection], Awaitable[T]], *, repeatable: bool = False) -> T:
        for attempt in range(_ATTEMPTS):
            connection, pool = await self._borrow()
            try:
                return await body(connection)
            except self._errors as fault:
                lost = connection.closed
                if fault.sqlstate not in _AGAIN and not (lost and repeatable):
                    raise self._refusal(fault, lost=lost) from fault
                repeatable = repeatable and not lost
            finally:
                await pool.putconn(connection)
            await asyncio.sleep(self._pause(attempt))
        raise Refusal("unavailable", f"gave up after {_ATTEMPTS} serialization failures", retry_after=1.0)

    async def _borrow(self) -> tuple[Connection, AsyncConnectionPool[Connection]]:
        if self._pool is None:
            raise Refusal("unavailable", "the database is not open")
        pool = self._pool
        while True:
            try:
                connection = await pool.getconn()
            except self._operational as fault:
                raise Refusal("unavailable", str(fault), retry_after=1.0) from fault
            if not is_stale(connection):
                return connection, pool
            # The pool's own check would pause between one stale connection and the next.
            await connection.close()
            await pool.putconn(connection)

    def _pause(self, attempt: int) -> float:
        """Seconds; of random length, so that those who collided do not meet again."""
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**attempt)
        return longest * int.from_bytes(self._entropy(2)) / 0x10000

    def _refusal(self, fault: psycopg.Error, *, lost: bool) -> Exception:
        """What a caller is told: `unavailable` for what passes, and the fault itself where it is ours.

        A connection that is `lost` passes, whatever the driver calls it: a transaction in which this process
        stood still for too long is of its class "internal".
        """
        if lost or isinstance(fault, self._operational) or fault.sqlstate in _NOT_NOW:
            return Refusal("unavailable", f"{fault.sqlstate}: {fault}", retry_after=1.0)
        return fault


async def _execute(connection: Connection, statement: Statement) -> Rows:
    text, names = numbered(statement.sql, statement.lock)
    parameters, watcher = statement.parameters, watching.current()
    began = 0.0 if watcher is None else steady()
    cursor = await connection.execute(text, [parameters[name] for name in names])
    result = cursor.pgresult
    rows = await cursor.fetchall() if result is not None and result.nfields else []
    if watcher is not None:
        changed = _changed(cursor, statement)
        facts = {
            "sql": statement.sql,
            "parameters": parameters,
            "rows": changed or len(rows),
            "ms": watching.milliseconds(since=began),
        }
        watcher("db.write" if changed else "db.read", facts)
    return rows


def _changed(cursor: psycopg.AsyncCursor[Any], statement: Statement) -> int:
    """How many rows it has changed; what changed none has written nothing.

    Of a change inside of a WITH the server counts what came back instead. Those of ours give a row back for
    what they did, and none where they did nothing; only a refresh that finds its token current gives one for
    nothing, and is told as the write that it would have been.
    """
    tag = (cursor.statusmessage or "").partition(" ")[0]
    counted = tag in {"INSERT", "UPDATE", "DELETE"} or (tag == "SELECT" and _CHANGES.search(statement.sql))
    return cursor.rowcount if counted else 0
