"""Refreshes that come at the same time go to the database together: one statement, one commit.

Rotating one session costs the server a round trip, and the database a commit, which waits for its disk.
While a statement is under way, whoever comes next waits for it, and then all of them go at once. Alone, a
refresh is as fast as ever. In a crowd each waits for at most one statement of others, and costs server and
database half as much or less (decision 0012).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from contextvars import Context
from copy import copy
from itertools import islice
from typing import Final

import msgspec

from sekisho.adapters import watching
from sekisho.adapters.postgres.engine import PostgresEngine
from sekisho.adapters.postgres.statements import ROTATE
from sekisho.adapters.sql.operation import Row
from sekisho.frozen import Frozen, Hidden
from sekisho.rules.refusals import Refusal

#: Sessions in one statement.
_AT_MOST: Final = 64
#: Seconds that a crowd is given to come together, as PostgreSQL's `commit_delay` gives it to commits.
_GATHERING: Final = 0.001
#: Seconds for which others wait for a statement that is under way; then the next goes beside it. A hundred
#: times what one takes: a connection that has gone silent holds up nobody but those it was asked for.
_PATIENCE: Final = 0.25
#: How many sessions may wait, as many as callers for the connections of the pool; and how many requests of
#: one, so that whoever sends a token without end takes the place of nobody else.
_WAITING: Final = 640
_WAITING_OF_ONE: Final = 64

_encode: Final = msgspec.json.Encoder().encode


class Presentation(Frozen):
    """A refresh token that was presented, as `statements.ROTATE` reads it; digests are in hexadecimal.

    `now` in POSIX seconds, `settling` and `refresh` in seconds.
    """

    session_id: str
    gen: int
    fam: Hidden[str]
    mode: str
    retry_key: Hidden[str | None]
    now: float
    settling: float
    refresh: float
    ip: str
    user_agent: str


class _Asking:
    """One who waits for his row."""

    __slots__ = ("answer", "presented", "repeatable")

    def __init__(self, presented: Presentation, *, repeatable: bool) -> None:
        self.presented: Final = presented
        self.repeatable: Final = repeatable
        self.answer: Final[asyncio.Future[Row | None]] = asyncio.get_running_loop().create_future()

    def tell(self, row: Row | None) -> None:
        if not self.answer.done():  # else he has gone
            self.answer.set_result(row)

    def fail(self, fault: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(fault)


class Rotating:
    """The statements by which one process rotates: the next when the one before it is done.

    Args:
        engine: runs them.
    """

    def __init__(self, engine: PostgresEngine) -> None:
        self._engine: Final = engine
        self._waiting: dict[str, deque[_Asking]] = {}
        self._crowd = 1
        self._sending: asyncio.Task[None] | None = None
        self._under_way: Final[set[asyncio.Task[None]]] = set()

    async def rotate(self, presented: Presentation, *, repeatable: bool) -> Row | None:
        """The row of `ROTATE` behind the session's id; None where the portable transaction has to decide.

        `repeatable`: twice comes to the same as once.

        Raises:
            Refusal: `unavailable`.
        """
        asking = _Asking(presented, repeatable=repeatable)
        if watching.current() is not None:
            # What is done for a watched request is told as its own.
            await self._ask({presented.session_id: asking})
            return await asking.answer
        queue = self._waiting.get(presented.session_id)
        if queue is None and len(self._waiting) < _WAITING:
            queue = self._waiting[presented.session_id] = deque()
        if queue is None or len(queue) >= _WAITING_OF_ONE:
            raise Refusal("unavailable", "too many refreshes are waiting", retry_after=1.0)
        queue.append(asking)
        if self._sending is None:
            # Of no request's context: it works for whoever comes.
            self._sending = asyncio.get_running_loop().create_task(self._send(), context=Context())
        return await asking.answer

    async def _send(self) -> None:
        try:
            while self._waiting:
                if len(self._waiting) < self._crowd:
                    await asyncio.sleep(_GATHERING)
                together = self._take()
                self._crowd = len(together)
                if not together:
                    continue
                statement = asyncio.create_task(self._ask(together))
                self._under_way.add(statement)
                statement.add_done_callback(self._under_way.discard)
                await asyncio.wait([statement], timeout=_PATIENCE)
        finally:
            self._sending = None

    def _take(self) -> dict[str, _Asking]:
        """Those who go together: of one session only the first, since the next finds it changed."""
        together: dict[str, _Asking] = {}
        for session_id in list(islice(self._waiting, _AT_MOST)):
            queue = self._waiting.pop(session_id)
            while queue:
                asking = queue.popleft()
                if not asking.answer.done():  # else he has gone, and would find his token spent
                    together[session_id] = asking
                    break
            if queue:
                self._waiting[session_id] = queue  # behind those who have waited longer
        return together

    async def _ask(self, together: Mapping[str, _Asking]) -> None:
        repeatable = all(asking.repeatable for asking in together.values())
        try:
            parameters = {"asked": _encode([asking.presented for asking in together.values()]).decode()}
            rows = await self._engine.run(ROTATE, parameters, repeatable=repeatable)
        except Exception as fault:  # noqa: BLE001 - told to whoever asked, and raised there
            if len(together) > 1 and not isinstance(fault, Refusal):
                # It is one of them, and nothing was done for any: each by itself.
                for session_id, asking in together.items():
                    await self._ask({session_id: asking})
                return
            for asking in together.values():
                # Of several each has his own: whoever raises it adds to its traceback.
                own = copy(fault) if len(together) > 1 else fault
                own.__cause__ = fault.__cause__
                asking.fail(own)
            return
        found = {row[0]: row[1:] for row in rows}
        for session_id, asking in together.items():
            asking.tell(found.get(session_id))
