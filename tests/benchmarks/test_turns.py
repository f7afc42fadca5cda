"""How sides are measured in turn, and what is told of them."""

from __future__ import annotations

from itertools import count

import pytest

from benchmarks.load import Timed
from benchmarks.matrix import turns
from benchmarks.matrix.turns import Cost, Meter, Pace, Side

CLIENTS = 8


def side(name: str, asked: list[tuple[str, int]], *, seconds: float = 0.001) -> Side:
    """A side that takes a millisecond a request, and a second of CPU a turn."""
    clock = count(0.0, 1.0)

    def run(requests: int) -> Timed:
        asked.append((name, requests))
        return Timed(seconds * requests, [seconds] * requests)

    return Side(name, Meter(lambda: next(clock)), run)


def test_every_side_runs_in_every_round_and_the_order_changes() -> None:
    """What disturbs the machine for a while disturbs no side more often than the other."""
    asked: list[tuple[str, int]] = []
    sides = [side("ours", asked), side("theirs", asked)]
    turns.compare(sides, Pace(rounds=2, seconds=0.1), clients=CLIENTS)
    warm_up, measured = asked[:4], [name for name, _ in asked[4:]]
    assert warm_up == [("ours", 64), ("ours", 64), ("theirs", 64), ("theirs", 64)]
    assert measured == ["theirs", "ours", "ours", "theirs"]


@pytest.mark.parametrize(("seconds", "requests"), [(0.1, 96), (0.0001, 8), (100.0, 400)])
def test_a_turn_is_a_multiple_of_the_clients(seconds: float, requests: int) -> None:
    """A turn takes about as long as was asked for: one request a client at least, the most at most."""
    asked: list[tuple[str, int]] = []
    turns.compare([side("ours", asked)], Pace(rounds=1, seconds=seconds, most=400), clients=CLIENTS)
    assert asked[-1] == ("ours", requests)


def test_a_slow_side_has_the_least_of_requests_all_the_same() -> None:
    """Eight connections are opened at each turn: nobody is to be told by two requests on each."""
    asked: list[tuple[str, int]] = []
    turns.compare([side("slow", asked, seconds=0.01)], Pace(rounds=1, seconds=0.1, least=64), clients=CLIENTS)
    assert asked[-1] == ("slow", 64)


def test_no_quantile_is_beyond_what_was_seen() -> None:
    """Of two rounds, or of few requests, the textbook's formula goes on beyond both ends, below zero even."""
    assert turns.quartiles([1.0, 9.0]) == [1.0, 5.0, 9.0]
    assert turns.quartiles([1.0, 2.0, 9.0]) == [1.0, 2.0, 9.0]
    few = Cost("few", [1.0], [], [1.0], [1.0, 2.0, 10.0])
    assert few.told(few)["p99_ms"] == 10.0


def test_ratios_are_taken_within_a_round() -> None:
    """A round in which everything took three times as long changes no ratio."""
    ours = Cost("ours", [100.0, 300.0, 100.0], [], [1.0], [1.0, 2.0])
    theirs = Cost("theirs", [200.0, 600.0, 200.0], [], [1.0], [1.0, 2.0])
    told = theirs.told(ours)
    assert told["ratio"] == [2.0, 2.0, 2.0]
    assert told["server_us"][1] == 200.0
    assert told["rounds_us"] == [200.0, 600.0, 200.0]
    assert told["database_us"] is None
    assert ours.told(ours)["ratio"] is None


def test_cpu_is_told_by_the_request_and_by_whose_it_is() -> None:
    """Microseconds of the server and of the database, each divided by the requests of the turn."""
    server, database = count(0.0, 0.008), count(0.0, 0.004)
    meter = Meter(lambda: next(server), lambda: next(database))
    measured = Side("ours", meter, lambda n: Timed(0.001 * n, [0.001] * n))
    (cost,) = turns.compare([measured], Pace(rounds=1, seconds=0.001), clients=CLIENTS)
    assert cost.server == [pytest.approx(1000.0)]
    assert cost.database == [pytest.approx(500.0)]
    assert cost.per_second == [pytest.approx(1000.0)]
    assert cost.latencies == [1.0] * 8
