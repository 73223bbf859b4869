"""Each account's sign-ins on the web, sealed to its owner."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, empty."""
    op.create_table(
        "login_history",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("object_id", sa.LargeBinary(16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.LargeBinary(16), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "object_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_login_history_at", "login_history", ["account_id", "at"])


def downgrade() -> None:
    """Drop the table: nobody sees earlier sign-ins any more."""
    op.drop_index("ix_login_history_at", "login_history")
    op.drop_table("login_history")
