"""Reports of mail servers to each other: received, and counted for those we write."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "received_reports",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("name", sa.LargeBinary(16), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("octets", sa.BigInteger(), nullable=False),
        sa.Column("proven", sa.SmallInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("domain", "name"),
    )
    op.create_index("ix_received_reports_received_at", "received_reports", ["received_at"])
    op.create_table(
        "observations",
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("day", sa.SmallInteger(), nullable=False),
        sa.Column("domain", sa.LargeBinary(16), nullable=False),
        sa.Column("name", sa.LargeBinary(16), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "day", "domain", "name"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop the tables; what was counted is reported to nobody."""
    op.drop_table("observations")
    op.drop_index("ix_received_reports_received_at", "received_reports")
    op.drop_table("received_reports")
