"""Ratios as they are told: to ours as it is served, and to ours on equal terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.matrix.servers import HASHED
from benchmarks.matrix.turns import quartiles

#: The side of ours that is on equal terms with peers who ask the database each time.
ASKING = "sekisho, asking each time"


def compared(
    servers: Sequence[Mapping[str, Any]],
) -> Iterable[tuple[str, str, Mapping[str, Sequence[float]]]]:
    """Each act and where, with the ratios of the others to ours; session checks also to ours that asks.

    Default hashes are left out: how much work each asks of a thief is no cost of its software.
    """
    for each in servers:
        if each["act"] == HASHED.name:
            continue
        sides = {side["name"]: side for side in each["sides"]}
        others = {name: side["ratio"] for name, side in sides.items() if side["ratio"]}
        yield each["act"], each["where"], others
        if ASKING in sides:
            ours = sides[ASKING]
            asked = {name: _by(side, ours) for name, side in sides.items() if not name.startswith("sekisho")}
            yield f"{each['act']}, {ASKING}", each["where"], asked


def _by(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Sequence[float]:
    """Quartiles of the ratios within each round; of a run that kept no rounds, the ratio of both medians."""
    if "rounds_us" not in ours:
        return [theirs["server_us"][1] / ours["server_us"][1]]
    pairs = zip(theirs["rounds_us"], ours["rounds_us"], strict=True)
    return quartiles([one / other for one, other in pairs])


def titled(act: str) -> str:
    """Beside what is told on equal terms, the other has to be told by its name."""
    return "session check, as served" if act == "session check" else act


def shown(ratio: Sequence[float], digits: int = 3) -> str:
    """The median and both quartiles, or the one value that there is."""
    texts = [f"{value:.{digits}g}" for value in ratio]
    return f"{texts[1]} ({texts[0]} - {texts[-1]})" if len(texts) > 1 else texts[0]


def finely(ratio: Sequence[float]) -> str:
    """So that what is just above one is not shown as one."""
    return shown(ratio, 4)


def middle(ratio: Sequence[float]) -> float:
    """The median, or the one value that there is."""
    return ratio[len(ratio) // 2]
