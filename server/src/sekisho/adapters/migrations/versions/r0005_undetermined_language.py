"""Whoever never chose a language has none: until now that was kept as English, as was the choice of it."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go on taking `en` for no choice, as the release before does; from now on a choice is kept as such.

    That release takes `und` for what it is as well: a language that it does not speak, and so the reader's.
    The price: one pass over all accounts, in which whoever changes one of them waits.
    """
    op.execute("UPDATE users SET locale = 'und' WHERE locale = 'en'")


def downgrade() -> None:
    """Keep both as one again."""
    op.execute("UPDATE users SET locale = 'en' WHERE locale = 'und'")
