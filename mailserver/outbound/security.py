"""What TLS a mail host must offer us before it is given a message.

Order of policies (PRIVACY §7): REQUIRETLS, the operator's table, DANE, MTA-STS, and where nobody
asks for anything TLS if it can be had. A policy that asks and fails means that mail waits: no
weaker one takes its place, and plaintext never.
"""

from dataclasses import dataclass, field
from enum import Enum, auto

from mailserver.mailauth.dane import Keys
from mailserver.model.sealed import Plaintext
from mailserver.outbound.tls_results import Applied


class Level(Enum):
    """How much TLS there must be."""

    OPPORTUNISTIC = auto()
    """TLS if it can be had, with whatever certificate; else none. Source: RFC 7435."""
    ENCRYPTED = auto()
    """TLS with whatever certificate. Source: RFC 7672 §2.2, none of the records can be used."""
    VERIFIED = auto()
    """TLS with a certificate for one of `names` from an authority."""
    DANE = auto()
    """TLS with a certificate that matches `keys`."""


@dataclass(frozen=True, slots=True)
class Security:
    """What one host must show; equal ones may share connections."""

    level: Level = Level.OPPORTUNISTIC
    names: tuple[str, ...] = ()
    """For VERIFIED; none of its own means the host's name."""
    keys: Keys = field(default_factory=Keys)
    """For DANE."""
    is_trial: bool = False
    """A policy in testing: what fails is reported, and mail goes on as if nobody asked."""
    applied: Applied = field(default_factory=Applied)
    """Whose policy it is."""
    least: Level = Level.OPPORTUNISTIC
    """What must be there even where a policy in testing fails."""

    @property
    def allows_plaintext(self) -> bool:
        """Whether mail may go on without TLS."""
        return (self.least if self.is_trial else self.level) is Level.OPPORTUNISTIC

    @property
    def without_trial(self) -> "Security":
        """What holds once a policy in testing has failed."""
        return Security(self.least, applied=self.applied) if self.is_trial else self


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who we are to a smart host."""

    user: str
    password: Plaintext


@dataclass(frozen=True, slots=True)
class Host:
    """A server to try, and what it must show."""

    name: str
    """As its certificate would say; an IP address only where the operator wrote one."""
    addresses: tuple[str, ...]
    """IP addresses in the order to try them."""
    port: int
    security: Security
    implicit_tls: bool = False
    sign_in: SignIn | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Where mail for a domain goes: hosts in the order to try them, never none."""

    domain: str
    hosts: tuple[Host, ...]
