"""`:name` to `$1`: what is a parameter, and what only looks like one."""

from __future__ import annotations

import pytest

from sekisho.adapters.postgres.parameters import numbered


@pytest.mark.parametrize(
    ("sql", "text", "names"),
    [
        ("SELECT 1", "SELECT 1", ()),
        ("SELECT :a, :b", "SELECT $1, $2", ("a", "b")),
        ("SELECT :b, :a, :b", "SELECT $1, $2, $1", ("b", "a")),
        ("SELECT :now - s.rotated_at < :grace", "SELECT $1 - s.rotated_at < $2", ("now", "grace")),
        ("SELECT :key0,:key10", "SELECT $1,$2", ("key0", "key10")),
        ("SELECT :id::uuid, x::text", "SELECT $1::uuid, x::text", ("id",)),
        ("SELECT ':no', :yes", "SELECT ':no', $1", ("yes",)),
        ("SELECT 'it''s :no', :yes", "SELECT 'it''s :no', $1", ("yes",)),
        ('SELECT ":no" FROM t WHERE x = :yes', 'SELECT ":no" FROM t WHERE x = $1', ("yes",)),
        ("SELECT 1 -- :no\n, :yes", "SELECT 1 -- :no\n, $1", ("yes",)),
        ("SELECT /* :no\n */ :yes", "SELECT /* :no\n */ $1", ("yes",)),
        ("SELECT a[1:2], :yes", "SELECT a[1:2], $1", ("yes",)),
        ("SELECT '5%' LIKE :pattern", "SELECT '5%' LIKE $1", ("pattern",)),
    ],
)
def test_names_become_numbers(sql: str, text: str, names: tuple[str, ...]) -> None:
    """A name has one number wherever it stands; literals, identifiers, comments and casts are left alone."""
    assert numbered(sql) == (text.encode(), names)


def test_the_lock_is_part_of_the_statement() -> None:
    """The clause that other engines leave off stands at the end, and makes a statement of its own."""
    sql = "SELECT 1 FROM sessions s WHERE id = :id"
    assert numbered(sql, "FOR UPDATE OF s").text == b"SELECT 1 FROM sessions s WHERE id = $1 FOR UPDATE OF s"
    assert numbered(sql).text == b"SELECT 1 FROM sessions s WHERE id = $1"
