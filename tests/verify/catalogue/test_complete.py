"""The lists are complete: every requirement of the verifier, and every vulnerability, has its test."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = HERE.parent.parent
# docs/en/threat-model.md says what each is.
IDS = [
    *(f"J{number}" for number in range(1, 22)),
    *(f"C{number}" for number in range(1, 10)),
    *(f"V{number:02}" for number in range(1, 29)),
]


@cache
def held(folder: Path) -> dict[str, set[str]]:
    """The tests of a folder by the requirements that they are marked with."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in folder.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for name in marked_with(node.decorator_list):
                    found[name].add(node.name)
    return found


def marked_with(decorators: list[ast.expr]) -> set[str]:
    """The ids that stand in the marks of a test."""
    return {
        part.value
        for mark in decorators
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.requirement"
        for part in ast.walk(mark)
        if isinstance(part, ast.Constant)
        and isinstance(part.value, str)
        and re.fullmatch(r"[A-Z]{1,2}\d+", part.value)
    }


@pytest.mark.parametrize("name", IDS)
def test_each_id_is_held(name: str) -> None:
    """At least one test is marked with it."""
    assert held(TESTS)[name]


@pytest.mark.parametrize("name", [name for name in IDS if name.startswith("V")])
def test_each_vulnerability_has_a_regression_test(name: str) -> None:
    """At least one test of the catalogue is marked with it."""
    assert held(HERE)[name]


def test_no_id_is_mistyped() -> None:
    """Tests of the verifier are marked with ids of the lists, and the catalogue's names agree with them."""
    assert {name for name in held(TESTS / "verify") if name[0] in "JCV"} <= {*IDS, "C10"}
    named = {test for tests in held(HERE).values() for test in tests if re.match(r"test_v\d\d_", test)}
    assert {test for test in named if test not in held(HERE)[test[5:8].upper()]} == set()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_threat_model_has_the_catalogue(language: str) -> None:
    """Each vulnerability stands in the table of the threat model, alone or in a range."""
    page = (TESTS.parent / "docs" / language / "threat-model.md").read_text()
    covered: set[str] = set()
    for first, last in re.findall(r"\bV(\d\d)(?:-V(\d\d))?\b", page):
        covered |= {f"V{number:02}" for number in range(int(first), int(last or first) + 1)}
    assert {name for name in IDS if name.startswith("V")} - covered == set()
