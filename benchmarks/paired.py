"""Two things measured in turn, many times: what disturbs the machine disturbs both, and the ratio stays."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

MICROSECONDS = 1e6


@dataclass(frozen=True, slots=True)
class Pairs:
    """The rounds of one comparison: what the other one cost and what ours did, in one unit."""

    name: str
    unit: str
    other: list[float]
    ours: list[float]
    #: The ratio that must not be exceeded; none where there is nothing to hold.
    bar: float | None = None
    #: Whether the ratio says how many times faster ours is, and the bar how many it must be at least.
    faster: bool = False

    @property
    def ratios(self) -> list[float]:
        """Ours by theirs, or theirs by ours, a round each."""
        times = zip(self.other, self.ours, strict=True)
        return [theirs / mine if self.faster else mine / theirs for theirs, mine in times]

    @property
    def holds(self) -> bool:
        """Whether the median ratio is on the right side of the bar."""
        if self.bar is None:
            return True
        middle = statistics.median(self.ratios)
        return middle >= self.bar if self.faster else middle <= self.bar

    @property
    def row(self) -> tuple[str, ...]:
        """A line of the table."""
        low, middle, high = statistics.quantiles(self.ratios, n=4)
        times, bound = (" x", ">=") if self.faster else ("", "<=")
        return (
            self.name,
            self.unit,
            f"{statistics.median(self.other):.4g}",
            f"{statistics.median(self.ours):.4g}",
            f"{middle:.3g}{times}",
            f"{low:.3g} - {high:.3g}",
            "" if self.bar is None else f"{bound} {self.bar:g}{times}",
            "" if self.bar is None else "holds" if self.holds else "MISSED",
        )

    def less(self, cost: float) -> Pairs:
        """The same without a cost that both have, such as the hash of a password."""
        other, ours = ([value - cost for value in side] for side in (self.other, self.ours))
        return Pairs(f"{self.name}, less what both hash", self.unit, other, ours, self.bar)


def measure(
    name: str,
    *,
    other: Callable[[], float],
    ours: Callable[[], float],
    rounds: int,
    unit: str,
    bar: float | None = None,
) -> Pairs:
    """Run both in turn, as `in_turn` does."""
    found = in_turn({"other": other, "ours": ours}, rounds=rounds)
    return Pairs(name, unit, found["other"], found["ours"], bar)


def in_turn(sides: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, list[float]]:
    """What each side cost in each round: all run in every round, forwards and backwards by turns.

    The round before the first warms them up and is not told.
    """
    for run in sides.values():
        run()
    found: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in sides if number % 2 else reversed([*sides]):
            found[name].append(sides[name]())
    return found


@dataclass(frozen=True, slots=True)
class Result:
    """What a benchmark prints, and whether every bar in it holds."""

    table: str
    holds: bool = True


def result(measured: Sequence[Pairs]) -> Result:
    """One line a comparison: medians, the median ratio with its quartiles, the bar and whether it holds."""
    rows: list[tuple[str, ...]] = [("", "unit", "other", "ours", "ratio", "quartiles", "bar", "")]
    rows += [pairs.row for pairs in measured]
    return Result(aligned(rows), all(pairs.holds for pairs in measured))


def aligned(rows: list[tuple[str, ...]]) -> str:
    """A table in plain text; the first row is its head, the first column its names."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(_placed, range(len(row)), row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _placed(column: int, cell: str, width: int) -> str:
    return cell.rjust(width) if column else cell.ljust(width)
