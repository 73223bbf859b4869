"""MTA-STS policies of domains that are written to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, empty."""
    op.create_table(
        "sts_policies",
        sa.Column("domain", sa.LargeBinary(16), nullable=False),
        sa.Column("policy", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("domain"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sts_policies_until", "sts_policies", ["until"], unique=False)


def downgrade() -> None:
    """Drop the table; policies are fetched again."""
    op.drop_index("ix_sts_policies_until", "sts_policies")
    op.drop_table("sts_policies")
