"""Push subscriptions: where changes are announced to programs that are not connected."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, empty."""
    op.create_table(
        "push_subscriptions",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("subscription_id", sa.LargeBinary(16), nullable=False),
        sa.Column("subscription", sa.LargeBinary(), nullable=False),
        sa.Column("told", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "subscription_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_push_subscriptions_next_at", "push_subscriptions", ["next_at"])


def downgrade() -> None:
    """Drop the table; programs subscribe anew."""
    op.drop_index("ix_push_subscriptions_next_at", "push_subscriptions")
    op.drop_table("push_subscriptions")
