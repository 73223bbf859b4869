"""The header of a message that one of our users submits (RFC 6409 §8, PRIVACY §7).

What tells where and with what somebody wrote is taken out, what a message must have is put in, and
nobody's name but the sender's own stands in From. Everything else stays as it was sent, octet for
octet: it may be signed.
"""

import re
from collections.abc import Callable
from datetime import datetime

from mailserver.model.address import Address
from mailserver.model.errors import Condition, PeerFault, Refused
from mailserver.protocol.mime.addresses import Mailbox, addresses
from mailserver.protocol.mime.headers import Field, header_fields, unfold
from mailserver.protocol.smtp.trace import date_time

DROPPED = frozenset(
    {
        b"bcc",
        b"resent-bcc",
        b"received",  # a client's own relay would say where it stands
        b"return-path",  # RFC 5321 §4.4: final delivery writes it
        b"user-agent",
        b"x-mailer",
        b"x-originating-ip",
    }
)

# Quoted strings, then comments from the inside out: neither has a say in who the sender is.
_QUOTED = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_COMMENT_DEPTH = 8  # each level is a pass over the field
_COMMENT = re.compile(rb"\((?:[^()\\]|\\.)*+\)", re.DOTALL)


def prepare_submission(
    message: bytes,
    sender: Address,
    owns: Callable[[Address], bool],
    *,
    now: datetime,
    token: str,
) -> bytes:
    """Return `message` with its header in order.

    Args:
        message: as it was sent, lines ending in CRLF.
        sender: whose Message-ID domain is used where From has none of its own.
        owns: says whether an address is the submitter's.
        now: for a missing Date.
        token: random; the left side of a missing Message-ID. It must not be the trace token.

    Raises:
        Refused: SENDER_NOT_YOURS, From or Sender has an address that is somebody else's.
        PeerFault: BAD_MESSAGE, the header cannot be read, or From is missing, twice or empty.

    Source: RFC 6409 §6.1, §8.2, §8.3; RFC 5322 §3.6.
    """
    block, rest = _split(message)
    fields = header_fields(block)
    if sum(len(whole) for _, _, whole in fields) != len(block):
        raise PeerFault(Condition.BAD_MESSAGE, "A line of the header is no header field")
    named = {name for name, _, _ in fields}
    authors = _authors(fields)
    for address in authors + _addresses_in(fields, b"sender"):
        if not owns(address):
            raise Refused(Condition.SENDER_NOT_YOURS, "From names an address that is not yours")
    added = []
    if b"date" not in named:
        added.append(f"Date: {date_time(now)}\r\n".encode())
    if b"message-id" not in named:
        domain = authors[0].domain if authors else sender.domain
        added.append(f"Message-ID: <{token}@{domain}>\r\n".encode())
    kept = (whole for name, _, whole in fields if name not in DROPPED)
    return b"".join((*added, *kept, rest))


def _split(message: bytes) -> tuple[bytes, bytes]:
    """Return the header block and what follows it, beginning with the empty line."""
    if message.startswith(b"\r\n"):
        return b"", message
    end = message.find(b"\r\n\r\n")
    if end < 0:
        return message, b"\r\n"
    return message[: end + 2], message[end + 2 :]


def _authors(fields: list[Field]) -> list[Address]:
    if sum(name == b"from" for name, _, _ in fields) != 1:
        # Two of them are a way to show one to us and another to the reader.
        raise PeerFault(Condition.BAD_MESSAGE, "The header must have one From field")
    found = _addresses_in(fields, b"from")
    if not found:
        raise PeerFault(Condition.BAD_MESSAGE, "From names nobody")
    return found


def _addresses_in(fields: list[Field], wanted: bytes) -> list[Address]:
    """Read every address in the fields called `wanted`.

    Raises:
        PeerFault: BAD_MESSAGE, another reader might see other addresses there than we do.
    """
    found: list[Address] = []
    for name, value, _ in fields:
        if name != wanted:
            continue
        unfolded = unfold(value)
        mailboxes = addresses(unfolded)
        bare = _QUOTED.sub(b"", unfolded)
        for _ in range(_COMMENT_DEPTH):
            bare = _COMMENT.sub(b"", bare)
        if b"(" in bare or bare.count(b"@") != len(mailboxes) or bare.count(b"<") > len(mailboxes):
            raise PeerFault(Condition.BAD_MESSAGE, "From is not a plain list of addresses")
        for mailbox in mailboxes:
            found.append(_address(mailbox))
    return found


def _address(mailbox: Mailbox) -> Address:
    local = (mailbox.local or b"").replace(b"\\", rb"\\").replace(b'"', rb"\"")
    try:
        if not local:
            raise PeerFault(Condition.BAD_ADDRESS)
        return Address.parse((b'"%b"@%b' % (local, mailbox.domain or b"")).decode())
    except (UnicodeDecodeError, PeerFault) as error:
        raise PeerFault(Condition.BAD_MESSAGE, "From has a malformed address") from error
