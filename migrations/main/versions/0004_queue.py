"""The outgoing queue: submissions, their recipients, and the destinations they wait for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "queue_messages",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("object_id", sa.LargeBinary(16), nullable=False),
        sa.Column("recipients_left", sa.BigInteger(), nullable=False),
        sa.Column("size_octets", sa.BigInteger(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("sealed_octets", sa.BigInteger(), nullable=False),
        sa.Column("sha256_ct", sa.LargeBinary(32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "object_id"),
    )
    op.create_table(
        "queue",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("queue_id", sa.LargeBinary(16), nullable=False),
        sa.Column("object_id", sa.LargeBinary(16), nullable=False),
        sa.Column("destination", sa.LargeBinary(16), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("queued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("lease", sa.LargeBinary(16), nullable=True),
        sa.Column("item", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "queue_id"),
    )
    op.create_index("ix_queue_destination", "queue", ["destination", "state", "next_at"])
    op.create_index("ix_queue_state", "queue", ["state", "next_at"])
    op.create_index("ix_queue_queue_id", "queue", ["queue_id"])
    op.create_index("ix_queue_object_id", "queue", ["account_id", "object_id"])
    op.create_table(
        "queue_destinations",
        sa.Column("destination", sa.LargeBinary(16), nullable=False),
        sa.Column("domain", sa.LargeBinary(), nullable=False),
        sa.Column("turn_at", sa.BigInteger(), nullable=False),
        sa.Column("served_at", sa.BigInteger(), nullable=False),
        sa.Column("rest_until", sa.BigInteger(), nullable=False),
        sa.Column("paused", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("destination"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_queue_destinations_turn_at", "queue_destinations", ["turn_at"])
    if op.get_bind().dialect.name == "postgresql":  # ciphertext does not compress
        op.execute("ALTER TABLE queue_messages ALTER COLUMN data SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Drop the tables. What waits in them is lost: send it or bounce it first."""
    op.drop_table("queue_destinations")
    op.drop_table("queue")
    op.drop_table("queue_messages")
