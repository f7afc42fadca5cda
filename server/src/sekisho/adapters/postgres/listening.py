"""Hearing of revocations at once: a connection of its own, which nothing depends on.

Who does not hear reads a fifth of a second later. So where it cannot be had (a standby, no connection left)
it is tried again, ever less often, and nobody is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from sekisho.adapters.postgres.connecting import driver

#: Seconds until the next attempt, doubled each time up to the second.
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0


async def listen(conninfo: str, channel: str, heard: Callable[[], None]) -> None:
    """Call `heard` for each notification of `channel`, and for those that were missed, until cancelled."""
    psycopg = driver()
    pause = _FIRST_PAUSE
    while True:
        with suppress(psycopg.Error):
            async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
                await connection.execute(f"LISTEN {channel}", prepare=False)
                pause = _FIRST_PAUSE
                heard()
                async for _ in connection.notifies():
                    heard()
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
