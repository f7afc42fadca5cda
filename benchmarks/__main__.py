"""The whole comparison, side by side on this machine: `python -m benchmarks [--quick] [--into FOLDER]`.

Under 20 minutes, or under 3 with `--quick`, on a machine with nothing else to do; what it measures is said
on stderr. It writes results.json, tables and plots. Peers that cannot be installed here are left out by name.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import machine, node_peers, python_peers
from benchmarks.matrix import growing, pages, races, scale, starts, tokens
from benchmarks.matrix.players import Entrant, Place, oidc_provider
from benchmarks.matrix.scale import Scale
from benchmarks.matrix.servers import ACTS, MOST_TELLING, Act, Matrix
from benchmarks.matrix.targets import targets
from benchmarks.matrix.turns import Pace
from benchmarks.revocation.soak import soak
from tests.parts.postgres import PostgresServer

T = TypeVar("T")
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure each thing."""

    pace: Pace
    token_rounds: int
    starts: int
    races: int
    scale: Scale
    postgres: Sequence[Act] = ACTS
    sqlite: Sequence[Act] = ACTS
    #: Each one's default hash, Node one at a time, and the revocation soak.
    slow: bool = True


_LONG = Pace(rounds=9, seconds=0.2, least=64)
_SHORT = Pace(rounds=3, seconds=0.05, least=16)
#: Flat is what is to be seen, so more of it.
_LONGER = Pace(rounds=15, seconds=0.3)
WHOLE = Effort(_LONG, 9, 7, 20, Scale((10_000, 1_000_000, 10_000_000), 100_000, 1_000_000, _LONGER))
QUICK = Effort(
    _SHORT,
    token_rounds=2,
    starts=1,
    races=3,
    scale=Scale((1_000, 50_000), 20_000, 10_000, _SHORT),
    postgres=MOST_TELLING,
    sqlite=MOST_TELLING[:1],
    slow=False,
)
QUICK_SKIPS = (
    "logouts, refreshes one at a time, default hashes, SQLite but for refresh;"
    " Node's libraries for tokens; how soon a revocation is known"
)


class Progress:
    """Says what is measured now, and since when."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        #: Minutes that each part took.
        self.parts: dict[str, float] = {}

    def __call__(self, what: str) -> None:
        """Say it."""
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        print(f"[{minutes:2}:{seconds:02}] {what}", file=sys.stderr, flush=True)

    def timed(self, part: str, run: Callable[[], T]) -> T:
        """Do a part, and keep how long it took."""
        began = time.monotonic()
        done = run()
        self.parts[part] = (time.monotonic() - began) / 60
        return done

    @property
    def minutes(self) -> float:
        """Since the beginning."""
        return (time.monotonic() - self._began) / 60


def measure(effort: Effort, *, quick: bool) -> dict[str, Any]:
    """Everything, as `results.json` keeps it.

    Raises:
        PeersMissingError: the peers from PyPI cannot be installed here, and without them there is no table.
    """
    say = Progress()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say("installing the peers")
        versions = python_peers.install()
        (folder / "node").mkdir()
        missing = node_peers.install(folder / "node")
        node = None if missing else oidc_provider(folder / "node")
        facts = [
            machine.facts(),
            f"peers     {versions}",
            *([] if missing else [f"Node      {node_peers.facts()}"]),
        ]
        matrix = Matrix(folder, effort.pace, say, node, effort.postgres, effort.sqlite, whole=effort.slow)
        compared = say.timed("servers", matrix.run)
        with_node = not missing and not quick
        by_token = say.timed("tokens", lambda: tokens.run(effort.token_rounds, say, with_node=with_node))
        started = say.timed("starts", lambda: starts.run(folder, effort.starts, say))
        raced = say.timed("races", lambda: _races(folder, effort, say, node))
        far = effort.scale
        scaled = say.timed("scale", lambda: scale.run(folder, far, say))
        small, refreshes = min(far.sizes), far.refreshes
        grown = say.timed("growth", lambda: growing.run(folder, small, refreshes, say))
        known = say.timed("revocation", soak).told() if effort.slow else None
    skipped = [f"Node, oidc-provider ({missing})"] if missing else []
    return {
        "date": time.strftime("%Y-%m-%d"),
        "quick": quick,
        "minutes": say.minutes,
        "parts": say.parts,
        "machine": "\n".join(facts),
        "skipped": skipped + ([QUICK_SKIPS] if quick else []),
        "targets": targets(compared, started),
        "servers": compared,
        "tokens": by_token,
        "starts": started,
        "races": raced,
        "scale": {**scaled, "growth": grown},
        "revocation": known,
    }


def _races(folder: Path, effort: Effort, say: Progress, node: Entrant | None) -> list[Any]:
    with PostgresServer(durable=True) as postgres:
        place = Place(folder, lambda: postgres.url(postgres.create_database()))
        return races.run(place, effort.races, say, node=node)


def main(arguments: Sequence[str]) -> int:
    """Measure, write, and print the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 3 minutes, with wider quartiles")
    parser.add_argument("--into", type=Path, help="where the results go; by default benchmarks/results")
    chosen = parser.parse_args(arguments)
    into = chosen.into or (_HERE.parent / "build" / "benchmarks" if chosen.quick else _HERE / "results")
    try:
        results = measure(QUICK if chosen.quick else WHOLE, quick=chosen.quick)
    except python_peers.PeersMissingError as missing:
        print(f"the peers cannot be installed here: {missing}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped: every server was ended, and nothing was written", file=sys.stderr)
        return 130  # as a shell tells it of SIGINT
    pages.write(results, into)
    print(pages.page(results, "en"))
    print(f"written to {into}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
