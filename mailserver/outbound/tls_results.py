"""What became of TLS with a mail host: values from which TLS-RPT reports are made.

Source: RFC 8460 §4.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class PolicyType(Enum):
    """Whose word was followed. Source: RFC 8460 §4.2."""

    TLSA = "tlsa"
    STS = "sts"
    NONE = "no-policy-found"


@dataclass(frozen=True, slots=True)
class Applied:
    """The policy that a session was held to."""

    kind: PolicyType = PolicyType.NONE
    text: tuple[str, ...] = ()
    """The policy's lines, or the TLSA records."""
    hosts: tuple[str, ...] = ()
    """The mail hosts that an MTA-STS policy names."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One session, or one that did not come about."""

    domain: str
    """The recipients' domain, whose operators may ask for a report."""
    policy: Applied
    mx: str
    """The host; empty where it never came to one."""
    ip: str
    """Its address; empty likewise."""
    result: str = ""
    """A result type of RFC 8460 §4.3; empty for success."""
    reason: str = ""
    """What OpenSSL says of a failure; no address and no name."""

    @property
    def success(self) -> bool:
        """Whether the session was what the policy wants."""
        return not self.result


Observe = Callable[[Observation], None]
"""Takes an observation; it must return at once."""


def ignore(observation: Observation) -> None:
    """Keep nothing of it: where nobody makes reports."""
