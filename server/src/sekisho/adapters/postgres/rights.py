"""Rights beside whatever else a statement reads: a few columns of its row, of its snapshot, with its number.

Names hold no blank (`rules.access.name`), so a list of them travels as one text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sekisho.rules.access import Rights, effective
from sekisho_verify.revocations.entries import write_rv

#: For a SELECT whose FROM is followed by `SOURCES` and has the account as `u`.
COLUMNS = """h.epoch, h.seq, p.allowed, p.denied,
    (SELECT string_agg(role, ' ') FROM user_roles WHERE user_id = u.id),
    (SELECT string_agg(group_name, ' ') FROM group_members WHERE user_id = u.id)"""
SOURCES = """
JOIN feed_head h ON h.shard = 0
CROSS JOIN LATERAL (
    SELECT string_agg(permission, ' ') FILTER (WHERE effect = 'allow') AS allowed,
           string_agg(permission, ' ') FILTER (WHERE effect = 'deny') AS denied
    FROM (
        SELECT permission, effect FROM user_permissions WHERE user_id = u.id
        UNION ALL
        SELECT g.permission, g.effect FROM group_members m
            JOIN group_permissions g ON g.group_name = m.group_name WHERE m.user_id = u.id
    ) AS held
) AS p"""


def from_columns(columns: Sequence[Any]) -> Rights:
    """The rights in `COLUMNS`. Sorted here: a database sorts by its own collation."""
    epoch, number, allowed, denied, roles, groups = columns
    return Rights(
        roles=_words(roles),
        groups=_words(groups),
        entitlements=effective(_words(allowed), _words(denied)),
        rv=write_rv(epoch, number),
    )


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(sorted(text.split())) if text else ()
