"""What every peer is told, so that all run on the same terms: database, durability, hash, kind of login."""

from __future__ import annotations

import os
from typing import Any

DATABASE_URL = os.environ["PEER_DATABASE_URL"]
#: `session`: a cookie, kept in SQL. `redis`: a cookie, kept in Redis. `token`: bearer tokens.
CARRIES = os.environ.get("PEER_CARRIES", "session")
#: Whether all tables are there, as they are at every start but the first.
READY = "PEER_READY" in os.environ
#: Else the hash that each has by default.
CHEAPLY_HASHED = os.environ.get("PEER_HASH", "cheap") == "cheap"
#: The least that Argon2id takes, as our side has it: what is measured then is not the hash.
CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}
SECRET = "a key of the benchmark, which protects nothing"  # noqa: S105 - as it says
#: Our SQLite: a write-ahead log, and an answer means that the row has reached the disk.
PRAGMAS = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA busy_timeout = 10000")


def durable(connection: Any, _record: object) -> None:  # noqa: ANN401 - of whichever driver
    """Set a new SQLite connection of SQLAlchemy as ours are."""
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(pragma)
    cursor.close()
