"""Consents: texts, courses (a person and a purpose), and the events of each."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "consent_texts",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("purpose", "language", "version", name="uq_consent_texts_version"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "consent_courses",
        sa.Column("course", sa.LargeBinary(16), nullable=False),
        sa.Column("subject", sa.LargeBinary(16), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("settled", sa.SmallInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("customer", sa.SmallInteger(), nullable=False),
        sa.Column("token", sa.LargeBinary(16), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("object_id", sa.LargeBinary(16), nullable=False),
        sa.Column("person", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("course"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_consent_courses_subject", "consent_courses", ["subject"])
    op.create_index("ix_consent_courses_token", "consent_courses", ["token"])
    op.create_table(
        "consent_events",
        sa.Column("course", sa.LargeBinary(16), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("text", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("object_id", sa.LargeBinary(16), nullable=False),
        sa.Column("detail", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("course", "number"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop the tables; what anybody consented to is no longer proven."""
    op.drop_table("consent_events")
    op.drop_index("ix_consent_courses_token", "consent_courses")
    op.drop_index("ix_consent_courses_subject", "consent_courses")
    op.drop_table("consent_courses")
    op.drop_table("consent_texts")
