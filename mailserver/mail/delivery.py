"""A message arrives: find who gets it, ask his filters, seal it for him, store it.

Journey (`docs/architecture.md`): smtp/handler → inbound → here → protocol/mime → sieve → letter →
vault → store → feed. `deliver` returns when the group commit is durable; from then on the message
is ours to lose (RFC 5321 §6.1).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailserver.mail import letter
from mailserver.mail.destination import Addressee, Destination, Directory
from mailserver.mail.filing import Filed
from mailserver.mail.forwarding import Forwarding
from mailserver.mail.incoming import Incoming
from mailserver.mail.opened import create_epoch
from mailserver.mail.places import Places
from mailserver.mail.posting import proven_author
from mailserver.mail.quota import QuotaWatch
from mailserver.mail.report_intake import ReportIntake
from mailserver.mail.sieve import KEPT, Arrival, Decision, Filtering
from mailserver.mail.tracing import Tracer
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, MailError, Refused
from mailserver.model.ids import AccountId
from mailserver.runtime.clock import Clock, SystemClock
from mailserver.runtime.log import get_logger
from mailserver.runtime.offload import Offload
from mailserver.store.emails import NewEmail
from mailserver.store.store import Store
from mailserver.vault.epochs import Deposits

__all__ = ["Addressee", "Delivery", "Destination", "Directory", "Incoming", "Recipient"]

RECIPIENT_SECONDS = 2.0  # in a burst of mail, an address is looked up once; PRIVACY §6 allows 5
RECIPIENTS_KEPT = 10_000

log = get_logger("mail")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets mail for an address, as found when RCPT was answered."""

    address: Address
    holder: Addressee | None
    """The account that has the address; None where it stands for others."""
    onward: tuple[Address, ...] = ()
    """To whom the message goes on, each through the queue: a group's members."""
    for_bounces: bool = False
    """It is the rewritten reverse-path of mail that we sent on; only bounces come here."""
    for_reports: bool = False
    """It is where one of our domains takes reports about itself."""
    may_post: Callable[[Address | None], bool] | None = None
    """Says whose mail is taken, by proven author; None: anybody's."""

    @property
    def account_id(self) -> AccountId | None:
        """Whose it is."""
        return None if self.holder is None else self.holder.identity.account


