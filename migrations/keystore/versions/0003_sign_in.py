"""Signing in on the web: second factors, single-use links, vaults, and when sessions were used."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SEALED_ROWS = ("factors", "links", "vaults", "seen")


def upgrade() -> None:
    """Make the tables, empty."""
    for table in _SEALED_ROWS:
        op.create_table(
            table,
            sa.Column("account_id", sa.LargeBinary(16), nullable=False),
            sa.Column("row_id", sa.LargeBinary(64), nullable=False),
            sa.Column("selector", sa.LargeBinary(32), nullable=False),
            sa.Column("kid", sa.BigInteger(), nullable=False),
            sa.Column("sealed", sa.LargeBinary(), nullable=False),
            sa.PrimaryKeyConstraint("account_id", "row_id"),
            sqlite_with_rowid=False,
        )
        op.create_index(f"ix_{table}_selector", table, ["selector"])


def downgrade() -> None:
    """Drop the tables: accounts with a second factor can no longer sign in on the web."""
    for table in reversed(_SEALED_ROWS):
        op.drop_table(table)
