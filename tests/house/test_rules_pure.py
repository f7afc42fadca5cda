"""Rules import what is listed here and nothing else: what a new name brings along is looked at first.

The contract in pyproject.toml follows the arrows to their end and forbids by name; a list of what is
forbidden is never whole.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.house import tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULES = tree.SERVER / "rules"

#: Of the standard library what computes; of the house what values are made of; of the verifier what both ends
#: of a token have to know alike.
ALLOWED = {
    "__future__",
    "collections.abc",
    "enum",
    "hashlib",
    "hmac",
    "ipaddress",
    "math",
    "re",
    "typing",
    "unicodedata",
    "uuid",
    "sekisho.frozen",
    "sekisho_verify.claims",
    "sekisho_verify.encoding",
    "sekisho_verify.errors",
    "sekisho_verify.mac",
    "sekisho_verify.revocations.entries",
}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and module of every import, wherever it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""


def faults(folder: Path) -> list[str]:
    """Return each import below the folder that is neither listed nor another rule."""
    return [
        f"{tree.place(path, line)}: {module}"
        for path in tree.python_files(folder)
        for line, module in imported(path.read_text())
        if module not in ALLOWED and not f"{module}.".startswith("sekisho.rules.")
    ]


def test_rules_import_what_is_listed() -> None:
    """A rule is a function of its arguments, and needs little."""
    assert faults(RULES) == []


def test_nothing_is_listed_that_no_rule_imports() -> None:
    """What nobody needs any more is not allowed either."""
    found = {module for path in tree.python_files(RULES) for _, module in imported(path.read_text())}
    assert sorted(ALLOWED - found) == []


@pytest.mark.parametrize(
    "statement",
    [
        "import msgspec",
        "from msgspec.structs import replace",
        "import json",
        "from cryptography.hazmat.primitives import hashes",
        "from sekisho_verify import Verifier",
        "from sekisho_verify.http_get import get",
        "from sekisho import ports",
        "from sekisho.rules_of_others import one",
        "from . import ports",
    ],
)
def test_the_scan_finds_what_is_not_listed(tmp_path: Path, statement: str) -> None:
    """At the top, inside a function and for the type checker alike; what is listed passes."""
    path = tmp_path / "sample.py"
    path.write_text(f"from sekisho.rules.ids import uuid_text\ndef late():\n    {statement}\n")
    assert faults(tmp_path) == [f"{path}:3: {statement.split()[1]}".replace(": .", ": ")]
