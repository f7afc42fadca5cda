"""When a signing key begins to sign, and which keys are never to be used again.

`signs_at` is empty for the keys of the release before: they signed from their first moment.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the instant, and the table of those that were retired."""
    op.add_column("signing_keys", sa.Column("signs_at", sa.Double))
    op.create_table(
        "retired_keys",
        sa.Column("thumbprint", sa.Text, primary_key=True),
        sa.Column("kid", sa.Text, nullable=False),
        sa.Column("alg", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("compromised", sa.SmallInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Refuse: a key that somebody has stolen would count again without a word."""
    raise RuntimeError("0002 remembers keys that must not be used; restore a backup, or drop it by hand")
