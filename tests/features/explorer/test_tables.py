"""The tables: what changed between two looks at the file that a server writes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sekisho.adapters.migrations import upgrade
from sekisho.adapters.sqlite import create_file
from sekisho.features.explorer.tables import TABLES, Tables

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with our schema."""
    path = tmp_path / "sekisho.db"
    create_file(path)
    upgrade.migrate(f"sqlite:///{path}")
    return path


def run(path: Path, statement: str) -> None:
    """Write, as the server does."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)


def test_rows_are_added_changed_and_removed(path: Path) -> None:
    """Of a changed row the cells that are not as they were are named; the rest is not told again."""
    tables = Tables(path)
    assert tables.look() == []
    insert = "INSERT INTO users (id, email, password_hash, status, locale, created_at) VALUES"
    run(path, f"{insert} ('1', 'aya@example.com', 'x', 'active', 'ja', 1.5)")
    run(path, f"{insert} ('2', 'ken@example.com', 'y', 'active', 'en', 2.5)")
    added = tables.look()
    assert [(each.table, each.key, each.change) for each in added] == [
        ("users", "1", "added"),
        ("users", "2", "added"),
    ]
    assert added[0].cells["created_at"] == 1.5
    run(path, "UPDATE users SET status = 'disabled', locale = 'en' WHERE id = '1'")
    run(path, "DELETE FROM users WHERE id = '2'")
    removed, changed = tables.look()
    assert (removed.key, removed.change) == ("2", "removed")
    assert (changed.key, changed.change, set(changed.changed)) == ("1", "changed", {"status", "locale"})
    assert changed.as_row()["cells"] == changed.cells
    assert tables.look() == []
    whole = {table["name"]: table for table in tables.whole()}
    assert whole.keys() == TABLES.keys()
    assert whole["users"]["rows"] == [{"key": "1", "cells": changed.cells}]


def test_the_sandboxs_private_keys_are_no_table(path: Path) -> None:
    """Sealed or not, they teach nothing; nor does what strangers have tried."""
    tables = Tables(path)
    tables.look()
    names = {str(table["name"]) for table in tables.whole()}
    assert not names & {"signing_keys", "throttle", "setup"}


def test_a_file_that_cannot_be_read_shows_nothing_new(tmp_path: Path, path: Path) -> None:
    """Neither one that is not there, nor one that another process holds locked."""
    assert Tables(tmp_path / "nowhere.db").look() == []
    tables = Tables(path)
    tables.look()
    path.rename(tmp_path / "away.db")
    assert tables.look() == []
    assert [table["name"] for table in tables.whole()] == [*TABLES]
