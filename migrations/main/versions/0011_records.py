"""What owners keep beside their mail: identities, submissions, address books, cards; all sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, empty."""
    op.create_table(
        "records",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("kind", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("object_id", sa.LargeBinary(16), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("created_modseq", sa.BigInteger(), nullable=False),
        sa.Column("modseq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "kind", "record_id"),
    )
    op.create_index("ix_records_modseq", "records", ["account_id", "kind", "modseq"])


def downgrade() -> None:
    """Drop the table: what was in it is gone."""
    op.drop_index("ix_records_modseq", "records")
    op.drop_table("records")
