"""Imports stand at the top: a cycle that hides inside a function is a cycle, and a request pays for it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.house import tree

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN = {"sekisho", "sekisho_verify"}

# The command line starts in a blink only if a verb loads what it needs; an adapter loads the driver that is
# configured. Elsewhere the price of laziness is a hidden arrow.
OWN_MAY_BE_LAZY = ("cli",)
OTHERS_MAY_BE_LAZY = ("cli", "adapters")
DYNAMIC = {"__import__", "import_module"}

# The verifier's front door alone looks its names up when they are asked for (PEP 562): a service with a
# shared secret must not load cryptography. What each name loads is held by tests/verify/test_imports.py.
FRONT_DOOR = tree.VERIFIER / "__init__.py"
# Every run of pytest on a machine loads this one; only who asks for its fixture pays for what that needs.
PLUGIN = tree.VERIFIER / "pytest.py"

# And a verifier that is given no keys, or no feed, looks for them, by a network stack which one that has both
# does not load. A server loads Starlette for routes of Starlette and for other origins alone, and what speaks
# to one of the databases on that one alone.
EXCUSED = {
    *((tree.VERIFIER / "verifier.py", f"sekisho_verify.{module}") for module in ("jwks", "feed")),
    *((tree.SERVER / "web" / "app.py", f"sekisho.web.{module}") for module in ("feature_routes", "cors")),
    *((tree.SERVER / "house.py", f"sekisho.adapters.{module}") for module in ("postgres.store", "sqlite")),
    (tree.SERVER / "adapters" / "migrations" / "upgrade.py", "sekisho.adapters.migrations"),
}


def lazy_imports(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and module of every import inside a function, and of every import by name at all."""
    parsed = ast.parse(source)
    for function in tree.functions(parsed):
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.lineno, node.module or ""
    for node in ast.walk(parsed):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in DYNAMIC:
            yield node.lineno, "sekisho (by name)"


def faults(package: Path) -> list[str]:
    """Return each lazy import of a package that its floor does not allow."""
    found = []
    for path in tree.python_files(package):
        if path in {FRONT_DOOR, PLUGIN}:
            continue
        floor = path.relative_to(package).parts[0]
        for line, module in lazy_imports(path.read_text()):
            top = module.split(".")[0].split(" ")[0]
            allowed = OWN_MAY_BE_LAZY if top in OWN else OTHERS_MAY_BE_LAZY
            excused = top in sys.stdlib_module_names or (path, module) in EXCUSED
            if not excused and floor not in allowed:
                found.append(f"{tree.place(path, line)}: {module}")
    return found


def busy_packages(package: Path) -> list[str]:
    """Return each `__init__.py` that does more than say what its folder is."""
    parsed = {path: ast.parse(path.read_text()) for path in sorted(package.rglob("__init__.py"))}
    return [
        tree.place(path)
        for path, module in parsed.items()
        if len(module.body) != 1 or not ast.get_docstring(module)
    ]


@pytest.mark.parametrize("package", [tree.SERVER, tree.VERIFIER], ids=lambda path: path.name)
def test_imports_are_lazy_only_where_the_house_allows_it(package: Path) -> None:
    """Third-party imports wait in cli/ and adapters/ only, our own in cli/ only."""
    assert faults(package) == []


def test_a_package_of_the_server_is_a_docstring() -> None:
    """An eager `__init__` would undo every floor: to import one rule would load the whole house."""
    assert busy_packages(tree.SERVER) == []


@pytest.mark.parametrize(
    ("floor", "statement", "allowed"),
    [
        ("flows", "import sekisho.rules.refresh", False),
        ("flows", "from sekisho_verify import Verifier", False),
        ("flows", "import msgspec", False),
        ("flows", "import json", True),
        ("flows", "importlib.import_module('sekisho.web')", False),
        ("adapters", "import psycopg", True),
        ("adapters", "from sekisho import ports", False),
        ("adapters/secrets", "import boto3", True),
        ("cli", "from sekisho.compose import create_app", True),
        ("cli", "import rich.table", True),
    ],
)
def test_the_scan_knows_the_floors(tmp_path: Path, floor: str, statement: str, allowed: bool) -> None:  # noqa: FBT001  # a parameter of the table above
    """The scan fires inside methods and nested functions, and is silent where the floor allows."""
    path = tmp_path / floor / "sample.py"
    path.parent.mkdir(parents=True)
    path.write_text(f"class A:\n    def f(self):\n        async def g():\n            {statement}\n")
    assert (faults(tmp_path) == []) is allowed


def test_the_scan_leaves_imports_at_the_top_alone(tmp_path: Path) -> None:
    """An import of the module, or for the type checker, is where it belongs."""
    text = "import msgspec\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import sekisho.ports\n"
    (tmp_path / "sample.py").write_text(text)
    assert faults(tmp_path) == []


@pytest.mark.parametrize("text", ["", "X = 1\n", '"""Words."""\nfrom sekisho import ports\n'])
def test_a_package_that_does_something_is_found(tmp_path: Path, text: str) -> None:
    """Empty, undocumented and re-exporting packages are all reported."""
    (tmp_path / "__init__.py").write_text(text)
    assert len(busy_packages(tmp_path)) == 1
