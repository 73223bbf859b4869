"""What screening remembers: reputations, who came too early, correspondents, learned words."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, empty: everybody is new."""
    op.create_table(
        "reputations",
        sa.Column("name", sa.LargeBinary(16), nullable=False),
        sa.Column("good", sa.BigInteger(), nullable=False),
        sa.Column("bad", sa.BigInteger(), nullable=False),
        sa.Column("week", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "greylist",
        sa.Column("name", sa.LargeBinary(16), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_greylist_expires_at", "greylist", ["expires_at"])
    op.create_table(
        "correspondents",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("hash", sa.LargeBinary(16), nullable=False),
        sa.Column("known", sa.SmallInteger(), nullable=False),
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "hash"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "junk_models",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("object_id", sa.LargeBinary(16), nullable=False),
        sa.Column("model", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
    )


def downgrade() -> None:
    """Drop the tables: what was learned is gone, mail stays."""
    op.drop_table("junk_models")
    op.drop_table("correspondents")
    op.drop_index("ix_greylist_expires_at", "greylist")
    op.drop_table("greylist")
    op.drop_table("reputations")