class Delivery:
    """Delivers to local accounts, whether or not their owner is signed in."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        deposits: Deposits,
        offload: Offload,
        clock: Clock | None = None,
        *,
        filtering: Filtering | None = None,
        forwarding: Forwarding | None = None,
        quota: QuotaWatch | None = None,
        reports: ReportIntake | None = None,
    ) -> None:
        """Deliver into `store` for the people in `directory`, sealing under `deposits`.

        Without `filtering` everything is kept; without `forwarding` nothing leaves; without `quota`
        nobody hears that a mailbox fills up; without `reports` they are mail like other mail.
        """
        self._store = store
        self._directory = directory
        self._deposits = deposits
        self._offload = offload
        self._clock = clock or SystemClock()
        self._filtering = filtering
        self._forwarding = forwarding
        self._quota = quota
        self._reports = reports
        self._places = Places(store)
        self._recipients: dict[str, tuple[float, Recipient]] = {}
        self.tracer = Tracer(self._clock)

    async def is_local(self, domain: str) -> bool:
        """Say whether mail for `domain` is delivered here."""
        return await self._directory.is_local(domain)

    async def takes(self, address: Address) -> bool:
        """Say whether mail for `address` is delivered here: to a domain, or this very host."""
        return await self._directory.takes(address)

    async def recipient(self, address: Address) -> Recipient:
        """Find who gets mail for `address`, as it stood at most `RECIPIENT_SECONDS` ago.

        Raises:
            MailError: as `Directory.resolve`; Refused(OVER_QUOTA) where the mailbox is full.
        """
        now, key = self._clock.monotonic(), str(address)
        known = self._recipients.get(key)
        if known is not None and now - known[0] < RECIPIENT_SECONDS:
            return known[1]
        bounces = self._forwarding and self._forwarding.bounce_goes_to(address)
        if bounces and await self.is_local(address.domain):
            return Recipient(address, None, (bounces,), for_bounces=True)
        reports = self._reports is not None and self._reports.takes(address)
        if reports and await self.is_local(address.domain):
            return Recipient(address, None, for_reports=True)
        found = await self._directory.resolve(address)
        holder = found.holder
        if holder is None:
            recipient = Recipient(address, None, found.onward, may_post=found.may_post)
        else:
            account = holder.account
            if 0 < account.quota_octets <= account.used_octets:
                if self._quota is not None:
                    await self._quota.refused(holder)
                self.tracer.full(holder.identity.account, address)
                raise Refused(Condition.OVER_QUOTA, "the mailbox is full")
            await self._places.inbox(holder)
            recipient = Recipient(address, holder)
        if len(self._recipients) >= RECIPIENTS_KEPT:
            self._recipients.clear()
        self._recipients[key] = (now, recipient)
        return recipient

    async def deliver(
        self, message: Incoming, recipients: Sequence[Recipient]
    ) -> list[MailError | None]:
        """Deliver the message to each recipient; None means durable.

        Two addresses of one account get one copy. One recipient's failure is his alone.
        """
        scanned = await letter.scan(message.with_trace(), self._offload)
        now = datetime.now(UTC)
        once = {
            recipient.account_id or recipient.address.key: recipient for recipient in recipients
        }
        outcomes = await asyncio.gather(
            *(self._outcome(message, scanned, recipient, now) for recipient in once.values())
        )
        by_key = dict(zip(once, outcomes, strict=True))
        return [by_key[each.account_id or each.address.key] for each in recipients]

    def accounts(self) -> set[AccountId]:
        """Name the accounts of which a key or an address is at hand."""
        holders = (recipient.account_id for _, recipient in self._recipients.values())
        return {found for found in holders if found is not None} | self._deposits.accounts()

    def forget(self, account_id: AccountId) -> None:
        """Drop what is at hand of an account that was erased, and overwrite its running key."""
        self._deposits.forget(account_id)
        self._places.forget(account_id)
        if self._filtering is not None:
            self._filtering.forget(account_id)
        if self._quota is not None:
            self._quota.forget(account_id)
        self._recipients = {
            key: known
            for key, known in self._recipients.items()
            if known[1].account_id != account_id
        }

    async def _outcome(
        self, message: Incoming, scanned: letter.Letter, recipient: Recipient, now: datetime
    ) -> MailError | None:
        try:
            if recipient.holder is None:
                await self._pass_on(message, recipient)
            else:
                await self._deliver_one(message, scanned, recipient, recipient.holder, now)
        except MailError as error:
            self.tracer.arrived(message, recipient.account_id, recipient.address, error)
            return error
        self.tracer.arrived(message, recipient.account_id, recipient.address, None)
        return None

    async def _pass_on(self, message: Incoming, recipient: Recipient) -> None:
        if recipient.for_reports and self._reports is not None:
            await self._reports.take(message, recipient.address)
            return
        if self._forwarding is None:
            raise Refused(Condition.RELAY_DENIED, "this address stands for others, elsewhere")
        if recipient.for_bounces and message.sender is not None:
            raise Refused(Condition.RELAY_DENIED, "this address takes bounces only")
        if recipient.may_post is not None and not recipient.may_post(proven_author(message)):
            raise Refused(Condition.NOT_PERMITTED, "not everybody may write to this address")
        if recipient.onward:
            await self._forwarding.pass_on(message, recipient.address, recipient.onward)

    async def _deliver_one(
        self,
        message: Incoming,
        scanned: letter.Letter,
        recipient: Recipient,
        holder: Addressee,
        now: datetime,
    ) -> None:
        """Deliver to one account: what its filters say, all of it or an error.

        What is kept is stored first, in one transaction. What leaves comes after: mail that was
        stored is never refused because an answer could not be sent, and a sender who tries again
        after an error finds nothing stored yet.
        """
        decision, filtering = KEPT, self._filtering
        if not holder.account.active:  # restricted: its mail is kept, and no more is done with it
            filtering = None
        if filtering is not None:
            arrival = _arrival(message, scanned.octets, recipient.address)
            decision = await filtering.decide(holder, arrival)
        if decision.reject is not None:
            raise Refused(Condition.REJECTED_BY_RECIPIENT, _one_line(decision.reject))
        if decision.keeps:
            await self._keep(message, scanned, holder, decision.keeps, now)
            if self._quota is not None:
                await self._quota.delivered(holder, len(scanned.octets))
        if filtering is not None and decision is not KEPT:
            await self._follow_up(filtering, message, recipient, holder, decision)

    async def _keep(
        self,
        message: Incoming,
        scanned: letter.Letter,
        holder: Addressee,
        keeps: Sequence[Filed],
        now: datetime,
    ) -> None:
        """Store the message in each of its places, all or none."""
        emails = [await self._sealed(message, scanned, holder, filed, now) for filed in keeps]
        try:
            await self._store.emails.append_all(emails)
        except Absent as gone:
            if gone.condition is not Condition.NO_SUCH_MAILBOX or keeps == KEPT.keeps:
                raise
            # Its reader deleted one of them in this moment.
            email = await self._sealed(message, scanned, holder, KEPT.keeps[0], now)
            await self._store.emails.append(email)

    async def _sealed(
        self,
        message: Incoming,
        scanned: letter.Letter,
        holder: Addressee,
        filed: Filed,
        now: datetime,
    ) -> NewEmail:
        """Seal the message for one place."""
        key = await self._deposits.key_for(
            holder.identity, create_epoch(self._store, holder.identity.account)
        )
        if filed.octets is not None:  # as the reader's filter edited it
            scanned = await letter.scan(filed.octets.reveal(), self._offload)
        return await letter.seal(
            scanned,
            key,
            holder.guard,
            await self._places.of(holder, filed, junk=message.is_junk),
            offload=self._offload,
            internaldate=now,
            flags=filed.flags,
            keywords=await self._places.keywords(holder, filed.keywords),
        )

    async def _follow_up(
        self,
        filtering: Filtering,
        message: Incoming,
        recipient: Recipient,
        holder: Addressee,
        decision: Decision,
    ) -> None:
        """Send on and answer what the filters said."""
        kept = bool(decision.keeps)
        try:
            if decision.redirects and self._forwarding is not None:
                await self._forwarding.redirect(message, recipient.address, holder, decision)
            answers = await filtering.settle(holder, decision)
            if answers and self._forwarding is not None:
                await self._forwarding.answer(holder, answers)
        except MailError as error:
            if not kept:
                raise
            log.warning("not sent on or answered", condition=error.condition.name)


def _arrival(message: Incoming, octets: bytes, recipient: Address) -> Arrival:
    """Say what filters may know."""
    client = message.client
    environment = {} if client is None else {"remote-ip": client.ip, "remote-host": client.helo}
    return Arrival(
        octets=octets,
        sender=message.sender,
        recipient=recipient,
        spam_percent=message.spam_percent,
        virus=5 if message.opinion.malware else 0,
        junk=message.is_junk,
        forged=message.is_sender_forged,
        environment=environment,
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500] or "the recipient does not take this message"
