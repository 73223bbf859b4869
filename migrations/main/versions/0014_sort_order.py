"""Where an owner put a mailbox among its siblings; without a number it stands by use and name."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the number, unset."""
    op.add_column("mailboxes", sa.Column("sort_order", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Forget the numbers."""
    op.drop_column("mailboxes", "sort_order")
