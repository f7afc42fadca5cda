"""A second start on SQLite until the first answer, and what each keeps of memory: ours and a peer in pairs.

Of each pair one starts right after the other, the first of them by turns; a ratio is taken within a pair, so
what disturbs the machine for a while disturbs both. CPU is that of the process, from the operating system.
Ours is started by its own command, which loads more than its server does; a peer by the few lines of
`peers.served`, since the command line of uvicorn comes with uvicorn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.matrix.acts import Reading, asked
from benchmarks.matrix.players import ENTRANTS, Field, Player
from benchmarks.matrix.servers import sqlite_place
from benchmarks.matrix.turns import quartiles
from benchmarks.process import Served, family_cpu, resident
from tests.parts.serving import Server

OURS = "sekisho, cookie"
PEERS = ("fastapi-users", "Django", "simplejwt", "Flask-Security")
#: Until the first answer; its CPU until then; all that is in memory when idle, and what of it is no file.
MEASURED = ("seconds", "cpu_seconds", "idle_mib", "own_mib")
#: Seconds after the first answer until it is called idle.
_IDLE = 0.5


@dataclass(frozen=True, slots=True)
class Starter:
    """A server that was set up, to be started again and again."""

    player: Player
    reader: Reading
    folder: Path

    def start(self) -> dict[str, float]:
        """Start it, ask it once, and stop it when it was idle for a while."""
        began = time.perf_counter()
        with self.running() as (port, pid):
            self.reader.heard(asked(port, self.reader.ask()))
            found = {"seconds": time.perf_counter() - began, "cpu_seconds": family_cpu(pid)}
            time.sleep(_IDLE)
            found["idle_mib"], found["own_mib"] = resident(pid, "Rss"), resident(pid, "Pss_Anon")
        return found

    @contextmanager
    def running(self) -> Iterator[tuple[int, int]]:
        """Its port and its process id, until it is left."""
        entrant, told = self.player.entrant, self.player.told
        if entrant.is_peer:
            with Served(entrant.kind, self.folder, told, program=entrant.program) as peer:
                yield peer.port, peer.pid
            return
        with Server(Path(told["SEKISHO_DATA"]), settings=told) as server:
            yield urlsplit(server.url).port or 0, server.pid
            server.stop()


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
        players = servers.players([ENTRANTS[name] for name in (OURS, *PEERS)])
        starters = {player.name: _starter(player, folder) for player in players}
    # All have been started by now; our command, which loads more than its server, compiles the rest here.
    starters[OURS].start()
    pairs = {peer: Pairs() for peer in PEERS}
    for number in range(rounds):
        say(f"pairs of starts, round {number + 1} of {rounds}")
        for peer, found in pairs.items():
            sides = (found.ours, starters[OURS]), (found.theirs, starters[peer])
            for kept, starter in sides if number % 2 else reversed(sides):
                kept.append(starter.start())
    mine = [start for found in pairs.values() for start in found.ours]
    return [
        _told(OURS, mine, None),
        *(_told(peer, found.theirs, found) for peer, found in pairs.items()),
    ]


def _starter(player: Player, folder: Path) -> Starter:
    return Starter(player, Reading(player.dialect, player.log_in(1)), folder)


def _told(name: str, starts: Sequence[Mapping[str, float]], pairs: Pairs | None) -> Mapping[str, Any]:
    found = {what: quartiles([start[what] for start in starts]) for what in MEASURED}
    ratios = None if pairs is None else {what: pairs.ratio(what) for what in MEASURED}
    return {"name": name, "starts": len(starts), **found, "ratio": ratios}
