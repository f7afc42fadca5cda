"""Starts are compared in pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.matrix.acts import Reading
from benchmarks.matrix.players import ENTRANTS, Field
from benchmarks.matrix.servers import sqlite_place
from benchmarks.matrix.starts import OURS, Pairs, Starter


def test_a_ratio_is_taken_within_a_pair() -> None:
    """A minute in which everything took three times as long changes no ratio."""
    ours = [{"seconds": 0.5}, {"seconds": 1.5}, {"seconds": 0.5}]
    theirs = [{"seconds": 1.0}, {"seconds": 3.0}, {"seconds": 1.0}]
    assert Pairs(ours, theirs).ratio("seconds") == [2.0, 2.0, 2.0]


@pytest.mark.long
def test_what_is_started_is_what_people_start(tmp_path: Path) -> None:
    """The command itself, with all that it loads beside its server; and the session from before is known."""
    place = replace(sqlite_place(tmp_path), compiled=tmp_path / "compiled")
    with Field(place) as field:
        player = field.player(ENTRANTS[OURS])
        starter = Starter(player, Reading(player.dialect, player.log_in(1)), tmp_path)
    with starter.running() as (_, pid):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        assert command[1:4] == [b"-m", b"sekisho", b"serve"]
    found = starter.start()
    assert 0.0 < found["cpu_seconds"] < found["seconds"] * 4
    assert 0.0 < found["own_mib"] < found["idle_mib"]
