"""Mail from other servers: authenticated, screened and marked, before it is delivered.

A message is refused while it is still its sender's, or delivered; nothing is dropped after the
`250` (PRIVACY §8). What was found is written on top of it, so that the reader's program and filters
can see it, and fields that only pretend to be ours are taken out.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from mailserver.mail.delivery import Recipient
from mailserver.mail.incoming import Incoming
from mailserver.mail.receipts import Deliveries
from mailserver.mail.tracing import Tracer
from mailserver.mailauth import authentication_results
from mailserver.mailauth.dmarc_record import Policy
from mailserver.mailauth.verdict import Verdict, judge
from mailserver.model.address import Address
from mailserver.model.client import Client
from mailserver.model.errors import Condition, MailError, Refused, Transient
from mailserver.model.sealed import Plaintext
from mailserver.protocol.mime import fields
from mailserver.protocol.mime.scan import header_only
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import Resolver
from mailserver.screening.opinion import Advice, Opinion, Reason, gravest
from mailserver.screening.words import no_reason

REASON_FIELD = "X-Zegel-Junk-Reason"
"""Says in its reader's words why a message went to Junk; only we write it."""
NOTICE_FIELD = "X-Zegel-Notice"
"""Says in his words what nobody could find out about a message; only we write it."""
_OURS = re.compile(
    rb"^(?:%b|%b)[ \t]*+:[^\n]*+\n(?:[ \t][^\n]*+\n)*+"
    % (REASON_FIELD.encode(), NOTICE_FIELD.encode()),
    re.IGNORECASE | re.MULTILINE,
)
_DMARC_PASS = re.compile(rb";\s*+dmarc\s*+=\s*+pass\b", re.IGNORECASE)
QUARANTINED = Opinion(
    Advice.JUNK, 6.0, (Reason("dmarc-quarantine", 6.0, "its author's domain did not send it"),)
)


class Screening(Protocol):
    """What judges a message beyond its authentication (`mail.spam` does)."""

    async def look(
        self, message: Incoming, verdict: Verdict, recipients: Sequence[Recipient]
    ) -> Opinion:
        """Return an opinion that holds for everybody.

        Raises:
            Transient: a scanner that the settings demand does not answer.
        """
        ...

    async def each(
        self, message: Incoming, opinion: Opinion, recipients: Sequence[Recipient]
    ) -> list[Opinion]:
        """Return what holds for each recipient, in order, of a message that is taken."""
        ...


