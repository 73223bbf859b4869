"""Exports that people asked for: how far each is, and its key."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, empty."""
    op.create_table(
        "exports",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("export_id", sa.LargeBinary(16), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("claimed_until", sa.BigInteger(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("octets", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "export_id"),
    )
    op.create_index("ix_exports_expires_at", "exports", ["expires_at"])


def downgrade() -> None:
    """Drop the table: what lies in files opens no more."""
    op.drop_index("ix_exports_expires_at", "exports")
    op.drop_table("exports")
