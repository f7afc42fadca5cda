"""Alembic's entry: run the revisions on the connection that `upgrade.py` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from sekisho.adapters.sql.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
