"""Wait for a source without being held up by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


async def abandonable(read: Callable[[], T]) -> T:
    """What `read` gives or raises, off the event loop; whoever is cancelled leaves it behind.

    With `asyncio.to_thread` the end of the loop, and of the process, waits for the thread: as long as a store
    of secrets that does not answer may take. This one is a daemon: let it write nothing that could be half.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(value: T) -> None:
        if not done.done():
            done.set_result(value)

    def fail(fault: BaseException) -> None:
        if not done.done():
            done.set_exception(fault)

    def run() -> None:
        with suppress(RuntimeError):  # from the loop: it was closed meanwhile, so nobody waits
            try:
                value = read()
            except BaseException as fault:  # noqa: BLE001 - whoever waits gets it
                loop.call_soon_threadsafe(fail, fault)
            else:
                loop.call_soon_threadsafe(settle, value)

    Thread(target=run, name="sekisho-secrets", daemon=True).start()
    return await done
