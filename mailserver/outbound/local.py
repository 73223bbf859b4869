"""Queued mail for our own people: reports above all, which are queued so that none is lost."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from mailserver.mail.delivery import Incoming
from mailserver.mail.parcels import Due
from mailserver.model.address import Address
from mailserver.model.envelope import RemoteReply
from mailserver.model.errors import Absent, Condition, MailError, PeerFault, Refused
from mailserver.model.sealed import Plaintext
from mailserver.outbound.client import Outcome, Verdict
from mailserver.protocol.smtp.client import own_word

R = TypeVar("R")

_MAY_CHANGE = {Condition.OVER_QUOTA, Condition.LIMIT, Condition.TRY_LATER}


class Deliveries(Protocol[R]):
    """What delivers here; `mail.delivery.Delivery` is one."""

    async def is_local(self, domain: str) -> bool:
        """Say whether mail for `domain` is ours to deliver."""
        ...

    async def recipient(self, address: Address) -> R:
        """Find who gets mail for an address. Raises MailError."""
        ...

    async def deliver(
        self, message: Incoming, recipients: Sequence[R]
    ) -> Sequence[MailError | None]:
        """Deliver to each; None means durable."""
        ...


class Local:
    """Delivers what is ours."""

    def __init__(self, delivery: Deliveries[R]) -> None:
        """Hand over to `delivery`."""
        self._delivery: Deliveries[R] = delivery

    async def is_local(self, domain: str) -> bool:
        """Say whether mail for `domain` is ours to deliver."""
        return await self._delivery.is_local(domain)

    async def deliver(self, due: Due, message: Plaintext) -> Outcome:
        """Deliver a message to one recipient; what happened is told, never raised."""
        try:
            recipient = await self._delivery.recipient(due.recipient.address)
            submitted = due.account_id is not None
            incoming = Incoming(message, due.envelope.sender, b"", submitted=submitted)
            (failure,) = await self._delivery.deliver(incoming, [recipient])
        except MailError as error:
            failure = error
        if failure is None:
            return Outcome(Verdict.DELIVERED, RemoteReply("Delivered", status="2.0.0"))
        if _is_final(failure):
            status = "5.1.1" if isinstance(failure, Absent) else "5.7.1"
            return Outcome(Verdict.NEVER, own_word(status, failure.text))
        full = failure.condition is Condition.OVER_QUOTA
        return Outcome(Verdict.LATER, own_word("4.2.2" if full else "4.3.0", failure.text))


def _is_final(failure: MailError) -> bool:
    """Say whether trying again is of no use: the recipient's fault, not ours."""
    if isinstance(failure, Absent):
        return failure.condition in (Condition.NO_SUCH_USER, Condition.NO_SUCH_DOMAIN)
    return isinstance(failure, Refused | PeerFault) and failure.condition not in _MAY_CHANGE
