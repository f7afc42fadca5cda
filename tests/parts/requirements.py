"""`pytest --requirements`: which security requirements are held, and by which tests."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

_ID = re.compile(r"([A-Z]{1,2})([0-9]+)")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(
        "--requirements", action="store_true", help="list requirement ids with their tests; run nothing"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a mark that names no requirement."""
    for item in items:
        for mark in item.iter_markers("requirement"):
            if not mark.args or any(not _ID.fullmatch(str(name)) for name in mark.args):
                raise pytest.UsageError(f"{item.nodeid}: requirement{mark.args} names no id such as J6")


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Print the table in place of running the tests."""
    if not session.config.getoption("--requirements"):
        return None
    for line in table(session.items):
        print(line)  # noqa: T201  # the option's whole purpose
    return True


def table(items: Iterable[pytest.Item]) -> list[str]:
    """Return one line a requirement, in the order of their letters and numbers."""
    tests: dict[str, set[str]] = defaultdict(set)
    for item in items:
        for mark in item.iter_markers("requirement"):
            for name in mark.args:
                tests[name].add(item.nodeid.partition("[")[0])
    return [f"{name:5} {' '.join(sorted(tests[name]))}" for name in sorted(tests, key=_order)]


def _order(name: str) -> tuple[str, int]:
    matched = _ID.fullmatch(name)
    return (matched[1], int(matched[2])) if matched else (name, 0)
