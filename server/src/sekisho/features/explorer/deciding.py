"""placeholder."""

from __future__ import annotations

from collections.abc import Mapping


def decide(answers: Mapping[str, str]) -> dict[str, object]:
    """Nothing yet."""
    return dict(answers)
