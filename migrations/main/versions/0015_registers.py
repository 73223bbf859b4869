"""Entries of the registers: holds, breaches, what is processed, how far retention has come."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, empty."""
    op.create_table(
        "register_entries",
        sa.Column("register", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("object_id", sa.LargeBinary(16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("register", "number"),
    )
    op.create_index("ix_register_entries_at", "register_entries", ["register", "at"])


def downgrade() -> None:
    """Drop the table; what the registers said is gone."""
    op.drop_index("ix_register_entries_at", "register_entries")
    op.drop_table("register_entries")
