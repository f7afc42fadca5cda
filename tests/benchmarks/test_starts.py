"""Starts are compared in pairs."""

from __future__ import annotations

from benchmarks.matrix.starts import Pairs


def test_a_ratio_is_taken_within_a_pair() -> None:
    """A minute in which everything took three times as long changes no ratio."""
    ours = [{"seconds": 0.5}, {"seconds": 1.5}, {"seconds": 0.5}]
    theirs = [{"seconds": 1.0}, {"seconds": 3.0}, {"seconds": 1.0}]
    assert Pairs(ours, theirs).ratio("seconds") == [2.0, 2.0, 2.0]
