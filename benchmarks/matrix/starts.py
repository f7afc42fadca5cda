"""A second start on SQLite until the first answer; what each keeps of memory, idle and after some load."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.load import exchange
from benchmarks.matrix.acts import Reading, asked
from benchmarks.matrix.players import CLIENTS, ENTRANTS, Field, Player
from benchmarks.matrix.servers import sqlite_place
from benchmarks.process import Served

STARTED = ("sekisho, cookie", "fastapi-users", "Django", "simplejwt", "Flask-Security")
#: Seconds after the first answer until it is called idle.
_IDLE = 0.5
_LOAD = 800


def run(folder: Path, starts: int, say: Callable[[str], None]) -> list[Mapping[str, Any]]:
    """Each in turn, as the results keep it."""
    place = replace(sqlite_place(folder / "starts"), compiled=folder / "compiled")
    found: dict[str, dict[str, list[float]]] = {name: _empty() for name in STARTED}
    with Field(place) as field:  # the first start, which makes the schema, and the tickets
        players = {name: field.player(ENTRANTS[name]) for name in STARTED}
        tickets = {name: players[name].log_in(CLIENTS) for name in STARTED}
    for number in range(starts + 1):
        say(f"start {number} of {starts}")
        for name, player in players.items():
            readers = [Reading(player.dialect, tickets[name]) for _ in range(CLIENTS)]
            measured = _start(player, readers, folder)
            if number:  # the one before compiled its modules
                for what, value in measured.items():
                    found[name][what].append(value)
    return [
        {"name": name, **{what: statistics.median(values) for what, values in each.items()}}
        for name, each in found.items()
    ]


def _empty() -> dict[str, list[float]]:
    return {"seconds": [], "cpu_seconds": [], "idle_mib": [], "loaded_mib": []}


def _start(player: Player, readers: list[Reading], folder: Path) -> dict[str, float]:
    entrant = player.entrant
    began = time.perf_counter()
    with Served(entrant.kind, folder, player.told, program=entrant.program) as server:
        readers[0].heard(asked(server.port, readers[0].ask()))
        seconds, cpu = time.perf_counter() - began, server.cpu()
        time.sleep(_IDLE)
        idle = server.memory()
        exchange(server.port, readers, requests=_LOAD)
        return {"seconds": seconds, "cpu_seconds": cpu, "idle_mib": idle, "loaded_mib": server.memory()}