class Inbound:
    """Takes mail at the MX."""

    def __init__(
        self,
        delivery: Deliveries,
        resolver: Resolver,
        screening: Screening,
        offload: Offload,
        clock: Clock,
        authserv_id: str,
        *,
        trusted_sealers: frozenset[str] = frozenset(),
    ) -> None:
        """Judge by what `resolver` says, and hand what passes to `delivery`.

        Args:
            delivery: where mail goes on to.
            resolver: asked for what domains publish.
            screening: looks for spam and malware.
            offload: where large bodies are hashed.
            clock: decides about expired signatures.
            authserv_id: by what name we sign our findings (RFC 8601 §2.5): the host's.
            trusted_sealers: domains whose word counts for mail that they forwarded (RFC 8617 §7.2).
        """
        self._delivery = delivery
        self._resolver = resolver
        self._screening = screening
        self._offload = offload
        self._clock = clock
        self._authserv_id = authserv_id
        self._trusted_sealers = trusted_sealers
        self.on_judged: Callable[[Verdict, Client, Policy], None] = _nobody
        """Told of each message that is not to come again, and what was done for its author."""
        self.tracer = Tracer(clock)

    async def is_local(self, domain: str) -> bool:
        """Say whether mail for `domain` is delivered here."""
        return await self._delivery.is_local(domain)

    async def takes(self, address: Address) -> bool:
        """Say whether mail for `address` is delivered here."""
        return await self._delivery.takes(address)

    async def recipient(self, address: Address) -> Recipient:
        """Find who gets mail for `address`; raises as `Delivery.recipient`."""
        return await self._delivery.recipient(address)

    async def deliver(
        self, message: Incoming, recipients: Sequence[Recipient]
    ) -> list[MailError | None]:
        """Judge the message, then deliver it; one outcome a recipient, None meaning durable.

        Raises:
            Refused: UNAUTHENTIC, UNWANTED.
            Transient: GREYLISTED, or a scanner does not answer.
        """
        if message.client is None:
            return await self._delivery.deliver(message, recipients)
        try:
            judged = await self._judged(message, message.client, recipients)
        except MailError as error:
            for each in recipients:
                self.tracer.arrived(message, each.account_id, each.address, error)
            raise
        own = await self._screening.each(judged, judged.opinion, recipients)
        outcomes: dict[int, MailError | None] = {}
        findings = [
            _findings(opinion, recipient)
            for opinion, recipient in zip(own, recipients, strict=True)
        ]
        for found in dict.fromkeys(findings):  # nearly always one
            theirs = [number for number, each in enumerate(findings) if each == found]
            group = [recipients[number] for number in theirs]
            try:
                delivered = await self._delivery.deliver(_marked(judged, *found), group)
            except MailError as error:  # others may have it already
                delivered = [error] * len(group)
            outcomes.update(zip(theirs, delivered, strict=True))
        return [outcomes[number] for number in range(len(recipients))]

    async def _judged(
        self, message: Incoming, client: Client, recipients: Sequence[Recipient]
    ) -> Incoming:
        """Authenticate and screen a message.

        Raises:
            Refused: UNAUTHENTIC, UNWANTED.
            Transient: GREYLISTED, or a scanner does not answer.
        """
        octets = _without_ours(
            authentication_results.strip(message.octets.reveal(), self._authserv_id)
        )
        verdict = await judge(
            self._resolver,
            message.octets.reveal(),
            client,
            message.sender,
            now=self._clock.now(),
            offload=self._offload,
        )
        policy = self._policy(verdict)
        if policy is Policy.REJECT:
            self.on_judged(verdict, client, policy)
            raise Refused(
                Condition.UNAUTHENTIC,
                f"The policy of {verdict.dmarc.author} does not allow this message (DMARC)",
            )
        marked = replace(
            message,
            octets=Plaintext(octets),
            findings=authentication_results.write(verdict, self._authserv_id),
            verdict=verdict,
        )
        opinion = await self._screening.look(marked, verdict, recipients)
        if opinion.advice is not Advice.DELAY:
            self.on_judged(verdict, client, policy)
        if policy is Policy.QUARANTINE:
            opinion = gravest([opinion, QUARANTINED])
        _admit(opinion)
        return replace(marked, opinion=opinion)

    def _policy(self, verdict: Verdict) -> Policy:
        """Return what to do for the author's domain, a trusted forwarder's word considered.

        Deviates: RFC 9989 §7.4 asks receivers not to refuse on `p=reject` alone, for the sake of
        mailing lists that break signatures. We refuse, for the domain asked for it, the sender is
        told, and a list that matters can be trusted by its seals.
        """
        chain = verdict.arc
        if chain.domain in self._trusted_sealers and _DMARC_PASS.search(chain.results[-1]):
            return Policy.NONE
        return verdict.policy


def _nobody(_verdict: Verdict, _client: Client, _applied: Policy) -> None:
    """Tell nobody."""


def _admit(opinion: Opinion) -> None:
    """Refuse or put off what is not to come in.

    Raises:
        Refused: UNWANTED.
        Transient: GREYLISTED.
    """
    if opinion.advice is Advice.REJECT:
        what = "malware" if opinion.malware else opinion.words() or "spam"
        raise Refused(Condition.UNWANTED, f"This message is not taken here: {what}")
    if opinion.advice is Advice.DELAY:
        raise Transient(Condition.GREYLISTED, "Not known here yet; send it again shortly")


def _findings(opinion: Opinion, recipient: Recipient) -> tuple[Opinion, bytes]:
    """Return what is thought of a message, and the fields that tell its reader in his words."""
    language = "" if recipient.holder is None else recipient.holder.language
    written = b""
    if opinion.advice is Advice.JUNK:
        written += fields.text(REASON_FIELD, opinion.words(language) or no_reason(language))
    notices = opinion.notices(language)
    if notices:
        written += fields.text(NOTICE_FIELD, notices)
    return opinion, written


def _marked(message: Incoming, opinion: Opinion, written: bytes) -> Incoming:
    """Write on a message what is thought of it."""
    return replace(message, opinion=opinion, findings=message.findings + written)


def _without_ours(octets: bytes) -> bytes:
    """Take out the fields that only we write."""
    end = header_only(octets).header_end
    header = octets[:end]
    kept = _OURS.sub(b"", header)
    return octets if kept == header else kept + octets[end:]
