"""When the primary was last known to be one, and on which line of history its numbers were given out.

`timeline` is empty until PostgreSQL first tells it; databases that know no such lines leave it so.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and the row that nodes keep up."""
    op.add_column("feed_head", sa.Column("timeline", sa.BigInteger))
    # A table of its own: the row of the head is locked while somebody revokes. It is rewritten every half
    # second, and has room for that on its page.
    read = op.create_table(
        "feed_read",
        sa.Column("shard", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        postgresql_with={"fillfactor": "10"},
    )
    op.bulk_insert(read, [{"shard": 0, "at": 0.0}])


def downgrade() -> None:
    """Take both away: nothing is lost by it but what the next heartbeat says anew."""
    op.drop_table("feed_read")
    op.drop_column("feed_head", "timeline")
