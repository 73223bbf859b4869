"""How much each account sends, whom and from where it did before, and what it was told."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, empty: everybody begins with all that is allowed."""
    op.create_table(
        "sending",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("span", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=False),
        sa.Column("sent_before", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "span"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sending_known",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("hash", sa.LargeBinary(16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "hash"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sending_known_at", "sending_known", ["at"])
    op.create_table(
        "told",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "notice"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop the tables: limits begin anew."""
    op.drop_table("told")
    op.drop_index("ix_sending_known_at", "sending_known")
    op.drop_table("sending_known")
    op.drop_table("sending")
