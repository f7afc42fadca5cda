"""What a server does meanwhile, until it stops: tells which sessions were used, and sweeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sekisho.adapters.usage import TELL_EVERY
from sekisho.house import House, entry_horizon
from sekisho.rules.refusals import Refusal
from sekisho.web.logs import LOG, Line

#: Seconds between two looks for rows that nobody needs any more, and how many go in one step: short
#: transactions that make nobody wait, and no cron job.
SWEEP_EVERY = 60.0
SWEEP_STEP = 500


async def tell_usage(house: House) -> None:
    """Tell the database which cookie sessions were used."""
    used, since = house.usage.take()
    if used:
        try:
            await house.store.touch(used, idle=house.lifetimes.idle, now=since)
        except BaseException:
            house.usage.lost(used)
            raise


@asynccontextmanager
async def telling(house: House) -> AsyncGenerator[None]:
    """Tell it meanwhile, and once more at the end."""
    teller = asyncio.create_task(_tell_for_ever(house))
    try:
        yield
    finally:
        teller.cancel()
        await asyncio.gather(teller, return_exceptions=True)
        await _told(house)


async def _tell_for_ever(house: House) -> None:
    while True:
        await asyncio.sleep(TELL_EVERY)
        await _told(house)


async def _told(house: House) -> None:
    try:
        await tell_usage(house)
    except Refusal as refusal:
        # The database is away: until their next use, these sessions end as much earlier.
        LOG.warning(Line("usage_lost", {"detail": refusal.detail}))
    except Exception as fault:  # noqa: BLE001 - a task that ended would be missed when everybody is idle at once
        LOG.error(Line("usage_lost", {}), exc_info=fault)


@asynccontextmanager
async def sweeping(house: House) -> AsyncGenerator[None]:
    """Sweep meanwhile."""
    sweeper = asyncio.create_task(_sweep_for_ever(house))
    try:
        yield
    finally:
        sweeper.cancel()
        await asyncio.gather(sweeper, return_exceptions=True)


async def _sweep_for_ever(house: House) -> None:
    """Delete what nobody needs any more, a small step at a time, until cancelled."""
    keep = entry_horizon(house.settings)
    while True:
        try:
            swept = await house.store.sweep(now=house.clock(), entry_horizon=keep, limit=SWEEP_STEP)
        except Refusal as refusal:
            # The database is away. Nothing is lost by sweeping later.
            LOG.warning(Line("sweep_failed", {"detail": refusal.detail}))
            swept = 0
        except Exception as fault:  # noqa: BLE001 - a task that ended would be missed when the disk is full
            LOG.error(Line("sweep_failed", {}), exc_info=fault)
            swept = 0
        await asyncio.sleep(0 if swept >= SWEEP_STEP else SWEEP_EVERY)
