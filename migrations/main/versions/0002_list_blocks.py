"""List blocks: what lists show of many messages, sealed together; summaries lie where they came.

On SQLite the table of emails gets a rowid (ADR 6): a tree ordered by account leaves two fifths of
its pages empty, and lists no longer read it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, which sessions fill in the background, and lay out emails anew."""
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
    else:
        _lay_out_emails(with_rowid=True)


def downgrade() -> None:
    """Drop the table: all of it can be made again from the summaries."""
    if op.get_bind().dialect.name != "postgresql":
        _lay_out_emails(with_rowid=False)
    op.drop_table("list_blocks")


def _lay_out_emails(*, with_rowid: bool) -> None:
    """Copy the emails into a table of the other layout, in the order of their numbers."""
    op.rename_table("emails", "emails_before")
    op.create_table(
        "emails",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("email_id", sa.BigInteger(), nullable=False),
        sa.Column("object_id", sa.LargeBinary(16), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("size_octets", sa.BigInteger(), nullable=False),
        sa.Column("internaldate", sa.BigInteger(), nullable=False),
        sa.Column("thread_id", sa.BigInteger(), nullable=False),
        sa.Column("entry_count", sa.BigInteger(), nullable=False),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "email_id"),
        sqlite_with_rowid=with_rowid,
    )
    names = "account_id, email_id, object_id, epoch, size_octets, internaldate, thread_id"
    names += ", entry_count, summary"
    op.execute(
        f"INSERT INTO emails ({names}) SELECT {names} FROM emails_before"  # noqa: S608 (our names)
        " ORDER BY account_id, email_id"
    )
    op.drop_table("emails_before")
