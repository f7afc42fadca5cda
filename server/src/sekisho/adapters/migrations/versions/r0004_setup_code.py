"""The code by which the first account is made: its digest, and until when it counts. One row at most."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; `serve` fills it where there is no account."""
    op.create_table(
        "setup_code",
        sa.Column("shard", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )


def downgrade() -> None:
    """Take it away: the next start prints another code."""
    op.drop_table("setup_code")
