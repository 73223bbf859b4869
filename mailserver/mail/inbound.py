"""Mail from other servers: authenticated, screened and marked, before it is delivered.

A message is refused while it is still its sender's, or delivered; nothing is dropped after the
`250` (PRIVACY §8). What was found is written on top of it, so that the reader's program and filters
can see it, and fields that only pretend to be ours are taken out.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from mailserver.mail.delivery import Delivery, Recipient
from mailserver.mail.incoming import Incoming
from mailserver.mailauth import authentication_results
from mailserver.mailauth.dmarc_record import Policy
from mailserver.mailauth.verdict import Verdict, judge
from mailserver.model.address import Address
from mailserver.model.client import Client
from mailserver.model.errors import Condition, MailError, Refused, Transient
from mailserver.model.sealed import Plaintext
from mailserver.protocol.mime.scan import header_only
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import Resolver
from mailserver.screening.opinion import Advice, Opinion, Reason, gravest

REASON_FIELD = b"X-Zegel-Junk-Reason"
"""Says in words why a message went to Junk; only we write it."""
LINE_CHARACTERS = 76
_REASON = re.compile(
    rb"^%b[ \t]*+:[^\n]*+\n(?:[ \t][^\n]*+\n)*+" % REASON_FIELD, re.IGNORECASE | re.MULTILINE
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
        """Return an opinion.

        Raises:
            Transient: a scanner that the settings demand does not answer.
        """
        ...


class Inbound:
    """Takes mail at the MX."""

    def __init__(
        self,
        delivery: Delivery,
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
        return await self._delivery.deliver(
            await self._judged(message, message.client, recipients), recipients
        )

    async def _judged(
        self, message: Incoming, client: Client, recipients: Sequence[Recipient]
    ) -> Incoming:
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
        if policy is Policy.QUARANTINE:
            opinion = gravest([opinion, QUARANTINED])
        return self._advised(marked, opinion)

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

    @staticmethod
    def _advised(message: Incoming, opinion: Opinion) -> Incoming:
        """Refuse, delay or mark a message.

        Raises:
            Refused: UNWANTED.
            Transient: GREYLISTED.
        """
        match opinion.advice:
            case Advice.REJECT:
                what = "malware" if opinion.malware else opinion.words() or "spam"
                raise Refused(Condition.UNWANTED, f"This message is not taken here: {what}")
            case Advice.DELAY:
                raise Transient(Condition.GREYLISTED, "Not known here yet; send it again shortly")
            case Advice.JUNK:
                findings = message.findings + _reason_field(opinion)
                return replace(message, opinion=opinion, findings=findings)
            case Advice.ACCEPT:
                return replace(message, opinion=opinion)


def _without_ours(octets: bytes) -> bytes:
    """Take out the fields that only we write."""
    end = header_only(octets).header_end
    header = octets[:end]
    kept = _REASON.sub(b"", header)
    return octets if kept == header else kept + octets[end:]


def _reason_field(opinion: Opinion) -> bytes:
    """Write why a message goes to Junk."""
    words = (opinion.words() or "it looks like spam").encode("ascii", "replace").split()
    lines, line = [], REASON_FIELD + b":"
    for word in words:
        if len(line) + 1 + len(word) > LINE_CHARACTERS:
            lines.append(line)
            line = b""
        line += b" " + word
    return b"\r\n".join([*lines, line]) + b"\r\n"
