"""Outgoing mail of our own people: checked, put in order, delivered where it is local.

Mail for elsewhere is refused with a clear answer until a relay is configured.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mailserver.mail.delivery import Delivery, Incoming, Recipient
from mailserver.model.address import Address
from mailserver.model.errors import Condition, MailError, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.protocol.smtp.submission import prepare_submission


@dataclass(frozen=True, slots=True)
class Submitter:
    """Who signed in to submit, and the addresses that are theirs to send from."""

    account_id: AccountId
    address: Address
    addresses: tuple[Address, ...]

    def owns(self, address: Address) -> bool:
        """Say whether mail may carry `address` as its sender; `+detail` is the owner's as well."""
        local, _, _ = address.local.partition("+")
        keys = {address.key, Address(local, address.domain).key}
        return any(own.key in keys for own in self.addresses)


class Submission:
    """Takes mail from a signed-in user (RFC 6409)."""

    def __init__(self, delivery: Delivery) -> None:
        """Hand local recipients to `delivery`."""
        self._delivery = delivery

    async def recipient(self, address: Address) -> Recipient:
        """Find a local recipient.

        Raises:
            Refused: RELAY_DENIED, the address is elsewhere.
            MailError: as `Delivery.recipient`.
        """
        if not await self._delivery.is_local(address.domain):
            raise Refused(
                Condition.RELAY_DENIED, "mail to other servers: relaying is not configured"
            )
        return await self._delivery.recipient(address)

    async def submit(
        self, submitter: Submitter, message: Incoming, recipients: Sequence[Recipient]
    ) -> list[MailError | None]:
        """Put the header in order and deliver; one outcome a recipient.

        Raises:
            Refused: SENDER_NOT_YOURS, the envelope or header sender is somebody else's.
            PeerFault: BAD_MESSAGE, the header has no usable From field.
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
        return await self._delivery.deliver(
            replace(message, octets=Plaintext(prepared)), recipients
        )
