"""The keys that domains sign their mail with."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_INDEXES = {
    "ix_dkim_keys_active": "active_from IS NOT NULL AND retired_at IS NULL",
    "ix_dkim_keys_next": "active_from IS NULL",
}


def upgrade() -> None:
    """Make the table, empty; the server makes keys for the domains there are."""
    op.create_table(
        "dkim_keys",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("selector", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("private", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("active_from", sa.BigInteger(), nullable=True),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("domain", "selector"),
        sqlite_with_rowid=False,
    )
    for name, text in _INDEXES.items():
        where = sa.text(text)
        op.create_index(
            name,
            "dkim_keys",
            ["domain", "algorithm"],
            unique=True,
            sqlite_where=where,
            postgresql_where=where,
        )


def downgrade() -> None:
    """Drop the table; mail goes out unsigned."""
    for name in _INDEXES:
        op.drop_index(name, "dkim_keys")
    op.drop_table("dkim_keys")
