"""Sizes are smells: a room that grew too large is usually two, and its worst bugs live where they meet."""

from __future__ import annotations

import ast
import re
import statistics
from typing import TYPE_CHECKING

import pytest

from tests.house import tree

if TYPE_CHECKING:
    from pathlib import Path

MEDIAN_LINES = 120
FILE_LINES = 400
FUNCTION_LINES = 60
SOURCES = [tree.SERVER, tree.VERIFIER, tree.ROOT / "benchmarks", tree.ROOT / "examples"]

# Names for want of a name: whatever is put into such a drawer, the next reader will not look for it there.
DRAWER = re.compile(r"(?:^|/)(?:utils?|helpers?|common|misc|services?|core)(?:\.[a-z]+)?(?:/|$)")


def lines(path: Path) -> int:
    """Count the lines of a file."""
    return len(path.read_text().splitlines())


def long_files(paths: list[Path]) -> list[str]:
    """Return the files over the limit."""
    return [f"{tree.place(path)}: {lines(path)} lines" for path in paths if lines(path) > FILE_LINES]


def long_functions(paths: list[Path]) -> list[str]:
    """Return the functions over the limit, signature and documentation included."""
    return [
        f"{tree.place(path, node.lineno)} {node.name}: {length} lines"
        for path in paths
        for node in tree.functions(ast.parse(path.read_text()))
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    ]


def drawers(names: list[str]) -> list[str]:
    """Return the paths that hold a drawer's name."""
    return [name for name in names if DRAWER.search(name)]


def test_no_file_is_a_hall() -> None:
    """No source file passes 400 lines."""
    assert long_files(tree.python_files(*SOURCES)) == [], "is this one room, or two that should have a door?"


def test_no_function_is_a_corridor() -> None:
    """No function passes 60 lines."""
    assert long_functions(tree.python_files(*SOURCES)) == [], "which of its steps has a name of its own?"


def test_most_files_fit_on_two_screens() -> None:
    """The median source file stays under 120 lines."""
    assert statistics.median(map(lines, tree.python_files(*SOURCES))) < MEDIAN_LINES, "rooms grow one by one"


def test_every_room_has_a_name_of_its_own() -> None:
    """No file or folder is a drawer called utils, helpers, common, services or core."""
    names = [path.relative_to(tree.ROOT).as_posix() for path in tree.tracked_files()]
    assert drawers(names) == [], "what do people come here to do? that is its name"


def test_the_scan_measures_files_and_functions(tmp_path: Path) -> None:
    """At the limit all is well; one line more is reported, in methods too."""
    path = tmp_path / "sample.py"
    path.write_text("class A:\n    def f(self):\n" + "        x = 1\n" * (FUNCTION_LINES - 1))
    assert long_functions([path]) == []
    path.write_text(path.read_text() + "        x = 1\n")
    assert long_functions([path]) == [f"{path}:2 f: 61 lines"]
    path.write_text("x = 1\n" * FILE_LINES)
    assert long_files([path]) == []
    path.write_text("x = 1\n" * (FILE_LINES + 1))
    assert long_files([path]) == [f"{path}:1: 401 lines"]


@pytest.mark.parametrize("name", ["a/utils.py", "helpers/x.py", "a/common/b.js", "services.py", "core/a.py"])
def test_the_scan_finds_a_drawer(name: str) -> None:
    """Folders and files of any language are drawers alike; longer words are not."""
    assert drawers([name, "score.py", "a/common_passwords.py", "service.md.txt", "hardcore/a.py"]) == [name]
