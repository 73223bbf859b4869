"""From the commands of a connection to a Transaction (RFC 5321 §3.3), and on to `mail`.

A `Handler` belongs to one connection: it finds each recipient as RCPT names him, keeps what it
found, and hands the finished transaction to delivery (MX, LMTP) or submission.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from mailserver.mail.incoming import Incoming
from mailserver.model.address import Address
from mailserver.model.client import Client
from mailserver.model.envelope import NOTHING_ASKED, Asked
from mailserver.model.errors import Condition, MailError, Refused
from mailserver.model.sealed import Plaintext
from mailserver.protocol.smtp.reply import Rejection
from mailserver.smtp import status
from mailserver.smtp.retries import Retries

R = TypeVar("R")
S_contra = TypeVar("S_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Transaction:
    """One mail transaction as DATA or the last BDAT ended it."""

    sender: Address | None
    """The reverse-path; None is `<>`."""
    recipients: tuple[Address, ...]
    """Every RCPT that was accepted, in order; one may be named twice (RFC 2033 §4.2)."""
    octets: Plaintext
    """The content, dot-stuffing undone, every line ending in CRLF."""
    received: bytes
    """Our Received field."""
    asked: Asked = NOTHING_ASKED
    """What its parameters asked."""
    client: Client | None = None
    """Who sends it, where that is a stranger."""


class Sender(Protocol):
    """Who signed in (`mail.submission.Submitter`)."""

    def owns(self, address: Address) -> bool:
        """Say whether mail may carry `address` as its sender."""
        ...


class Deliveries(Protocol[R]):
    """What the edge asks of `mail.delivery`; `R` is a recipient as it found him."""

    async def recipient(self, address: Address) -> R:
        """Find who gets mail for `address`, or raise a MailError."""
        ...

    async def deliver(self, message: Incoming, recipients: Sequence[R]) -> list[MailError | None]:
        """Deliver; one outcome a recipient, None meaning durable."""
        ...


class Submissions(Protocol[R, S_contra]):
    """What the edge asks of `mail.submission`."""

    async def recipient(self, address: Address) -> R:
        """Find a recipient that a user of ours may write to, or raise a MailError."""
        ...

    async def submit(
        self, submitter: S_contra, message: Incoming, recipients: Sequence[R]
    ) -> list[MailError | None]:
        """Put the message in order and deliver; one outcome a recipient."""
        ...


class Handler(Protocol):
    """What a connection does with what it is told."""

    def check_sender(self, sender: Address | None) -> None:
        """Refuse a reverse-path that this client may not use."""
        ...

    async def admit(self, sender: Address | None, recipient: Address) -> None:
        """Take a recipient into the transaction, or raise a MailError."""
        ...

    async def deliver(self, transaction: Transaction) -> list[MailError | None]:
        """Hand a transaction over; one outcome a recipient, None meaning durable."""
        ...

    def forget(self) -> None:
        """Drop what was found for a transaction that is over."""
        ...


class Courier(Generic[R]):
    """Finds recipients and hands transactions over; the services differ only in where to."""

    def __init__(
        self,
        find: Callable[[Address], Awaitable[R]],
        send: Callable[[Incoming, Sequence[R]], Awaitable[list[MailError | None]]],
        *,
        owns: Callable[[Address], bool] | None = None,
        retries: Retries | None = None,
    ) -> None:
        """Use `find` for RCPT and `send` for the message.

        Args:
            find: raises a MailError for whom we do not serve.
            send: returns an outcome a recipient.
            owns: which sender addresses are allowed; all where None.
            retries: memory for outcomes that one reply cannot carry; None where each has its own.
        """
        self._find = find
        self._send = send
        self._owns = owns
        self._retries = retries
        self._found: dict[str, R] = {}
        self._alone = False

    def check_sender(self, sender: Address | None) -> None:
        """Refuse a reverse-path that is not the submitter's; `<>` is everybody's (RFC 8098 §3).

        Raises:
            Refused: SENDER_NOT_YOURS.
        """
        if self._owns is not None and sender is not None and not self._owns(sender):
            raise Refused(Condition.SENDER_NOT_YOURS, "This sender address is not yours")

    async def admit(self, sender: Address | None, recipient: Address) -> None:
        """Find `recipient` and keep him for this transaction; the same one twice is found once.

        Raises:
            Rejection: he has to come alone (`retries`).
            MailError: as `find`.
        """
        key = recipient.key
        if key in self._found:
            return
        if self._retries:
            alone = self._retries.alone(sender, recipient)
            if self._found and (alone or self._alone):
                raise Rejection(status.RECIPIENT_ALONE, Condition.TOO_MANY)
            self._alone = alone
        self._found[key] = await self._find(recipient)

    async def deliver(self, transaction: Transaction) -> list[MailError | None]:
        """Hand the message over, once for each recipient.

        Raises:
            MailError: it fails for all of them, such as a header that is nobody's to send.
        """
        message = Incoming(
            transaction.octets,
            transaction.sender,
            transaction.received,
            asked=transaction.asked,
            client=transaction.client,
        )
        outcomes: dict[str, MailError | None] = {}
        named = {address.key: address for address in transaction.recipients}
        digest = b""
        if self._retries is not None and (self._retries or len(named) > 1):
            digest = self._retries.message(transaction.sender, transaction.octets.reveal())
            for key, address in named.items():
                if self._retries.has(digest, address):
                    outcomes[key] = None
        waiting = [key for key in named if key not in outcomes]
        if waiting:
            sent = await self._send(message, [self._found[key] for key in waiting])
            outcomes.update(zip(waiting, sent, strict=True))
        if self._retries is not None:
            self._note(self._retries, digest, transaction.sender, named, outcomes)
        return [outcomes[address.key] for address in transaction.recipients]

    @staticmethod
    def _note(
        retries: Retries,
        digest: bytes,
        sender: Address | None,
        named: dict[str, Address],
        outcomes: dict[str, MailError | None],
    ) -> None:
        failed = sum(outcome is not None for outcome in outcomes.values())
        if not 0 < failed < len(outcomes):
            return
        for key, outcome in outcomes.items():
            if outcome is None:
                retries.remember_has(digest, named[key])
            else:
                retries.remember_alone(sender, named[key])

    def forget(self) -> None:
        """Drop the recipients of a transaction that is over."""
        self._found = {}
        self._alone = False


def for_delivery(delivery: Deliveries[R], *, retries: Retries | None = None) -> Handler:
    """Make the handler of a connection to MX (with `retries`) or LMTP (without)."""
    return Courier(delivery.recipient, delivery.deliver, retries=retries)


S = TypeVar("S", bound=Sender)


def for_submission(
    submission: Submissions[R, S], submitter: S, *, retries: Retries | None = None
) -> Handler:
    """Make the handler of a connection on which `submitter` signed in."""
    return Courier(
        submission.recipient,
        partial(submission.submit, submitter),
        owns=submitter.owns,
        retries=retries,
    )
