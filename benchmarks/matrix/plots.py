"""Bars as SVG, written by hand: some hundred lines in place of a library that draws everything.

Text stays text, so it can be searched and read aloud; colours follow the reader's light or dark; and the same
results give the same bytes, so that a commit shows what changed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _LABELS, _VALUES, _ROW, _HEAD = 860, 250, 120, 22, 34
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 } .group { font-weight: 600 }
.tick { font-size: 11px; fill: #656d76 }
.bar { fill: #4f7ac7 } .range { stroke: #1f2328; stroke-width: 1.5 } .grid { stroke: #d0d7de }
.one { stroke: #656d76; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .tick { fill: #9198a1 } .range { stroke: #e6edf3 } .grid { stroke: #3d444d }
  .one { stroke: #9198a1 }
}
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with its quartiles."""

    label: str
    low: float
    middle: float
    high: float


class _Axis:
    """Where a value is; where bars begin, and what is written below."""

    def __init__(
        self, first: float, last: float, *, begin: float, ticks: Sequence[float], power: bool
    ) -> None:
        self._power = power
        self._first, self._last = self._placed(first), self._placed(last)
        self.ticks = ticks
        self.begin = self.at(begin)

    def at(self, value: float) -> float:
        """From the left edge."""
        share = (self._placed(value) - self._first) / (self._last - self._first)
        return _LABELS + share * (_WIDTH - _LABELS - _VALUES)

    def _placed(self, value: float) -> float:
        return math.log10(value) if self._power else value


def ratios(title: str, groups: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    """Bars from 1 to the right where somebody takes more, and to the left where less; logarithmic."""
    lowest = min(bar.low for _, group in groups for bar in group)
    highest = max(bar.high for _, group in groups for bar in group)
    first, last = math.floor(math.log10(min(lowest, 1))), math.ceil(math.log10(max(highest, 10)))
    ticks = [10.0**power for power in range(first, last + 1)]
    return _drawing(title, groups, _Axis(ticks[0], ticks[-1], begin=1.0, ticks=ticks, power=True), "x")


def amounts(title: str, groups: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    """Bars from zero."""
    highest = max(bar.high for _, group in groups for bar in group)
    step = 10.0 ** math.floor(math.log10(highest))
    ticks = [step * number for number in range(math.ceil(highest / step) + 1)]
    return _drawing(title, groups, _Axis(0.0, ticks[-1], begin=0.0, ticks=ticks, power=False), "")


def _drawing(title: str, groups: Sequence[tuple[str, Sequence[Bar]]], axis: _Axis, unit: str) -> str:
    height = _HEAD + sum(_ROW * (len(group) + 1) for _, group in groups) + 24
    drawn = [_text(8, 20, title, "title")]
    for tick in axis.ticks:
        x = axis.at(tick)
        kind = "one" if x == axis.begin else "grid"
        drawn.append(f'<line class="{kind}" x1="{x:.1f}" y1="{_HEAD}" x2="{x:.1f}" y2="{height - 20}"/>')
        drawn.append(_text(x, height - 6, f"{tick:g}{unit}", "tick", anchor="middle"))
    y = _HEAD
    for name, group in groups:
        drawn.append(_text(8, y + 16, name, "group"))
        for bar in group:
            y += _ROW
            drawn += _drawn(bar, y, axis, unit)
        y += _ROW
    inside = "\n".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
        f' aria-label="{escape(title)}">\n<style>{_STYLE}</style>\n{inside}\n</svg>\n'
    )


def _drawn(bar: Bar, y: float, axis: _Axis, unit: str) -> list[str]:
    low, middle, high = axis.at(bar.low), axis.at(bar.middle), axis.at(bar.high)
    left, centre = min(axis.begin, middle), y + 11
    width = max(abs(middle - axis.begin), 1.0)
    return [
        _text(24, y + 16, bar.label, ""),
        f'<rect class="bar" x="{left:.1f}" y="{y + 4}" width="{width:.1f}" height="14"/>',
        f'<line class="range" x1="{low:.1f}" y1="{centre}" x2="{high:.1f}" y2="{centre}"/>',
        _text(max(high, axis.begin) + 6, y + 16, f"{bar.middle:.3g}{unit}", ""),
    ]


def _text(x: float, y: float, text: str, kind: str, *, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
