"""The schema of an empty database, as `tools/schema.py` has written it down from the revisions."""

from __future__ import annotations

import pkgutil
from typing import Final, Literal, cast

#: Seconds that one node waits for another to finish migrating.
PATIENCE: Final = 60

Dialect = Literal["sqlite", "postgresql"]


def schema(dialect: Dialect) -> str:
    """Its statements, each ended by a semicolon at the end of a line, as nothing within them is."""
    return cast("bytes", pkgutil.get_data("sekisho.adapters.migrations", f"new.{dialect}.sql")).decode()
