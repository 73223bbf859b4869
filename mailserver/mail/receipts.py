"""Receipts: telling the sender that a message was delivered here, where he asked with NOTIFY.

What fails at delivery is an SMTP reply, and no report; whoever handed the message over says the
rest. A receipt waits in the queue under the guard of the account that got the message, and goes
with it.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from mailserver.mail.delivery import Incoming, Recipient
from mailserver.mail.outgoing import Outgoing, Parcel
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Onward, RemoteReply
from mailserver.model.errors import MailError
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.protocol.mime import dsn
from mailserver.protocol.mime.dsn import Action
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger

log = get_logger("receipts")

DELIVERED = RemoteReply("Delivered", status="2.0.0")


class Deliveries(Protocol):
    """What delivers here, as `Delivery` does."""

    async def is_local(self, domain: str) -> bool:
        """Say whether mail for `domain` is delivered here."""
        ...

    async def takes(self, address: Address) -> bool:
        """Say whether mail for `address` is delivered here: to a domain, or this very host."""
        ...

    async def recipient(self, address: Address) -> Recipient:
        """Find who gets mail for `address`, or raise a MailError."""
        ...

    async def deliver(
        self, message: Incoming, recipients: Sequence[Recipient]
    ) -> list[MailError | None]:
        """Deliver; one outcome a recipient, None meaning durable."""
        ...


Language = Callable[[AccountId | None], Awaitable[str]]
"""Says in which language an account's owner is written to; None is nobody's account."""


async def english(_account_id: AccountId | None) -> str:
    """Tell everybody in English."""
    return "en"


class Receipts:
    """Delivers as what it is put in front of does, and queues the receipts that were asked for."""

    def __init__(
        self,
        delivery: Deliveries,
        outgoing: Outgoing,
        hostname: str,
        clock: Clock,
        *,
        language: Language = english,
    ) -> None:
        """Deliver with `delivery`; write as `hostname`, in the `language` of who got the message.

        Of a sender elsewhere nothing is known but to whom he writes.
        """
        self._delivery = delivery
        self._outgoing = outgoing
        self._hostname = hostname
        self._clock = clock
        self._language = language

    async def is_local(self, domain: str) -> bool:
        """Say whether mail for `domain` is delivered here."""
        return await self._delivery.is_local(domain)

    async def takes(self, address: Address) -> bool:
        """Say whether mail for `address` is delivered here: to a domain, or this very host."""
        return await self._delivery.takes(address)

    async def recipient(self, address: Address) -> Recipient:
        """Find who gets mail for `address`, or raise a MailError."""
        return await self._delivery.recipient(address)

    async def deliver(
        self, message: Incoming, recipients: Sequence[Recipient]
    ) -> list[MailError | None]:
        """Deliver, then queue receipts; one that cannot be queued does not undo the delivery.

        Who only claims to be the sender asks in vain: the receipt would go to somebody else.
        """
        outcomes = await self._delivery.deliver(message, recipients)
        asked = message.asked.recipients and not message.is_sender_forged
        if message.sender is not None and asked:
            envelope = message.asked.envelope(message.sender)
            for recipient, outcome in zip(recipients, outcomes, strict=True):
                if outcome is None:
                    try:
                        await self._tell(message, envelope, message.sender, recipient)
                    except MailError as error:
                        log.warning("receipt not queued", condition=error.condition)
        return outcomes

    async def _tell(
        self, message: Incoming, envelope: Envelope, sender: Address, recipient: Recipient
    ) -> None:
        asked = message.asked.of(recipient.address)
        # An address that stands for others is where a list of people begins (RFC 3461 §5.2.7).
        action = Action.DELIVERED if recipient.account_id is not None else Action.EXPANDED
        if not dsn.is_wanted(envelope, asked, action):
            return
        now = self._clock.now()
        report = dsn.Report(
            envelope=envelope,
            outcomes=[dsn.Outcome(asked, action, DELIVERED, at=now)],
            author=Address("postmaster", recipient.address.domain),
            host=self._hostname,
            arrived_at=now,
            now=now,
            token=secrets.token_hex(16),
            language=await self._language(recipient.account_id),
        )
        composed = Plaintext(dsn.compose(report, message.octets.reveal()))
        origin = await self._outgoing.origin(recipient.account_id)
        onward = Envelope(None, smtputf8=not str(sender).isascii())
        await self._outgoing.enqueue(Parcel(origin, onward, composed, [Onward(sender)]))
