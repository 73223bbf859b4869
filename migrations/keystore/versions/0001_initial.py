"""The keystore's first schema: sealed rows of one shape, and the revision that caches watch."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SEALED_ROWS = ("accounts", "wraps", "sessions", "admins", "custodians", "heads", "meta")


def upgrade() -> None:
    """Make every table."""
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
    made = op.create_table(
        "revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(made, [{"id": 1, "number": 0}])


def downgrade() -> None:
    """Drop every table."""
    for table in ("revision", *reversed(_SEALED_ROWS)):
        op.drop_table(table)
