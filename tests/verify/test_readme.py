"""The map in the verifier's README: every file once, in an order in which none needs one further down."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house import tree

README = tree.VERIFIER.parents[1] / "README.md"
FOLDER = re.compile(r"`(\w+)/`")
NAME = re.compile(r"`(\w+)`")


def rows() -> list[list[str]]:
    """The modules that each row of the map names, as dotted paths below the package."""
    found: list[list[str]] = []
    for line in README.read_text("utf-8").partition("## Read it in an hour")[2].splitlines():
        if not line.startswith("| `"):
            continue
        first, second = line.strip("|").split("|")
        folder = FOLDER.search(first)
        found.append(
            [f"{folder[1]}.{name}" for name in NAME.findall(second.partition(":")[0])] + [folder[1]]
            if folder
            else NAME.findall(first)
        )
    return found


MODULES = {
    ".".join(path.relative_to(tree.VERIFIER).with_suffix("").parts).removesuffix(".__init__"): path
    for path in tree.python_files(tree.VERIFIER)
    if path.stem != "__main__" and path != tree.VERIFIER / "__init__.py"
}


def imported(name: str) -> set[str]:
    """The modules of the package that one imports when it is loaded, as dotted paths below the package."""
    found: set[str] = set()
    for node in ast.parse(MODULES[name].read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("sekisho_verify"):
            below = node.module.removeprefix("sekisho_verify").removeprefix(".")
            found |= {below} if below else {alias.name for alias in node.names}
    return found & MODULES.keys()


def test_the_map_names_every_file_once() -> None:
    """A new file needs its place in the map, and one that is gone leaves it."""
    named = [name for row in rows() for name in row]
    assert sorted(named) == sorted(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_the_map_is_in_the_order_of_the_imports(name: str) -> None:
    """Whoever reads from the top has met what a file imports, or meets it in the same row."""
    at = {named: number for number, row in enumerate(rows()) for named in row}
    assert not [f"{name} imports {other}" for other in imported(name) if at[other] > at[name]]
