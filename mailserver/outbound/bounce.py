"""What the sender must know: failures, delays, and success where he asked for it.

A report is queued with the null reverse-path, by the same commit that drops or puts back the row
it is about: none is lost, and about a report nothing is ever reported (RFC 5321 §4.5.5, §6.1). Our
own people get theirs from the queue as well, by local delivery.

Whether there is a report at all the sender said with NOTIFY (RFC 3461 §4.1). A server that knows
DSN looks after that from where it took the message; for one that does not, we say that the message
was relayed to where nobody can tell (RFC 3461 §5.2.2).
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence

from mailserver.mail.parcels import Due, Origin, Parcel
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Onward, RemoteReply
from mailserver.model.errors import Absent
from mailserver.model.sealed import Plaintext
from mailserver.outbound.client import Outcome, Verdict
from mailserver.outbound.sending import Sent
from mailserver.protocol.mime import dsn
from mailserver.protocol.mime.dsn import Action
from mailserver.runtime.clock import Clock

FindOrigin = Callable[[Due], Awaitable[Origin]]
"""Says whose a report about a message is: under its guard it waits. Raises Absent."""
Language = Callable[[Due], Awaitable[str]]
"""Says in which language the sender is told: nl, en, de or fr."""


async def english(_due: Due) -> str:
    """Tell everybody in English."""
    return "en"


class Bounces:
    """Writes reports."""

    def __init__(
        self,
        hostname: str,
        origin: FindOrigin,
        *,
        clock: Clock,
        language: Language = english,
    ) -> None:
        """Write them as `hostname`'s postmaster, or as that of the sender's own domain.

        Args:
            hostname: ours.
            origin: under whose guard a report waits.
            clock: dates reports.
            language: in which a sender is written to.
        """
        self._hostname = hostname
        self._origin = origin
        self._clock = clock
        self._language = language

    @staticmethod
    def wanted(due: Due, end: Outcome, sent: Sent) -> Action | None:
        """Say what the sender is to be told of a recipient; None for nothing."""
        match end.verdict:
            case Verdict.NEVER:
                action = Action.FAILED
            case Verdict.LATER:
                if not due.warn:
                    return None
                action = Action.DELAYED
            case Verdict.DELIVERED:
                if sent.knows_dsn:
                    return None
                action = Action.DELIVERED if sent.is_final else Action.RELAYED
        return action if dsn.is_wanted(due.envelope, due.recipient, action) else None

    async def write(
        self, action: Action, concerned: Sequence[tuple[Due, RemoteReply]], message: bytes
    ) -> Parcel | None:
        """Write one report on one message to its sender.

        Args:
            action: what became of all these recipients.
            concerned: each, and in whose words.
            message: as it was queued; not signed.

        Returns:
            What is to be queued; None where the account is gone that it would go to.
        """
        first = concerned[0][0]
        sender = first.envelope.sender
        if sender is None:
            return None
        try:
            origin = await self._origin(first)
        except Absent:
            return None
        now = self._clock.now()
        outcomes = [
            dsn.Outcome(due.recipient, action, said, at=now, retry_until=due.expires_at)
            for due, said in concerned
        ]
        # An account's sender is one of our own domains, and each of them answers postmaster.
        domain = self._hostname if first.account_id is None else sender.domain
        report = dsn.Report(
            envelope=first.envelope,
            outcomes=outcomes,
            author=Address("postmaster", domain),
            host=self._hostname,
            arrived_at=first.queued_at,
            now=now,
            token=secrets.token_hex(16),
            language=await self._language(first),
        )
        composed = Plaintext(dsn.compose(report, message))
        smtputf8 = not str(sender).isascii()
        return Parcel(origin, Envelope(None, smtputf8=smtputf8), composed, [Onward(sender)])
