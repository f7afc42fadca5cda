"""A second start on SQLite until the first answer, and what each keeps of memory: ours and a peer in pairs.

Of each pair one starts right after the other, the first of them by turns; a ratio is taken within a pair, so
what disturbs the machine for a while disturbs both. CPU is that of the process, from the operating system.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.load import exchange
from benchmarks.matrix.acts import Reading, asked
from benchmarks.matrix.players import CLIENTS, ENTRANTS, Field, Player
from benchmarks.matrix.servers import sqlite_place
from benchmarks.matrix.turns import quartiles
from benchmarks.process import Served

OURS = "sekisho, cookie"
PEERS = ("fastapi-users", "Django", "simplejwt", "Flask-Security")
#: What is measured of a start: until the first answer, its CPU until then, and memory when idle.
MEASURED = ("seconds", "cpu_seconds", "idle_mib")
#: Seconds after the first answer until it is called idle.
_IDLE = 0.5
_LOAD = 800


@dataclass(frozen=True, slots=True)
class Starter:
    """A server that was set up, to be started again and again."""

    player: Player
    readers: Sequence[Reading]
    folder: Path

    def start(self, *, load: bool = False) -> dict[str, float]:
        """Start it, ask it once, and stop it; with `load`, see what it keeps after many requests."""
        entrant, reader = self.player.entrant, self.readers[0]
        began = time.perf_counter()
        with Served(entrant.kind, self.folder, self.player.told, program=entrant.program) as server:
            reader.heard(asked(server.port, reader.ask()))
            found = {"seconds": time.perf_counter() - began, "cpu_seconds": server.cpu()}
            time.sleep(_IDLE)
            found["idle_mib"] = server.memory()
            if load:
                exchange(server.port, self.readers, requests=_LOAD)
                found["loaded_mib"] = server.memory()
        return found


@dataclass(slots=True)
class Pairs:
    """The starts of ours and of one peer, a pair a round."""

    ours: list[dict[str, float]] = field(default_factory=list)
    theirs: list[dict[str, float]] = field(default_factory=list)

    def ratio(self, what: str) -> list[float]:
        """Theirs by ours, within each pair: the lower quartile, the median and the upper one."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return quartiles([theirs[what] / ours[what] for ours, theirs in pairs])


def run(folder: Path, rounds: int, say: Callable[[str], None]) -> list[Mapping[str, Any]]:
    """As the results keep it: ours first."""
    place = replace(sqlite_place(folder / "starts"), compiled=folder / "compiled")
    with Field(place) as servers:  # the first start, which makes the schema and the tickets
        starters = {name: _starter(servers.player(ENTRANTS[name]), folder) for name in (OURS, *PEERS)}
    # Once more before anything counts: it compiles the modules that the first start did not need.
    loaded = {name: starter.start(load=True)["loaded_mib"] for name, starter in starters.items()}
    pairs = {peer: Pairs() for peer in PEERS}
    for number in range(rounds):
        say(f"pairs of starts, round {number + 1} of {rounds}")
        for peer, found in pairs.items():
            sides = (found.ours, starters[OURS]), (found.theirs, starters[peer])
            for kept, starter in sides if number % 2 else reversed(sides):
                kept.append(starter.start())
    mine = [start for found in pairs.values() for start in found.ours]
    return [
        _told(OURS, mine, loaded[OURS], None),
        *(_told(peer, found.theirs, loaded[peer], found) for peer, found in pairs.items()),
    ]


def _starter(player: Player, folder: Path) -> Starter:
    tickets = player.log_in(CLIENTS)
    return Starter(player, [Reading(player.dialect, tickets) for _ in range(CLIENTS)], folder)


def _told(
    name: str, starts: Sequence[Mapping[str, float]], loaded: float, pairs: Pairs | None
) -> Mapping[str, Any]:
    found = {what: quartiles([start[what] for start in starts]) for what in MEASURED}
    ratios = None if pairs is None else {what: pairs.ratio(what) for what in MEASURED}
    return {"name": name, "starts": len(starts), **found, "loaded_mib": loaded, "ratio": ratios}
