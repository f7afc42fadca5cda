"""Several sides of one comparison, loaded in turn: what each request costs, and how long it takes.

Every side runs in every round, forwards and backwards by turns, so what disturbs the machine disturbs all of
them, and a ratio is taken within a round.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.load import Timed
from benchmarks.paired import MICROSECONDS

MILLISECONDS = 1e3
#: Requests of each of two rounds that are not told: they warm the side up, and say how many make a turn.
WARM_UP = 64


@dataclass(frozen=True, slots=True)
class Meter:
    """Seconds of CPU used so far, by the server and by the database, where that is not in the server."""

    server: Callable[[], float]
    database: Callable[[], float] | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One of those that are compared.

    Args:
        name: which; ratios are taken to the first side of a comparison.
        meter: what its CPU is read from.
        run: does that many requests, every answer checked.
        prepare: makes what that many requests need, before anything is measured.
    """

    name: str
    meter: Meter
    run: Callable[[int], Timed]
    prepare: Callable[[int], None] = lambda _: None


@dataclass(slots=True)
class Cost:
    """What one side cost: a number a round for CPU (microseconds a request) and requests a second."""

    name: str
    server: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    #: Of every request of all rounds, in milliseconds.
    latencies: list[float] = field(default_factory=list)

    def told(self, ours: Cost) -> dict[str, Any]:
        """As the results keep it; ratios are by `ours`, and above one where this side costs more."""
        ratios = [theirs / mine for theirs, mine in zip(self.server, ours.server, strict=True)]
        return {
            "name": self.name,
            "server_us": quartiles(self.server),
            "database_us": quartiles(self.database) if self.database else None,
            "ratio": None if self is ours else quartiles(ratios),
            "per_second": statistics.median(self.per_second),
            "p50_ms": statistics.median(self.latencies),
            "p99_ms": within(self.latencies, statistics.quantiles(self.latencies, n=100)[98:])[0],
            "requests": len(self.latencies),
            "rounds_us": [round(cost, 2) for cost in self.server],
        }


def quartiles(values: list[float]) -> list[float]:
    """The lower quartile, the median and the upper one."""
    return within(values, statistics.quantiles(values, n=4)) if len(values) > 1 else values * 3


def within(values: Sequence[float], quantiles: Sequence[float]) -> list[float]:
    """Quantiles that are no less and no more than what was seen: those of a few values reach beyond it."""
    lowest, highest = min(values), max(values)
    return [min(max(each, lowest), highest) for each in quantiles]


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to measure: rounds, seconds of wall time of a turn, the least and the most requests in one.

    Each turn has connections of its own: with few requests on each, these are what is measured.
    """

    rounds: int
    seconds: float
    least: int = 1
    most: int = 4000


def compare(sides: list[Side], pace: Pace, *, clients: int) -> list[Cost]:
    """What each side costs."""
    turns = {side.name: _turn(side, pace, clients) for side in sides}
    costs = {side.name: Cost(side.name) for side in sides}
    for number in range(pace.rounds):
        for side in sides if number % 2 else reversed(sides):
            _measure(side, turns[side.name], costs[side.name])
    return [*costs.values()]


def _turn(side: Side, pace: Pace, clients: int) -> int:
    """How many requests make a turn: a multiple of the clients."""
    warm_up = min(WARM_UP, pace.most) // clients * clients
    # Twice: the first find nothing in any cache, and would make the turns of whoever keeps one too short.
    for _ in range(2):
        side.prepare(warm_up)
        timed = side.run(warm_up)
    wanted = int(min(max(pace.seconds * warm_up / timed.seconds, pace.least), pace.most))
    return max(wanted // clients, 1) * clients


def _measure(side: Side, requests: int, cost: Cost) -> None:
    side.prepare(requests)
    meter = side.meter
    database = 0.0 if meter.database is None else meter.database()
    before = meter.server()
    timed = side.run(requests)
    cost.server.append((meter.server() - before) * MICROSECONDS / requests)
    if meter.database is not None:
        cost.database.append((meter.database() - database) * MICROSECONDS / requests)
    cost.per_second.append(requests / timed.seconds)
    cost.latencies += [seconds * MILLISECONDS for seconds in timed.each]


def told(costs: list[Cost], **where: str) -> Mapping[str, Any]:
    """A comparison as the results keep it."""
    return {**where, "sides": [cost.told(costs[0]) for cost in costs]}
