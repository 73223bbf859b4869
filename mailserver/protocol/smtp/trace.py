"""Trace fields: the Received field that each hop adds on top of a message (RFC 5321 §4.4)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from mailserver.model.address import Address

MAX_HOPS = 100
"""RFC 5321 §6.3: a message with more Received fields than this runs in a circle."""

_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


@dataclass(frozen=True, slots=True)
class Hop:
    """What we know of the client that sent a message."""

    helo: str
    """The name it gave itself, as `command.parse_helo` let it pass."""
    ip: str
    """Its address; empty on a local socket."""
    protocol: str
    """ESMTP, ESMTPS, LMTP and their kin: the registry of RFC 3848 and RFC 6531 §4.3."""


def protocol_name(*, lmtp: bool, extended: bool, utf8: bool, tls: bool, signed_in: bool) -> str:
    """Name the way a message came, for `with`. Source: RFC 3848, RFC 6531 §4.3."""
    if lmtp or utf8:
        name = ("UTF8" if utf8 else "") + ("LMTP" if lmtp else "SMTP")
    else:
        name = "ESMTP" if extended else "SMTP"
    if name == "SMTP":
        return name  # HELO knows neither STARTTLS nor AUTH
    return name + ("S" if tls else "") + ("A" if signed_in else "")


def date_time(at: datetime) -> str:
    """Write `at` as RFC 5322 §3.3 does, in UTC: our time zone is nobody's business."""
    return local_date_time(at.astimezone(UTC))


def local_date_time(at: datetime) -> str:
    """Write `at` as RFC 5322 §3.3 does, in its own zone: its author's, who says so."""
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04}"
        f" {at.hour:02}:{at.minute:02}:{at.second:02} {at:%z}"
    )


@lru_cache(maxsize=256)  # a client that sends one message sends more
def _literal(ip: str) -> str:
    address = ip_address(ip.partition("%")[0])
    return f"[IPv6:{address}]" if isinstance(address, IPv6Address) else f"[{address}]"


def received(hop: Hop, *, by: str, token: str, recipient: Address | None, at: datetime) -> bytes:
    """Write the Received field for a message from another server, with its last CRLF.

    Args:
        hop: who sent it and how.
        by: our host name.
        token: what the log and the reply call this transaction.
        recipient: the recipient where there is only one; several would tell each of the others.
        at: the instant of receipt.

    Source: RFC 5321 §4.4.
    """
    client = f"{hop.helo} ({_literal(hop.ip)})" if hop.ip else hop.helo
    for_ = f"\r\n\tfor <{recipient}>" if recipient is not None else ""
    return (
        f"Received: from {client}\r\n\tby {by} with {hop.protocol} id {token}{for_};\r\n"
        f"\t{date_time(at)}\r\n"
    ).encode()


def received_from_user(protocol: str, *, token: str, at: datetime) -> bytes:
    """Write the Received field for a message that a user of ours submitted.

    Deviates: RFC 5321 §4.4 names the client and the server; where somebody sat when writing is
    not for the recipients to know (PRIVACY §7), so only the token leads back, and only here.
    """
    return f"Received: with {protocol} id {token}; {date_time(at)}\r\n".encode()


def hops(message: bytes) -> int:
    """Count the Received fields on top of `message`."""
    end = message.find(b"\r\n\r\n")
    return len(_RECEIVED.findall(message, 0, len(message) if end < 0 else end))
