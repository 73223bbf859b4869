"""List blocks: what lists show of many messages, sealed together."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; sessions fill it in the background."""
    op.create_table(
        "list_blocks",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("first_uid", sa.BigInteger(), nullable=False),
        sa.Column("last_uid", sa.BigInteger(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("object_id", sa.LargeBinary(16), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "mailbox_id", "first_uid"),
    )
    if op.get_bind().dialect.name == "postgresql":  # ciphertext does not compress
        op.execute("ALTER TABLE list_blocks ALTER COLUMN data SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Drop the table: all of it can be made again from the summaries."""
    op.drop_table("list_blocks")
