"""Who receives at which address: a row an address, a domain, and an address that somebody had."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SEALED_ROWS = ("addresses", "domains", "tombs")


def upgrade() -> None:
    """Make the tables, empty; the server adds the rows of the accounts there are."""
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
    """Drop the tables: no alias, group, role or catch-all is known any more."""
    for table in reversed(_SEALED_ROWS):
        op.drop_table(table)
