"""The bare application on SQLite: one connection, each request a transaction of its own, on the event loop.

The same texts as ours, written out where ours decides between two statements. Ours hands transactions to a
thread, where those that wait share a flush; somebody who writes by hand does not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from benchmarks.bare import Bare, login_event
from sekisho.adapters.sql import accounts, rights, rotation, sessions, throttle
from sekisho.adapters.sql.operation import Operation
from sekisho.adapters.sqlite import connect, sqlite_path
from sekisho.rules.access import Rights
from sekisho.rules.account import Account
from sekisho.rules.session import NewSession
from sekisho.rules.throttle import Bucket

T = TypeVar("T")

# What nobody but the floor has to read from outside: it is to run these very texts.
_PRESENTED, _ROTATE = rotation._PRESENTED, rotation._ROTATE  # noqa: SLF001 -- see above
_LIVE, _RIGHTS = sessions._LIVE, rights._RIGHTS  # noqa: SLF001 -- see above


class BareOnSqlite(Bare):
    """The same acts on a file that our server has made."""

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Connect, as sekisho does: a write-ahead log that is flushed at each commit."""
        self._redis = None
        self._connection = connect(sqlite_path(self.settings.database_url))
        yield
        self._connection.close()

    async def live(self, session_id: str, digest: bytes, now: float) -> Sequence[Any]:
        """Both statements of ours, in one snapshot."""
        with self._transaction("BEGIN") as connection:
            (row,) = connection.execute(_LIVE, {"id": session_id}).fetchall()
            _, fam, _, auth_time, amr, expires_at, ends_at, revoked_at, *account = row
            if fam != digest or revoked_at is not None or now >= min(expires_at, ends_at):
                raise ValueError("not a session that is open")
            return [expires_at, auth_time, amr, *account, *_held(connection, account[0])]

    async def rotate(self, session_id: str, generation: int, family: bytes, now: float) -> Sequence[Any]:
        """The three statements of ours; the row is as ours leaves it."""
        with self._transaction() as connection:
            (row,) = connection.execute(_PRESENTED, {"id": session_id}).fetchall()
            gen, rotated_at, _, _, fam, _, ends_at, revoked_at, _, _, auth_time, amr, _, *account = row
            if gen != generation or fam != family or revoked_at is not None:
                raise ValueError("not the newest token of a session that is open")
            if rotated_at is not None and abs(now - rotated_at) < self.settings.refresh_grace:
                return [True, ends_at, auth_time, amr, *account, *_held(connection, account[0])]
            expires_at = min(now + self.settings.refresh_ttl, ends_at)
            kept = {
                "id": session_id,
                "gen": gen + 1,
                "rotated_at": now,
                "retry_gen": gen,
                "retry_key": None,
                "refresh_expires_at": expires_at,
                "ip": "127.0.0.1",
                "user_agent": "sekisho-benchmarks",
            }
            connection.execute(_ROTATE, kept)
            return [False, expires_at, auth_time, amr, *account, *_held(connection, account[0])]

    async def attempt(self, email: str, buckets: Sequence[Bucket], now: float) -> tuple[str, str]:
        """The operations of ours."""
        found = await self.transact(accounts.find_credentials(email=email))
        if found is None:
            raise ValueError("not an account of the benchmark")
        await self.transact(throttle.attempt(buckets, now=now))
        return found.account.id, found.password_hash

    async def open_session(
        self, session: NewSession, checked: str, buckets: Sequence[Bucket]
    ) -> Sequence[Any]:
        """The operation of ours."""
        event = login_event(session)
        steps = sessions.open_session(session, checked=checked, forgive=buckets, event=event)
        grant = await self.transact(steps)
        if grant is None:
            raise ValueError("the password was changed meanwhile")
        return _columns(grant.account, grant.rights)

    async def transact(self, steps: Operation[T]) -> T:
        """All statements of one operation of ours, in one transaction."""
        with self._transaction() as connection:
            try:
                statement = next(steps)
                while True:
                    rows: list[Any] = []
                    if not statement.needs:
                        rows = connection.execute(statement.sql, statement.parameters).fetchall()
                    statement = steps.send(rows)
            except StopIteration as done:
                value: T = done.value
                return value

    @contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        self._connection.execute(begin)
        try:
            yield self._connection
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.execute("COMMIT")


def _held(connection: sqlite3.Connection, user_id: str) -> Sequence[Any]:
    """The number of the feed, and the rights, as the columns of the statement on PostgreSQL."""
    found: dict[str, list[str]] = {"role": [], "group": [], "allow": [], "deny": []}
    epoch = seq = ""
    for what, value, second in connection.execute(_RIGHTS, {"user_id": user_id}):
        if what == "rv":
            epoch, seq = value, second
        else:
            found[what].append(value)
    return [epoch, seq, *(" ".join(found[kind]) for kind in ("allow", "deny", "role", "group"))]


def _columns(account: Account, held: Rights) -> Sequence[Any]:
    """An account that was logged in, as the columns of the statement on PostgreSQL."""
    epoch, _, seq = held.rv.partition(".")
    lists = " ".join(held.entitlements), "", " ".join(held.roles), " ".join(held.groups)
    return [account.id, account.email, account.status, account.locale, account.created_at, epoch, seq, *lists]
