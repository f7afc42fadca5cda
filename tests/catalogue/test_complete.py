"""The list is complete: each vulnerability of other authorization servers has its test, and is told of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.verify.catalogue.test_complete import held

HERE = Path(__file__).parent
# docs/en/threat-model.md says what each is.
IDS = {f"X{number:02}" for number in range(1, 27)}


def test_each_id_is_held() -> None:
    """At least one test is marked with it, and none with another."""
    assert {name for name in held(HERE.parent) if name.startswith("X")} == IDS


def test_names_and_marks_agree() -> None:
    """A test that is named after an id is marked with it."""
    marks = held(HERE)
    named = {test for tests in marks.values() for test in tests if re.match(r"test_x\d\d_", test)}
    assert named
    assert {test for test in named if test not in marks[test[5:8].upper()]} == set()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_threat_model_has_the_catalogue(language: str) -> None:
    """Each of them stands in its table."""
    page = (HERE.parent.parent / "docs" / language / "threat-model.md").read_text()
    table = {name for row in re.findall(r"(?m)^\| (X[^|]+) \|", page) for name in re.findall(r"X\d\d", row)}
    assert table == IDS
