"""A message on its way in, and what has been found out about it."""

from dataclasses import dataclass, field

from mailserver.mailauth.dmarc import DmarcResult
from mailserver.mailauth.spf import SpfResult
from mailserver.mailauth.verdict import Verdict
from mailserver.model.address import Address
from mailserver.model.client import Client
from mailserver.model.envelope import NOTHING_ASKED, Asked
from mailserver.model.sealed import Plaintext
from mailserver.screening.opinion import GOOD, Advice, Opinion

SPAM_CERTAIN = 15.0  # points at which spam is as certain as `spamtest` can say


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
    client: Client | None = None
    """Who handed it to us; None where it began here."""
    submitted: bool = False
    """An account of ours sent it, which may use its reverse-path."""
    findings: bytes = b""
    """Finished header fields that say what was found: Authentication-Results, the junk reason."""
    verdict: Verdict | None = None
    """What authentication found; None where nobody asked."""
    opinion: Opinion = field(default=GOOD)
    """What screening thinks of it."""

    def with_trace(self) -> bytes:
        """Return the octets that are stored."""
        top = b""
        if self.return_path:
            path = str(self.sender) if self.sender else ""
            top = b"Return-Path: <" + path.encode() + b">\r\n"
        return b"".join((top, self.findings, self.received, self.octets.reveal()))

    @property
    def is_junk(self) -> bool:
        """Whether it goes to Junk unless its reader's filters say otherwise."""
        return self.opinion.advice is not Advice.ACCEPT

    @property
    def is_sender_forged(self) -> bool:
        """Whether the reverse-path's domain says that it is not its own.

        What answers such mail by itself writes to somebody who sent nothing (RFC 7208 §8.4, §8.5).
        """
        verdict, sender = self.verdict, self.sender
        if verdict is None or sender is None:
            return False
        # Sent on by others, it has a signature of its own domain; one of another's says nothing.
        ours = verdict.dmarc.domain or verdict.dmarc.author
        is_theirs = f".{sender.domain}".endswith(f".{ours}")
        if verdict.dmarc.result is DmarcResult.PASS and is_theirs:
            return False
        return verdict.spf.result in (SpfResult.FAIL, SpfResult.SOFTFAIL)

    @property
    def spam_percent(self) -> int | None:
        """How likely it is spam (RFC 5235 §2.1); None where nobody looked."""
        if self.opinion is GOOD:
            return None
        return round(100 * min(max(self.opinion.points / SPAM_CERTAIN, 0.0), 1.0))
