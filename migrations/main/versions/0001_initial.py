"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_CIPHERTEXT = (
    ("blobs", "data"),
    ("emails", "summary"),
    ("search_tails", "tail"),
    ("search_segments", "data"),
)


def upgrade() -> None:
    """Make every table."""
    _instance()
    _mailboxes()
    _mail()
    _search()
    _audit()
    if op.get_bind().dialect.name == "postgresql":
        for table, column in _CIPHERTEXT:  # it does not compress: spare PostgreSQL the attempt
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")


def _instance() -> None:
    """Make what is known of the instance and of each account."""
    op.create_table(
        "domains",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("quota_octets", sa.BigInteger(), nullable=False),
        sa.Column("used_octets", sa.BigInteger(), nullable=False),
        sa.Column("modseq", sa.BigInteger(), nullable=False),
        sa.Column("pruned_modseq", sa.BigInteger(), nullable=False),
        sa.Column("next_mailbox", sa.BigInteger(), nullable=False),
        sa.Column("next_email", sa.BigInteger(), nullable=False),
        sa.Column("next_thread", sa.BigInteger(), nullable=False),
        sa.Column("next_epoch", sa.BigInteger(), nullable=False),
        sa.Column("next_keyword", sa.BigInteger(), nullable=False),
        sa.Column("next_segment", sa.BigInteger(), nullable=False),
        sa.Column("next_uid_validity", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "addresses",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("address"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_addresses_account_id", "addresses", ["account_id"], unique=False)
    op.create_table(
        "epochs",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.SmallInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("suite", sa.SmallInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("dep_kid", sa.BigInteger(), nullable=False),
        sa.Column("dep_mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "epoch"),
        sqlite_with_rowid=False,
    )


def _mailboxes() -> None:
    """Make mailboxes, subscriptions and keyword names."""
    op.create_table(
        "mailboxes",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("name_hash", sa.LargeBinary(16), nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("uid_next", sa.BigInteger(), nullable=False),
        sa.Column("recent_from", sa.BigInteger(), nullable=False),
        sa.Column("highest_modseq", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("unseen", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.BigInteger(), nullable=False),
        sa.Column("octets", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "mailbox_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_mailboxes_name_hash", "mailboxes", ["account_id", "name_hash"], unique=True)
    op.create_table(
        "subscriptions",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("name_hash", sa.LargeBinary(16), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "name_hash"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "keywords",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("keyword", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("name_hash", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "keyword"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_keywords_name_hash", "keywords", ["account_id", "name_hash"], unique=True)


def _mail() -> None:
    """Make emails, blobs, their places in mailboxes, and the change log."""
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
        sqlite_with_rowid=False,
    )
    op.create_table(
        "blobs",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("blob_id", sa.BigInteger(), nullable=False),
        sa.Column("object_id", sa.LargeBinary(16), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("sealed_octets", sa.BigInteger(), nullable=False),
        sa.Column("sha256_ct", sa.LargeBinary(32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "blob_id"),
    )
    op.create_table(
        "entries",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("email_id", sa.BigInteger(), nullable=False),
        sa.Column("flags", sa.SmallInteger(), nullable=False),
        sa.Column("keywords", sa.LargeBinary(), nullable=True),
        sa.Column("modseq", sa.BigInteger(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "mailbox_id", "uid"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "changes",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("modseq", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("numbers", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "modseq", "part"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "thread_hashes",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("hash", sa.LargeBinary(16), nullable=False),
        sa.Column("thread_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "hash"),
        sqlite_with_rowid=False,
    )


def _search() -> None:
    """Make the sealed search index."""
    op.create_table(
        "search_tails",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("email_id", sa.BigInteger(), nullable=False),
        sa.Column("object_id", sa.LargeBinary(16), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("tail", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "email_id"),
    )
    op.create_table(
        "search_segments",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("segment_id", sa.BigInteger(), nullable=False),
        sa.Column("object_id", sa.LargeBinary(16), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("first_email", sa.BigInteger(), nullable=False),
        sa.Column("last_email", sa.BigInteger(), nullable=False),
        sa.Column("documents", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "segment_id"),
    )


def _audit() -> None:
    """Make the audit chain."""
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=True),
        sa.Column("prev_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_audit_subject", "audit", ["subject", "seq"], unique=False)
    op.create_table(
        "audit_checkpoints",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )


def downgrade() -> None:
    """Drop every table."""
    for table in (
        "audit_checkpoints",
        "audit",
        "search_segments",
        "search_tails",
        "thread_hashes",
        "changes",
        "entries",
        "blobs",
        "emails",
        "keywords",
        "subscriptions",
        "mailboxes",
        "epochs",
        "addresses",
        "accounts",
        "domains",
    ):
        op.drop_table(table)
