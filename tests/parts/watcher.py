"""Somebody who watches a request, and an operation to be watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sekisho.adapters.sql.operation import Operation, Statement

if TYPE_CHECKING:
    from collections.abc import Mapping


class Seen:
    """A watcher."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Mapping[str, Any]]] = []

    def __call__(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Keep it."""
        self.told.append((kind, facts))


def touch(name: str) -> Operation[int]:
    """Read a group, make it, and change nothing."""
    yield Statement("SELECT name FROM groups WHERE name = :name", {"name": name})
    yield Statement("INSERT INTO groups (name, created_at) VALUES (:name, 1.0)", {"name": name})
    yield Statement("UPDATE groups SET created_at = 2.0 WHERE name = 'nobody'")
    return 3
