"""What filters ask of an account's mailboxes, answered by the names that are guarded."""

from mailserver.mail.mailboxes import canonical_name
from mailserver.model.errors import PeerFault
from mailserver.model.ids import AccountId, MailboxId
from mailserver.model.mailbox import Role
from mailserver.protocol.sieve.actions import (
    MailboxExists,
    MailboxIdExists,
    Question,
    SpecialUseExists,
)
from mailserver.store.mailboxes import MailboxRow
from mailserver.store.store import Store
from mailserver.vault.guard import AccountGuard

OBJECT_ID_PREFIX = "F"
"""An IMAP MAILBOXID (RFC 8474 §4) is this letter and the mailbox's number."""


class MailboxAnswers:
    """The mailboxes of one account, looked up for one message."""

    def __init__(self, store: Store, account_id: AccountId, guard: AccountGuard) -> None:
        """Look in `store`, by names that `guard` hashes."""
        self._rows = store.mailboxes
        self._account_id = account_id
        self._guard = guard
        self._listed: list[MailboxRow] | None = None

    async def answer(self, question: Question) -> bool:
        """Answer what a script asks about mailboxes."""
        match question:
            case MailboxExists(name):
                return await self.named(name) is not None
            case MailboxIdExists(mailbox_id):
                return await self.with_id(mailbox_id) is not None
            case SpecialUseExists(use, ""):
                return await self.used_for(use) is not None
            case SpecialUseExists(use, name):
                return await self.named(name) == await self.used_for(use) is not None
            case _:
                return False

    async def named(self, name: str) -> MailboxId | None:
        """Return the mailbox of that name, if there is one."""
        try:
            hash_ = self._guard.name_hash(canonical_name(name))
        except PeerFault:
            return None
        row = await self._rows.by_name_hash(self._account_id, hash_)
        return None if row is None else row.id

    async def with_id(self, mailbox_id: str) -> MailboxId | None:
        """Return the mailbox of that MAILBOXID (RFC 9042), if there is one."""
        wanted = [
            row.id for row in await self._all() if f"{OBJECT_ID_PREFIX}{row.id}" == mailbox_id
        ]
        return wanted[0] if wanted else None

    async def used_for(self, use: str) -> MailboxId | None:
        r"""Return the mailbox of a special use such as `\Junk` (RFC 8579), if there is one."""
        try:
            role = Role(use.removeprefix("\\").lower())
        except ValueError:
            return None
        wanted = [row.id for row in await self._all() if row.role is role]
        return wanted[0] if wanted else None

    async def _all(self) -> list[MailboxRow]:
        if self._listed is None:
            self._listed = await self._rows.listing(self._account_id)
        return self._listed
