"""What may not grow beyond a bar, one by one: `python -m benchmarks.bars [NAME ...]`.

Exit code 1 says that a bar was missed; on a busy machine look at the quartiles before you believe it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from benchmarks import (
    cli_help,
    guard,
    imports,
    login,
    machine,
    refresh,
    session,
    session_peers,
    sqlite,
    start,
    verify,
)
from benchmarks.paired import Result
from benchmarks.revocation import check_cost, idle_streams, mint_race, soak

BENCHMARKS: Mapping[str, Callable[[], Result]] = {
    "refresh": refresh.run,
    "login": login.run,
    "session": session.run,
    "session-peers": session_peers.run,
    "guard": guard.run,
    "start": start.run,
    "sqlite": sqlite.run,
    "verify": verify.run,
    "imports": imports.run,
    "help": cli_help.run,
    "revocation": soak.run,
    "revocation-check": check_cost.run,
    "idle-streams": idle_streams.run,
    "mint-race": mint_race.run,
}


def main(names: list[str]) -> int:
    """Run those named, or all; the exit code."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    print(machine.facts())
    holds = True
    for name in names or BENCHMARKS:
        result = BENCHMARKS[name]()
        holds = holds and result.holds
        print(f"\n{name}\n{result.table}", flush=True)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
