"""The table of what owners uploaded and have not made anything of yet (RFC 8620 §6.1)."""

from sqlalchemy import Index, LargeBinary, Table

from mailserver.store.columns import (
    OBJECT_OCTETS,
    account_key,
    column,
    epoch,
    instant,
    number,
    sealed,
    small,
)
from mailserver.store.tables import metadata

uploads = Table(
    "uploads",
    metadata,
    account_key("upload"),
    column(
        "object_id",
        LargeBinary(OBJECT_OCTETS),
        "none",
        "random name that the ciphertext is bound to",
        "upload",
        key=True,
    ),
    epoch("upload"),
    instant("expires_at", "when it is deleted, whatever became of it", "upload"),
    small("place", "where the ciphertext lies (Place)", "upload"),
    number("sealed_octets", "how long the ciphertext is: bounds what an account holds", "upload"),
    sealed("data", "what was uploaded, if it lies here", "upload", optional=True),
    Index("ix_uploads_expires_at", "expires_at"),
)
