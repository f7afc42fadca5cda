"""Role changes against refreshes on PostgreSQL: our rule, and what timestamps make of the same race.

The timestamp method refuses a token whose `iat` lies before the user's last change ("tokens valid after"). It
is tried on the very same history, with clocks that agree exactly, since all of it is one machine: in
production they would not. The change is stamped when it is begun, as an application passes the time to its
UPDATE; the token before its roles are read, which is the careful way, or when it is signed, which is usual.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from math import floor

from benchmarks.paired import Result, aligned
from tests.parts.mint_race import Change, History, Mint, Rule, by_number, race
from tests.parts.postgres import PostgresServer
from tests.parts.postgres_nodes import migrated, nodes

ACCOUNTS, MINTERS, CHANGES = 4, 3, 150
#: Seconds between two changes of an account.
_PAUSE = 0.05
_MARGIN = 5.0
OURS = "rv < number of the entry"


def _stamped_first(mint: Mint, change: Change) -> bool:
    return mint.began < change.began


def _stamped_last(mint: Mint, change: Change) -> bool:
    return mint.ended < change.began


def _seconds_lenient(mint: Mint, change: Change) -> bool:
    return floor(mint.began) < floor(change.began)


def _seconds_strict(mint: Mint, change: Change) -> bool:
    return floor(mint.began) <= floor(change.began)


def _margin(mint: Mint, change: Change) -> bool:
    return mint.began < change.began + _MARGIN


RULES: Mapping[str, Rule] = {
    OURS: by_number,
    "iat < changed, fractions, iat before the read": _stamped_first,
    "iat < changed, fractions, iat when signed": _stamped_last,
    "iat < changed, whole seconds (as a JWT has)": _seconds_lenient,
    "iat <= changed, whole seconds": _seconds_strict,
    f"iat < changed + {_MARGIN:g} s": _margin,
}


def run() -> Result:
    """Run the race, and hold every rule against it."""
    with PostgresServer() as postgres:
        history = asyncio.run(_race(migrated(postgres)))
    rows: list[tuple[str, ...]] = [("a token is refused if", "stale accepted", "of", "good refused", "of")]
    for name, rule in RULES.items():
        accepted, refused = history.judge(rule)
        rows.append((name, str(accepted), str(history.stale), str(refused), str(history.good)))
    changes = sum(map(len, history.changes))
    told = f"{len(history.mints)} tokens minted during {changes} changes"
    return Result(f"{aligned(rows)}\n{told}", history.judge(by_number) == (0, 0))


async def _race(url: str) -> History:
    async with nodes(url, count=2) as scene:
        return await race(
            scene, accounts=ACCOUNTS, minters=MINTERS, changes=CHANGES, clock=time.time, pause=_PAUSE
        )
