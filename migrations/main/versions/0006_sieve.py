"""Filtering: scripts, settings that stand for one, and ids seen before."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "sieve_scripts",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("name_hash", sa.LargeBinary(16), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("object_id", sa.LargeBinary(16), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("size_octets", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "name_hash"),
    )
    op.create_table(
        "sieve_settings",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("setting", sa.BigInteger(), nullable=False),
        sa.Column("object_id", sa.LargeBinary(16), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "setting"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sieve_seen",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("hash", sa.LargeBinary(16), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "hash"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop the tables: scripts, vacation and forwarding are gone, mail stays."""
    op.drop_table("sieve_seen")
    op.drop_table("sieve_settings")
    op.drop_table("sieve_scripts")
