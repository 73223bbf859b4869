"""The organisation's recovery: its policy, who saw its notice, and openings that are asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLE = "escrow"


def upgrade() -> None:
    """Make the table, empty: escrow is off."""
    op.create_table(
        _TABLE,
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("row_id", sa.LargeBinary(64), nullable=False),
        sa.Column("selector", sa.LargeBinary(32), nullable=False),
        sa.Column("kid", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "row_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(f"ix_{_TABLE}_selector", _TABLE, ["selector"])


def downgrade() -> None:
    """Drop the table: escrow is off, and wraps that custodians opened are opened by nobody."""
    op.drop_table(_TABLE)
