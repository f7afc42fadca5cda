"""Two things measured in turn, many times: what disturbs the machine disturbs both, and the ratio stays."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
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

    @property
    def ratios(self) -> list[float]:
        """Ours by theirs, a round each."""
        return [mine / theirs for mine, theirs in zip(self.ours, self.other, strict=True)]

    @property
    def holds(self) -> bool:
        """Whether the median ratio is within the bar."""
        return self.bar is None or statistics.median(self.ratios) <= self.bar

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
    """Run both in turn, the other one first each time; the round before the first warms both up."""
    other()
    ours()
    pairs = Pairs(name, unit, [], [], bar)
    for number in range(rounds):
        turns = [(other, pairs.other), (ours, pairs.ours)]
        for run, results in turns if number % 2 else reversed(turns):
            results.append(run())
    return pairs


@dataclass(frozen=True, slots=True)
class Result:
    """What a benchmark prints, and whether every bar in it holds."""

    table: str
    holds: bool = True


def result(measured: Sequence[Pairs]) -> Result:
    """One line a comparison: medians, the median ratio with its quartiles, the bar and whether it holds."""
    rows: list[tuple[str, ...]] = [("", "unit", "other", "ours", "ratio", "quartiles", "bar", "")]
    for pairs in measured:
        low, middle, high = statistics.quantiles(pairs.ratios, n=4)
        rows.append(
            (
                pairs.name,
                pairs.unit,
                f"{statistics.median(pairs.other):.4g}",
                f"{statistics.median(pairs.ours):.4g}",
                f"{middle:.3g}",
                f"{low:.3g} - {high:.3g}",
                "" if pairs.bar is None else f"{pairs.bar:g}",
                "" if pairs.bar is None else "holds" if pairs.holds else "MISSED",
            )
        )
    return Result(aligned(rows), all(pairs.holds for pairs in measured))


def aligned(rows: list[tuple[str, ...]]) -> str:
    """A table in plain text; the first row is its head, the first column its names."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(_placed, range(len(row)), row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _placed(column: int, cell: str, width: int) -> str:
    return cell.rjust(width) if column else cell.ljust(width)
