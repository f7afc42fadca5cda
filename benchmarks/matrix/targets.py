"""What was aimed at, and whether it was reached: told with the results, whatever the answer is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """One of them: how many times less than a peer ours has to take, or at most by how much more."""

    name: str
    wanted: float
    found: Sequence[float]
    at_least: bool = True

    @property
    def holds(self) -> bool:
        """By the median."""
        return self.found[1] >= self.wanted if self.at_least else self.found[1] <= self.wanted


#: Act, where, ours, the peer's name in it, and how many times less.
_LESS = (
    ("refresh", "simplejwt", 25.0),
    ("refresh, ES256", "oidc-provider", 2.0),
    ("session check", "fastapi-users", 12.0),
    ("bearer check", "fastapi-users, JWT", 25.0),
)

#: What ours is to take no more of than the best of Python's peers.
_NO_MORE = (("cpu_seconds", "start CPU"), ("idle_mib", "idle memory"), ("own_mib", "own memory"))


def best_peer(name: str, starts: Sequence[Mapping[str, Any]]) -> str:
    """Which peer the target of that name is taken beside; empty where it is no matter of a run."""
    for what, beginning in _NO_MORE:
        if name.startswith(beginning):
            return str(_best(what, starts)["name"])
    return ""


def _best(what: str, starts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return min(starts[1:], key=lambda peer: peer["ratio"][what][1])


def targets(
    servers: Sequence[Mapping[str, Any]], starts: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """All that could be measured here, as the results keep them."""
    return [{**asdict(target), "holds": target.holds} for target in _all(servers, starts)]


def _all(servers: Sequence[Mapping[str, Any]], starts: Sequence[Mapping[str, Any]]) -> Iterator[Target]:
    for act, peer, wanted in _LESS:
        for each in servers:
            if (each["act"], each["where"]) != (act, "PostgreSQL"):
                continue
            for side in each["sides"]:
                if side["name"] == peer:
                    shown = f"{act.removesuffix(', ES256')}, beside {peer.removesuffix(', JWT')}"
                    yield Target(shown, wanted, side["ratio"])
    for what, name in _NO_MORE:
        low, middle, high = _best(what, starts)["ratio"][what]
        found = [1 / high, 1 / middle, 1 / low]  # ours by theirs
        yield Target(f"{name}, beside the best of Python's", 1.0, found, at_least=False)
