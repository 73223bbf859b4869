"""Emails: storing them, and reading their bodies."""

import hashlib
from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Absent, MailError, Refused
from mailserver.model.ids import AccountId, EmailId, EpochId, ObjectId
from mailserver.model.message import Appended
from mailserver.model.sealed import Sealed
from mailserver.store.access import Access
from mailserver.store.appending import Lot, Mark, NewEmail, append_lots
from mailserver.store.blobs import Place
from mailserver.store.driver import Lookup, Sql, fetch
from mailserver.store.rearranging import Rearrangement, rearrange

__all__ = ["BlobRow", "Emails", "Mark", "NewEmail"]


class BlobRow(NamedTuple):
    """An email's sealed body."""

    email_id: EmailId
    object_id: ObjectId
    epoch: EpochId
    body: Sealed | None
    """None only within this module: it lies in a file."""


_BODIES = Lookup(
    "blobs.blob_id, blobs.object_id, emails.epoch, blobs.data",
    "blobs JOIN emails ON emails.account_id = blobs.account_id AND emails.email_id = blobs.blob_id",
    [("blobs.account_id", "bytea"), ("blobs.blob_id", "bigint")],
)


_EXISTING = Sql("SELECT email_id FROM emails WHERE account_id = ? AND email_id BETWEEN ? AND ?")


def _bodies(
    connection: Connection, account_id: AccountId, email_ids: Iterable[EmailId]
) -> list[BlobRow]:
    keys = [(account_id, email_id) for email_id in sorted(set(email_ids))]
    return sorted(BlobRow._make(row) for row in _BODIES.rows(connection, keys))


class Emails:
    """The emails of accounts."""

    def __init__(self, access: Access, row_octets: int) -> None:
        """Use the store's `access`; bodies above `row_octets` go to the blob store."""
        self._access = access
        self._row_octets = row_octets

    async def append(self, email: NewEmail) -> Appended:
        """Store a message, joined with all others in flight into one commit; durable on return.

        Raises:
            Absent: NO_SUCH_USER, NO_SUCH_MAILBOX.
            Refused: OVER_QUOTA.
            Transient: STORAGE_FULL, BUSY, UNAVAILABLE; nothing is stored.
        """
        return (await self.append_all((email,)))[0]

    async def append_all(
        self, emails: Sequence[NewEmail], mark: Mark | None = None
    ) -> list[Appended]:
        """Store messages of one account, all or none (RFC 3502); errors as of `append`.

        A transfer's `mark` is set in the same transaction.
        """
        if not emails:
            return []
        owner = emails[0].account_id
        if any(email.account_id != owner for email in emails):
            raise ValueError("one append is one account's")
        blobs = tuple([await self._placed(email) for email in emails])
        lot = Lot(owner, tuple(emails), blobs, self._access.now(), mark)
        try:
            return await self._access.join(owner, append_lots, lot)
        except (Absent, Refused):
            # Only where it is certain that no row names them: after any other error the commit may
            # have happened, and the sweep decides.
            await self._access.drop(
                [e.object_id for e, (p, _) in zip(emails, blobs, strict=True) if p]
            )
            raise

    async def rearrange(
        self, account_id: AccountId, orders: Sequence[Rearrangement]
    ) -> list[MailError | None]:
        """Change which mailboxes hold emails, and their flags, each email whole or not at all.

        Returns for each order None or why it could not be: as `rearranging.rearrange`. Raises
        Transient; then nothing is changed.
        """
        now = self._access.now()
        return await self._access.write(account_id, lambda c: rearrange(c, account_id, orders, now))

    async def _placed(self, email: NewEmail) -> tuple[Place, bytes]:
        """Put a large body where it belongs; return its place and SHA-256."""
        if len(email.body) <= self._row_octets:
            return Place.ROW, hashlib.sha256(email.body).digest()
        await self._access.offload(partial(self._access.blobs.put, email.object_id, email.body))
        digest = await self._access.offload(lambda: hashlib.sha256(email.body).digest())
        return Place.FILE, digest

    async def existing(self, account_id: AccountId, first: EmailId, last: EmailId) -> set[EmailId]:
        """Return the numbers from `first` to `last` that are still emails."""
        rows = await self._access.read_once(
            lambda c: fetch(c, _EXISTING, (account_id, first, last))
        )
        return {EmailId(number) for (number,) in rows}

    async def blob(self, account_id: AccountId, email_ids: Iterable[EmailId]) -> list[BlobRow]:
        """Return the sealed bodies of the emails that exist, in the order of their numbers.

        The caller bounds what it asks for. Raises Corrupt (DAMAGED) where a body is missing.
        """
        rows = await self._access.read(lambda c: _bodies(c, account_id, email_ids))
        return [
            row
            if row.body is not None
            else row._replace(body=await self._access.stored_body(row.object_id))
            for row in rows
        ]
