"""Reads of one Redis: what is asked for in one turn of the event loop goes in one command.

A command costs redis-py 40 us of CPU and MGET hardly more for eight keys than for one, so the busier a
server is, the less of it a look-up takes. Nobody waits for company: a turn ends by itself, within the time
that the work which is ready takes. A cluster keeps its keys on different nodes, so there this is no use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from sekisho.adapters.session_lookups import NoAnswer


class SharedReads:
    """Asks for many keys at once.

    Args:
        ask: the values of these keys, in their order; it raises `NoAnswer`.
    """

    def __init__(self, ask: Callable[[Sequence[bytes]], Awaitable[Sequence[object]]]) -> None:
        self._ask: Final = ask
        self._waiting: list[tuple[bytes, asyncio.Future[object]]] = []
        # The loop holds its tasks weakly.
        self._under_way: set[asyncio.Task[None]] = set()

    async def get(self, name: bytes) -> object:
        """The value under that key.

        Raises:
            NoAnswer: there was none for all who asked together.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._send)
        value: asyncio.Future[object] = loop.create_future()
        self._waiting.append((name, value))
        return await value

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        task = asyncio.create_task(self._answer(waiting))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _answer(self, waiting: list[tuple[bytes, asyncio.Future[object]]]) -> None:
        try:
            values = await self._ask([name for name, _ in waiting])
            answers = list(zip(waiting, values, strict=True))
        except (NoAnswer, TypeError, ValueError) as fault:  # of another shape, it is no answer either
            for _, value in waiting:
                if not value.done():  # whoever has given up wants no answer
                    value.set_exception(NoAnswer(*fault.args))
            return
        for (_, value), found in answers:
            if not value.done():
                value.set_result(found)
