"""The clock that the demo alone moves."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from sekisho.features.demo.clock import ClockHand, MovedClock

if TYPE_CHECKING:
    from pathlib import Path


def test_every_reader_sees_the_hand_move(tmp_path: Path) -> None:
    """Readers made before and after a move tell the base time plus all moves so far."""
    hand = ClockHand(tmp_path / "clock")
    early = MovedClock(tmp_path / "clock", lambda: 1000.0)
    assert early() == 1000.0
    hand.forward(900.0)
    hand.forward(0.5)
    late = MovedClock(tmp_path / "clock", lambda: 2000.0)
    assert (early(), late()) == (1900.5, 2900.5)


def test_only_its_owner_can_touch_it(tmp_path: Path) -> None:
    """The file is 0600 from its first instant, and a second hand on it is refused."""
    path = tmp_path / "clock"
    ClockHand(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        ClockHand(path)
