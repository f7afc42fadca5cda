"""Ratios as they are told: to ours as it is served, and to ours on equal terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.matrix.servers import HASHED
from benchmarks.matrix.turns import quartiles

#: Sides of ours on terms of the peers: who ask the database each time, and who are a framework.
ASKING = "sekisho, asking each time"
IN_FASTAPI = "sekisho, guard in FastAPI"
#: What is told on such terms has to be told by its name beside them.
_TITLES = {"session check": "session check, as served", "bearer check": "bearer check, raw"}


def compared(
    servers: Sequence[Mapping[str, Any]],
) -> Iterable[tuple[str, str, Mapping[str, Sequence[float]]]]:
    """Each act and where, with the ratios of the others to ours, and to ours on terms of the peers.

    Default hashes are left out: how much work each asks of a thief is no cost of its software.
    """
    for each in servers:
        if each["act"] == HASHED.name:
            continue
        sides = {side["name"]: side for side in each["sides"]}
        others = {name: side["ratio"] for name, side in sides.items() if side["ratio"]}
        yield each["act"], each["where"], others
        for base in (name for name in (ASKING, IN_FASTAPI) if name in sides):
            theirs = {name: side for name, side in sides.items() if not name.startswith("sekisho")}
            beside = {name: _by(side, sides[base]) for name, side in theirs.items()}
            yield f"{each['act']}, {base}", each["where"], beside


def _by(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Sequence[float]:
    """Quartiles of the ratios within each round; of a run that kept no rounds, the ratio of both medians."""
    if "rounds_us" not in ours:
        return [theirs["server_us"][1] / ours["server_us"][1]]
    pairs = zip(theirs["rounds_us"], ours["rounds_us"], strict=True)
    return quartiles([one / other for one, other in pairs])


def titled(act: str) -> str:
    """What an act is called where it is told on several terms."""
    return _TITLES.get(act, act)


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
