"""Alembic's entry: run the revisions on the connection that `upgrade.py` hands over, in its transaction.

Or, for `tools/schema.py`, write down what they would do to an empty database of that dialect.
"""

from __future__ import annotations

from alembic import context

from sekisho.adapters.sql.schema import VERSION_TABLE

given = context.config.attributes
if context.is_offline_mode():
    context.configure(dialect_name=given["dialect"], version_table=VERSION_TABLE, literal_binds=True)
else:
    context.configure(connection=given["connection"], version_table=VERSION_TABLE)
context.run_migrations()
