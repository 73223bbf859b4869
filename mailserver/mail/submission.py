"""Outgoing mail of our own people: checked, put in order, delivered here or queued for elsewhere.

A submission is taken whole. What goes elsewhere is queued first, all of it in one commit, and if
that fails nothing is taken. Then it is delivered to those who are here; where that fails for some
of several, their copies are queued too, and tried until they are delivered or reported. One who is
alone hears at once.

Without a queue (the relay is off) mail for elsewhere is refused with a clear answer.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from mailserver.mail.delivery import Incoming, Recipient
from mailserver.mail.outgoing import Outgoing, Parcel
from mailserver.mail.receipts import Deliveries
from mailserver.model.address import Address
from mailserver.model.errors import Condition, MailError, Refused
from mailserver.model.ids import AccountId, QueueId
from mailserver.model.sealed import Plaintext
from mailserver.protocol.smtp.submission import prepare_submission


@dataclass(frozen=True, slots=True)
class Submitter:
    """Who signed in to submit, and the addresses that are theirs to send from."""

    account_id: AccountId
    address: Address
    addresses: tuple[Address, ...]
    peer: str = ""
    """The IP address the submission comes from."""

    def owns(self, address: Address) -> bool:
        """Say whether mail may carry `address` as its sender; `+detail` is the owner's as well."""
        local, _, _ = address.local.partition("+")
        keys = {address.key, Address(local, address.domain).key}
        return any(own.key in keys for own in self.addresses)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A recipient at another server."""

    address: Address


@dataclass(frozen=True, slots=True)
class Posting:
    """What became of a submission."""

    outcomes: list[MailError | None]
    """For each recipient, in order."""
    queued: list[QueueId]
    """Entries of the queue, for as many as wait there."""


class Limits(Protocol):
    """What bounds how much an account sends (`accounts.sending` does)."""

    async def charge(self, account_id: AccountId, recipients: Sequence[Address], peer: str) -> None:
        """Count a submission, or raise Refused."""
        ...


class Submission:
    """Takes mail from a signed-in user (RFC 6409)."""

    def __init__(
        self,
        delivery: Deliveries,
        outgoing: Outgoing | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Hand local recipients to `delivery`, others to `outgoing`, where there is a relay.

        Without `limits` everybody sends as much as they like.
        """
        self._delivery = delivery
        self._outgoing = outgoing
        self._limits = limits

    async def recipient(self, address: Address) -> Recipient | Elsewhere:
        """Find a recipient.

        Raises:
            Refused: RELAY_DENIED, the address is elsewhere and nothing is sent there.
            MailError: as `Delivery.recipient`.
        """
        if await self._delivery.takes(address):
            return await self._delivery.recipient(address)
        if self._outgoing is None:
            raise Refused(
                Condition.RELAY_DENIED, "mail to other servers: relaying is not configured"
            )
        return Elsewhere(address)

    async def submit(
        self,
        submitter: Submitter,
        message: Incoming,
        recipients: Sequence[Recipient | Elsewhere],
    ) -> list[MailError | None]:
        """Put the header in order, queue and deliver; one outcome a recipient. See `post`."""
        return (await self.post(submitter, message, recipients)).outcomes

    async def post(
        self,
        submitter: Submitter,
        message: Incoming,
        recipients: Sequence[Recipient | Elsewhere],
    ) -> Posting:
        """Submit, and say which entries of the queue it became.

        Raises:
            Refused: SENDER_NOT_YOURS, the envelope or header sender is somebody else's; LIMIT,
                TOO_MANY, NOT_PERMITTED, as `Limits.charge`.
            PeerFault: BAD_MESSAGE, the header has no usable From field.
            MailError: as `Outgoing.enqueue`; nobody gets anything.
        """
        if message.sender is not None and not submitter.owns(message.sender):
            raise Refused(Condition.SENDER_NOT_YOURS, "this sender address is not yours")
        prepared = prepare_submission(
            message.octets.reveal(),
            submitter.address,
            submitter.owns,
            now=datetime.now(UTC),
            token=secrets.token_hex(16),
        )
        ready = replace(message, octets=Plaintext(prepared), submitted=True)
        if self._limits is not None:
            everybody = [each.address for each in recipients]
            await self._limits.charge(submitter.account_id, everybody, submitter.peer)
        here = [each for each in recipients if isinstance(each, Recipient)]
        if self._outgoing is None:
            return Posting(await self._delivery.deliver(ready, here), [])
        if message.asked.hold_until is not None:
            here = []  # what is held waits in the queue, wherever it goes
        away = [each.address for each in recipients if each not in here]
        queued = await self._queue(submitter, ready, away)
        delivered = await self._delivery.deliver(ready, here) if here else []
        outcomes: dict[Address, MailError | None] = dict.fromkeys(away)
        outcomes |= {each.address: out for each, out in zip(here, delivered, strict=True)}
        if any(out is None for out in outcomes.values()):
            queued += await self._take_up(submitter, ready, outcomes)
        return Posting([outcomes[each.address] for each in recipients], queued)

    async def _take_up(
        self, submitter: Submitter, message: Incoming, outcomes: dict[Address, MailError | None]
    ) -> list[QueueId]:
        """Queue for those who could not get it now, since others have it already."""
        missed = [address for address, outcome in outcomes.items() if outcome is not None]
        try:
            queued = await self._queue(submitter, message, missed)
        except MailError:
            return []  # then each keeps his own outcome, and the client comes back for him
        outcomes.update(dict.fromkeys(missed))
        return queued

    async def _queue(
        self, submitter: Submitter, message: Incoming, recipients: Sequence[Address]
    ) -> list[QueueId]:
        if not recipients or self._outgoing is None:
            return []
        asked = message.asked
        parcel = Parcel(
            await self._outgoing.origin(submitter.account_id),
            asked.envelope(message.sender),
            Plaintext(replace(message, return_path=False).with_trace()),
            [asked.of(address) for address in recipients],
            asked.hold_until,
        )
        return await self._outgoing.enqueue(parcel)
