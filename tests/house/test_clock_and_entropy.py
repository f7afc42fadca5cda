"""Time and entropy are arguments: what reads a clock by itself cannot be tested to the second."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.house import tree

if TYPE_CHECKING:
    from pathlib import Path

_SETTINGS = tomllib.loads((tree.ROOT / "pyproject.toml").read_text())
BANNED = list(_SETTINGS["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"])

# A database's own clock and dice, in the dialects of both engines.
SQL_CLOCK = re.compile(
    r"\b(?:now|random|randomblob|gen_random_uuid|uuid_generate_v4|uuidv[47]|clock_timestamp|unixepoch|julianday"
    r"|statement_timestamp|transaction_timestamp|timeofday)\s*\("
    r"|\b(?:current_timestamp|current_date|current_time|localtimestamp|localtime)\b"
    r"|\(\s*'now'|,\s*'now'",
    re.IGNORECASE,
)


def ruff(source: str, place: str) -> str:
    """Return what ruff says about banned names in a source that claims to lie at a place."""
    command = [
        tree.program("ruff"),
        "check",
        "--select",
        "TID251",
        "--output-format",
        "concise",
        "--no-cache",
    ]
    result = subprocess.run(
        [*command, "--stdin-filename", place, "-"],
        cwd=tree.ROOT,
        input=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode in {0, 1}, result.stderr
    return result.stdout


def use(name: str) -> str:
    """Write a source that uses a banned module, function or method, imported the way people do."""
    module, _, member = name.partition(".")
    if not member:
        return f"import {module}\n"
    owner, _, method = member.partition(".")
    return f"from {module} import {owner}\n{owner}{'.' * bool(method)}{method}()\n"


def sql_clocks(path: Path) -> list[str]:
    """Return the text in a source, documentation aside, that asks the database for time or entropy."""
    parsed = ast.parse(path.read_text())
    documentation = tree.docstrings(parsed)
    return [
        f"{tree.place(path, node.lineno)}: {found[0]}"
        for node in ast.walk(parsed)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documentation
        if (found := SQL_CLOCK.search(node.value))
    ]


@pytest.mark.parametrize("name", BANNED)
def test_each_banned_name_is_refused_and_told_why(name: str) -> None:
    """A flow that reads the clock or rolls dice fails the lint with the way out in the message."""
    said = ruff(use(name), "server/src/sekisho/flows/sample.py")
    assert f"`{name}` is banned" in said
    assert "argument" in said or "given" in said


def test_the_real_clock_has_one_home() -> None:
    """The same names are allowed in adapters/system.py, and in no file beside it."""
    source = "import secrets\nimport time\ntime.time()\n"
    assert "TID251" not in ruff(source, "server/src/sekisho/adapters/system.py")
    assert "TID251" in ruff(source, "server/src/sekisho/adapters/sqlite.py")
    assert "TID251" in ruff(source, "verify/src/sekisho_verify/verifier.py")


def test_no_statement_asks_the_database_for_time_or_entropy() -> None:
    """A time in SQL is a parameter, so that one injected clock governs every engine."""
    assert [fault for path in tree.python_files(tree.SERVER) for fault in sql_clocks(path)] == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE s SET seen = now()",
        "select random ()",
        "INSERT INTO s VALUES (Current_Timestamp)",
        "SELECT datetime('now')",
        "SELECT strftime('%s', 'now')",
        "SELECT unixepoch()",
        "SELECT gen_random_uuid()",
    ],
)
def test_the_scan_finds_a_clock_in_a_statement(tmp_path: Path, statement: str) -> None:
    """The scan fires on each dialect, inside f-strings too, and passes by documentation."""
    path = tmp_path / "sample.py"
    path.write_text(f'"""{statement}"""\nX = 1\nQUERY = f"{{X}} {statement}"\n')
    assert len(sql_clocks(path)) == 1
    path.write_text(f'"""{statement}"""\nQUERY = "the known expires_at"\n')
    assert sql_clocks(path) == []
