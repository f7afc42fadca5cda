"""Where the sources lie and how the house's own rules read them: by their syntax, never by running them."""

from __future__ import annotations

import ast
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "server" / "src" / "sekisho"
VERIFIER = ROOT / "verify" / "src" / "sekisho_verify"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: Path) -> list[Path]:
    """Return every Python file below the folders, in a stable order."""
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def tracked_files() -> list[Path]:
    """Return every file that git tracks or is about to, so that a rule fails before the commit."""
    # safe.directory lets root read a checkout that belongs to somebody else, as in a container.
    git = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    which = ["--cached", "--others", "--exclude-standard"]
    listed = subprocess.run([*git, *which], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def functions(tree: ast.AST) -> Iterator[Function]:
    """Yield every function and method, nested ones included."""
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def docstrings(tree: ast.AST) -> set[ast.expr]:
    """Return the constants that are documentation, not data."""
    found: set[ast.expr] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | Function) and ast.get_docstring(node, clean=False):
            first = node.body[0]
            assert isinstance(first, ast.Expr)
            found.add(first.value)
    return found


def place(path: Path, line: int = 1) -> str:
    """Return `file:line`, from the root of the repository where the file lies in it."""
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    return f"{shown}:{line}"


def program(name: str) -> str:
    """Return the path of a tool in the environment that runs the tests."""
    return str(Path(sysconfig.get_path("scripts")) / name)
