"""What is fetched from other servers: external accounts, and how far each transfer has come."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "transfer_marks",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("source", sa.LargeBinary(16), nullable=False),
        sa.Column("place", sa.LargeBinary(16), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "source", "place"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "external_accounts",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("external_id", sa.LargeBinary(16), nullable=False),
        sa.Column("settings", sa.LargeBinary(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.Column("interval_seconds", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
        sa.Column("leased_by", sa.LargeBinary(16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "external_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_external_accounts_next_at", "external_accounts", ["next_at"], unique=False)


def downgrade() -> None:
    """Drop both."""
    op.drop_index("ix_external_accounts_next_at", "external_accounts")
    op.drop_table("external_accounts")
    op.drop_table("transfer_marks")
