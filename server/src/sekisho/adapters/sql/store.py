"""One database as the flows see it: every verb is one operation, run by an engine.

A backend that can do a hot verb in a single statement overrides it, and is held to the same suite.
"""

from __future__ import annotations

from sekisho.adapters.sql import schema
from sekisho.adapters.sql.operation import Engine
from sekisho.rules.refusals import Refusal


class SqlStore:
    """`ports.Store` in plain SQL."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def open(self) -> None:
        """Connect. Raises `Refusal("unavailable")` if the schema is older than this release needs."""
        await self.engine.open()
        try:
            schema.require(await self.engine.read(schema.current))
        except Refusal:
            await self.engine.close()
            raise

    async def close(self) -> None:
        """Finish what was begun and disconnect."""
        await self.engine.close()

    async def ping(self) -> None:
        """Raise `Refusal("unavailable")` if the database does not answer."""
        await self.engine.read(schema.current)
