"""A few threads with a queue that ends: for work that may neither block the event loop nor pile up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Any, Final, TypeVar

from sekisho.rules.refusals import Refusal

T = TypeVar("T")

#: Seconds after which a full queue of password hashes has gone by on an ordinary machine.
RETRY_AFTER: Final = 2.0


class BoundedThreads:
    """At most `threads` run and `waiting` wait; whoever comes then is refused at once.

    A caller that goes away frees its place: at once if its work had not begun, otherwise when the work ends,
    since a thread cannot be stopped. So the bound holds whatever callers do.
    """

    def __init__(self, *, threads: int, waiting: int, name: str) -> None:
        self._places = BoundedSemaphore(threads + waiting)
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._unfinished: set[Future[Any]] = set()

    def __len__(self) -> int:
        """How many run or wait."""
        return len(self._unfinished)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises.

        Raises:
            Refusal: `unavailable` with `retry_after`: the queue is full.
        """
        if not self._places.acquire(blocking=False):
            raise Refusal("unavailable", "too many are waiting already", retry_after=RETRY_AFTER)
        try:
            future = self._executor.submit(work)
        except BaseException:
            self._places.release()
            raise
        self._unfinished.add(future)
        future.add_done_callback(self._finish)
        return await asyncio.wrap_future(future)

    def _finish(self, future: Future[Any]) -> None:
        self._unfinished.discard(future)
        self._places.release()

    def close(self) -> None:
        """Finish what runs, drop what waits."""
        self._executor.shutdown(cancel_futures=True)
