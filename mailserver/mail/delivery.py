"""A message arrives: decide who gets it, scan it once, seal it for each, store it.

Journey (`docs/architecture.md`): smtp/handler → here → protocol/mime → letter → vault → store →
feed. `deliver` returns when the group commit is durable; from then on the message is ours to lose
(RFC 5321 §6.1).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from mailserver.mail import letter
from mailserver.mail.opened import create_epoch
from mailserver.model.address import Address
from mailserver.model.envelope import NOTHING_ASKED, Asked
from mailserver.model.errors import Absent, Condition, MailError, Refused
from mailserver.model.ids import AccountId, MailboxId
from mailserver.model.mailbox import INBOX
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import Clock, SystemClock
from mailserver.runtime.offload import Offload
from mailserver.store.accounts import AccountRow
from mailserver.store.store import Store
from mailserver.vault.epochs import Deposits
from mailserver.vault.guard import AccountGuard
from mailserver.vault.records import PublicIdentity

RECIPIENT_SECONDS = 2.0  # in a burst of mail, an address is looked up once; PRIVACY §6 allows 5
RECIPIENTS_KEPT = 10_000


class Destination(Protocol):
    """An account as delivery needs it while its owner is away."""

    @property
    def identity(self) -> PublicIdentity:
        """Whom to seal to."""
        ...

    @property
    def guard(self) -> AccountGuard:
        """What thread and mailbox hashes are keyed with."""
        ...

    @property
    def account(self) -> AccountRow:
        """Its quota, and how much of it is used."""
        ...


class Directory(Protocol):
    """Who has an address, by authenticated rows of the keystore (`accounts` keeps it)."""

    async def find(self, address: Address) -> Destination:
        """Return the account of a local address, a `+detail` in its local part ignored.

        Raises:
            Absent: NO_SUCH_DOMAIN, the domain is not ours; NO_SUCH_USER, nobody has it.
            Locked: NOT_ACTIVE, its sign-up is not finished.
            Corrupt: KEY_MISMATCH, what the keystore says cannot be trusted.
        """
        ...

    async def is_local(self, domain: str) -> bool:
        """Say whether mail for `domain` is ours to deliver."""
        ...


@dataclass(frozen=True, slots=True)
class Recipient:
    """A mailbox that takes the message, as found when RCPT was answered."""

    address: Address
    destination: Destination
    mailbox_id: MailboxId

    @property
    def account_id(self) -> AccountId:
        """Whose it is."""
        return self.destination.identity.account


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as its SMTP transaction ended: content and envelope sender."""

    octets: Plaintext
    """What was sent, without our trace fields."""
    sender: Address | None
    """The reverse-path; None is `<>`."""
    received: bytes
    """One finished Received field with its CRLF (RFC 5321 §4.4)."""
    return_path: bool = True
    """Whether to put the Return-Path on top, as final delivery does."""
    asked: Asked = NOTHING_ASKED
    """What the transaction's parameters asked."""

    def with_trace(self) -> bytes:
        """Return the octets that are stored."""
        top = b""
        if self.return_path:
            path = str(self.sender) if self.sender else ""
            top = b"Return-Path: <" + path.encode() + b">\r\n"
        return b"".join((top, self.received, self.octets.reveal()))


class Delivery:
    """Delivers to local accounts, whether or not their owner is signed in."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        deposits: Deposits,
        offload: Offload,
        clock: Clock | None = None,
    ) -> None:
        """Deliver into `store` for the people in `directory`, sealing under `deposits`."""
        self._store = store
        self._directory = directory
        self._deposits = deposits
        self._offload = offload
        self._clock = clock or SystemClock()
        self._inboxes: dict[AccountId, MailboxId] = {}
        self._recipients: dict[str, tuple[float, Recipient]] = {}

    async def is_local(self, domain: str) -> bool:
        """Say whether mail for `domain` is delivered here."""
        return await self._directory.is_local(domain)

    async def recipient(self, address: Address) -> Recipient:
        """Find who gets mail for `address`, as it stood at most `RECIPIENT_SECONDS` ago.

        Raises:
            MailError: as `Directory.find`; Refused(OVER_QUOTA) where the mailbox is full.
        """
        now, key = self._clock.monotonic(), str(address)
        known = self._recipients.get(key)
        if known is not None and now - known[0] < RECIPIENT_SECONDS:
            return known[1]
        destination = await self._directory.find(address)
        account = destination.account
        if 0 < account.quota_octets <= account.used_octets:
            raise Refused(Condition.OVER_QUOTA, "the mailbox is full")
        recipient = Recipient(address, destination, await self._inbox(destination))
        if len(self._recipients) >= RECIPIENTS_KEPT:
            self._recipients.clear()
        self._recipients[key] = (now, recipient)
        return recipient

    async def deliver(
        self, message: Incoming, recipients: Sequence[Recipient]
    ) -> list[MailError | None]:
        """Seal and store the message for each recipient; None means durable.

        Two addresses of one account get one copy. One recipient's failure is his alone.
        """
        scanned = await letter.scan(message.with_trace(), self._offload)
        now = datetime.now(UTC)
        once = {recipient.account_id: recipient for recipient in recipients}
        outcomes = await asyncio.gather(
            *(self._deliver_one(scanned, recipient, now) for recipient in once.values())
        )
        by_account = dict(zip(once, outcomes, strict=True))
        return [by_account[recipient.account_id] for recipient in recipients]

    def accounts(self) -> set[AccountId]:
        """Name the accounts of which a key or an address is at hand."""
        known = {recipient.account_id for _, recipient in self._recipients.values()}
        return known | self._deposits.accounts()

    def forget(self, account_id: AccountId) -> None:
        """Drop what is at hand of an account that was erased, and overwrite its running key."""
        self._deposits.forget(account_id)
        self._inboxes.pop(account_id, None)
        self._recipients = {
            key: known
            for key, known in self._recipients.items()
            if known[1].account_id != account_id
        }

    async def _deliver_one(
        self, scanned: letter.Letter, recipient: Recipient, now: datetime
    ) -> MailError | None:
        account_id, guard = recipient.account_id, recipient.destination.guard
        try:
            key = await self._deposits.key_for(
                recipient.destination.identity, create_epoch(self._store, account_id)
            )
            email = await letter.seal(
                scanned,
                key,
                guard,
                recipient.mailbox_id,
                offload=self._offload,
                internaldate=now,
            )
            await self._store.emails.append(email)
        except MailError as error:
            return error
        return None

    async def _inbox(self, destination: Destination) -> MailboxId:
        account_id = destination.identity.account
        known = self._inboxes.get(account_id)
        if known is None:
            row = await self._store.mailboxes.by_name_hash(
                account_id,
                destination.guard.name_hash(INBOX),
            )
            if row is None:
                raise Absent(Condition.NO_SUCH_MAILBOX, "the account has no INBOX")
            known = self._inboxes[account_id] = row.id
        return known
