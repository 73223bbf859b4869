"""What a service of ours offers, demands and bears; frozen once the listener is open."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from mailserver.protocol.smtp.data import ContentLimits
from mailserver.runtime.settings import Limits


class Service(Enum):
    """Which of the three a listener is."""

    MX = "mx"
    """Mail from other servers, for us. Source: RFC 5321."""
    SUBMISSION = "submission"
    """Mail from our users: signed in, inside TLS. Source: RFC 6409, RFC 8314."""
    LMTP = "lmtp"
    """Mail from this machine, one reply a recipient. Source: RFC 2033."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Bounds of one listener. Counts are per connection; seconds are the longest wait."""

    service: Service
    hostname: str
    content: ContentLimits = field(default_factory=ContentLimits)
    recipients: int = 1_000
    messages: int = 1_000
    command_seconds: float = 300.0  # RFC 5321 §4.5.3.2.7
    data_seconds: float = 600.0
    """A message may take this long whatever its size, and longer while octets keep coming."""
    data_idle_seconds: float = 180.0  # RFC 5321 §4.5.3.2.5
    data_octets_per_second: int = 8_192
    """Each so many octets received buy a message one more second."""
    delivery_seconds: float = 300.0  # senders wait 600 for the 250: RFC 5321 §4.5.3.2.6
    tls_seconds: float = 15.0
    errors: int = 20
    """Commands we could not take, since the last message we took."""
    refused_recipients: int = 100
    """Separate from `errors`: an old mailing list is no attack, a harvest of names is."""
    failed_sign_ins: int = 5
    relaying: bool = False
    """Mail and reports can leave this server, so that DSN and REQUIRETLS may be promised."""
    hold: timedelta | None = None
    """For how long FUTURERELEASE may hold mail back (RFC 4865); None: it is not offered."""

    @classmethod
    def of(
        cls,
        service: Service,
        hostname: str,
        limits: Limits,
        *,
        relaying: bool = False,
        hold: timedelta | None = None,
    ) -> "Policy":
        """Take the bounds from the settings; mail is held back by submission alone."""
        return cls(
            service=service,
            hostname=hostname,
            content=ContentLimits(
                message_octets=limits.message_octets, header_octets=limits.header_block_octets
            ),
            recipients=limits.recipients,
            messages=limits.messages_per_connection,
            command_seconds=limits.smtp_command_seconds,
            relaying=relaying,
            hold=hold if relaying and service is Service.SUBMISSION else None,
        )

    @property
    def greeting(self) -> str:
        """The text of the 220; it names no product version."""
        protocol = "LMTP" if self.service is Service.LMTP else "ESMTP"
        return f"{self.hostname} {protocol} Zegel"

    @property
    def drain_octets(self) -> int:
        """How much of a refused message is read before we hang up rather than listen on."""
        return 2 * self.content.message_octets
