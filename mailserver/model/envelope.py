"""What a message carries outside of itself from hop to hop: sender, recipients, what they asked.

Source: RFC 5321 §2.3.1, RFC 3461, RFC 4865, RFC 8689.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntFlag

from mailserver.model.address import Address


class Notify(IntFlag):
    """What the sender wants to hear of a recipient. Source: RFC 3461 §4.1.

    Nothing asked at all is None wherever this stands, and means: of failures, and of long delays.
    """

    NEVER = 0
    SUCCESS = 1
    FAILURE = 2
    DELAY = 4


DEFAULT_NOTIFY = Notify.FAILURE | Notify.DELAY
"""RFC 3461 §4.1: what holds where the sender said nothing."""


class Ret(Enum):
    """How much of the message a failure report returns. Source: RFC 3461 §4.3."""

    FULL = "FULL"
    HEADERS = "HDRS"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What one transaction says of the message as a whole."""

    sender: Address | None
    """The reverse-path; None is `<>`, to which nothing is ever reported."""
    ret: Ret | None = None
    envid: str = ""
    """ENVID, decoded (RFC 3461 §4.4); empty where the sender gave none."""
    require_tls: bool = False
    """REQUIRETLS: no hop without verified TLS (RFC 8689 §4.2)."""
    smtputf8: bool = False
    """SMTPUTF8 was said: addresses or header may be beyond ASCII (RFC 6531 §3.4)."""


@dataclass(frozen=True, slots=True)
class Onward:
    """One recipient of a message that goes on from here."""

    address: Address
    notify: Notify | None = None
    orcpt: str = ""
    """ORCPT, `type;address`, decoded (RFC 3461 §4.2); empty where the sender gave none."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client of a transaction asked beyond delivering."""

    ret: Ret | None = None
    envid: str = ""
    require_tls: bool = False
    smtputf8: bool = False
    hold_until: datetime | None = None
    """HOLDFOR or HOLDUNTIL: not sent before (RFC 4865)."""
    recipients: Sequence[Onward] = ()

    def envelope(self, sender: Address | None) -> Envelope:
        """Return the envelope with which the message goes on."""
        return Envelope(sender, self.ret, self.envid, self.require_tls, self.smtputf8)

    def of(self, address: Address) -> Onward:
        """Return what was asked for one recipient."""
        for asked in self.recipients:
            if asked.address == address:
                return asked
        return Onward(address)


NOTHING_ASKED = Asked()


@dataclass(frozen=True, slots=True)
class RemoteReply:
    """What became of an attempt, in the other server's words or in ours."""

    text: str
    """Its reply, without codes; or why there was none."""
    code: int = 0
    """RFC 5321 §4.2; 0 where no server answered."""
    status: str = ""
    """The enhanced status code, `5.1.1` (RFC 3463); empty where the server gave none."""
    host: str = ""
    """Who said it; empty where it is our own word."""
