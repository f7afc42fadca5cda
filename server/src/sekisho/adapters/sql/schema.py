"""Which schema the SQL of this folder is written for, and which one a database has."""

from __future__ import annotations

from sekisho.adapters.sql.operation import Operation, Statement
from sekisho.rules.refusals import Refusal

#: The oldest revision that this release runs on. Revisions are zero-padded numbers, so they compare as text.
NEEDED = "0005"
VERSION_TABLE = "sekisho_version"

REVISION = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608 - a constant of ours


def current() -> Operation[str | None]:
    """The revision the database is at."""
    rows = yield Statement(REVISION)
    return rows[0][0] if rows else None


def require(current: str | None) -> None:
    """Accept the schema this release needs, or a later one: revisions only add (expand and contract).

    Raises:
        Refusal: `unavailable`, with the remedy in its detail.
    """
    if current is None or current < NEEDED:
        raise Refusal("unavailable", f"schema {current or 'none'}, needed {NEEDED}: run `sekisho db migrate`")


def ping() -> Operation[None]:
    """Read something that is there, so that an answer means the database, not only its listener."""
    yield Statement(REVISION)
