"""Rules for the tests themselves: one sentence each, real parts, no waiting for time to pass."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.house import tree

if TYPE_CHECKING:
    from pathlib import Path

TESTS = tree.ROOT / "tests"
SLEEPS = {"time.sleep", "asyncio.sleep", "anyio.sleep", "trio.sleep"}
YIELDS = {"asyncio.sleep(0)", "anyio.sleep(0)"}


def untold(path: Path) -> list[str]:
    """Return the tests of a file that do not say what they hold."""
    return [
        f"{tree.place(path, node.lineno)} {node.name}"
        for node in tree.functions(ast.parse(path.read_text()))
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]


def sleeps(path: Path) -> list[str]:
    """Return the calls of a file that wait for time to pass; to let other tasks run is not waiting."""
    return [
        f"{tree.place(path, node.lineno)} {ast.unparse(node)}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in SLEEPS and ast.unparse(node) not in YIELDS
    ]


def mocks(path: Path) -> list[str]:
    """Return the imports of a file that replace real parts by obedient ones."""
    return [
        f"{tree.place(path, node.lineno)} {ast.unparse(node)}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom) and "mock" in ast.unparse(node).split("#")[0].lower()
    ]


def faulty(path: Path) -> list[str]:
    """Return every fault of a file."""
    return untold(path) + sleeps(path) + mocks(path)


def test_every_test_says_what_it_holds() -> None:
    """A test's docstring is the sentence that is false when it fails."""
    assert [fault for path in TESTS.rglob("test_*.py") for fault in untold(path)] == []


def test_no_test_waits_for_time_to_pass() -> None:
    """A sleep is slow when it works and flaky when it does not: clocks are injected, events awaited."""
    assert [fault for path in TESTS.rglob("test_*.py") for fault in sleeps(path)] == []


def test_no_test_replaces_a_part_by_a_mock() -> None:
    """A mock agrees with whoever wrote it; the parts here are real."""
    assert [fault for path in TESTS.rglob("*.py") for fault in mocks(path)] == []


@pytest.mark.parametrize(
    "body",
    [
        "def test_it(): assert True",
        "async def test_it(): pass",
        "class TestIt:\n    def test_it(self): pass",
        "import time\ntime.sleep(1)",
        "async def wait(): await asyncio.sleep(0.01)",
        "from unittest.mock import patch",
        "import unittest.mock",
    ],
)
def test_the_scan_finds_it(tmp_path: Path, body: str) -> None:
    """Each fault is found, in classes and coroutines too."""
    path = tmp_path / "test_sample.py"
    path.write_text(body)
    assert len(faulty(path)) == 1


def test_the_scan_leaves_a_good_test_alone(tmp_path: Path) -> None:
    """A told test that lets other tasks run is as it should be."""
    path = tmp_path / "test_sample.py"
    path.write_text('async def test_it():\n    """It holds."""\n    await asyncio.sleep(0)\n')
    assert faulty(path) == []
