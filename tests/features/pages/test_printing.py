"""A refusal as a person is told of it."""

from __future__ import annotations

import pytest

from sekisho.features.pages.printing import told
from sekisho.rules.refusals import Refusal
from sekisho.words.catalogue import Language


@pytest.mark.parametrize(
    ("language", "seconds", "wait"),
    [
        ("en", 0.2, "Wait 1 second, "),
        ("en", 119.0, "Wait 119 seconds, "),
        ("en", 120.0, "Wait about 2 minutes, "),
        ("en", 900.0, "Wait about 15 minutes, "),
        ("ja", 119.0, "119\u00a0秒待って"),
        ("ja", 120.5, "約\u00a03\u00a0分待って"),
    ],
)
def test_a_long_wait_is_told_in_minutes(language: Language, seconds: float, wait: str) -> None:
    """Nobody counts 900 seconds; a minute too many is better than one too few."""
    assert told(Refusal("rate_limited", retry_after=seconds), language).detail.startswith(wait)


def test_other_refusals_say_their_own_wait() -> None:
    """The minutes belong to the throttle alone."""
    assert "1000 seconds" in told(Refusal("unavailable", retry_after=1000.0), "en").detail
