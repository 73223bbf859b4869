"""A command line as verb and argument; the paths and parameters of MAIL and RCPT (RFC 5321 §4.1).

One regular expression a line: the grammar is regular but for the address, which `model.address`
reads, and a general mail-header parser costs a hundred times as much on this path.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from mailserver.model.address import LOCAL_PART_OCTETS, Address
from mailserver.model.envelope import Onward, Ret
from mailserver.model.errors import Condition, PeerFault
from mailserver.protocol.smtp.codes import Code, Detail
from mailserver.protocol.smtp.parameters import (
    NOTHING,
    MailExtras,
    Offers,
    malformed,
    rcpt_extras,
)
from mailserver.protocol.smtp.reply import rejection

COMMAND_OCTETS = 2_048
"""RFC 5321 §4.5.3.1.4 asks for 512, SIZE (RFC 1870), AUTH (RFC 4954) and SMTPUTF8 for more."""
AUTH_OCTETS = 12_288  # RFC 4954 §4

# A control character makes the whole line fail: a bare CR or LF can then hide no second command.
_COMMAND = re.compile(rb"([A-Za-z]{1,16})(?: +([^\x00-\x1f\x7f]*?))? *", re.DOTALL)
# Possessive throughout: a line of quotes and backslashes is read once, whatever it is.
_PATH = re.compile(
    r' *+<(?:@[^:<>"]*+:)?+((?:"(?:[^"\\]|\\.)*+"|[^"<>])*+)>(?: ++(.*))?', re.DOTALL
)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\x80-\U0010FFFF]+))?")
_HELO = re.compile(r"[A-Za-z0-9_.-]{1,255}|\[[A-Za-z0-9:.]{1,64}\]")


def parse_command(line: bytes) -> tuple[str, str]:
    """Split `line` (without CRLF) into its verb, in capitals, and its argument, empty where none.

    Raises:
        Rejection: it is no command: control characters, a bare CR or LF, octets that are not UTF-8.
    """
    match = _COMMAND.fullmatch(line)
    if match is None:
        raise rejection(Code.SYNTAX_ERROR, Detail.SYNTAX, "This is not a command")
    verb, argument = match.groups()
    try:
        return verb.decode("ascii").upper(), "" if argument is None else argument.decode()
    except UnicodeDecodeError as error:
        raise rejection(Code.SYNTAX_ERROR, Detail.SYNTAX, "Commands are UTF-8") from error


def parse_helo(argument: str) -> str:
    """Return the name a client gives itself: a domain or an address literal.

    Names that DNS would not allow are taken if they are plain text (`my_pc`): RFC 5321 §4.1.4 says
    not to refuse mail over them. Anything that could upset a Received field is refused.

    Raises:
        Rejection: there is no name, or it is none.
    """
    if not _HELO.fullmatch(argument):
        raise rejection(Code.ARGUMENT_ERROR, Detail.INVALID_ARGUMENTS, "A host name is needed")
    return argument


@dataclass(frozen=True, slots=True)
class MailFrom:
    """What MAIL says (RFC 5321 §4.1.1.2): the reverse-path, None for `<>`, and its parameters."""

    sender: Address | None
    size_octets: int | None
    """What SIZE announced (RFC 1870 §4); a claim."""
    smtputf8: bool
    ret: Ret | None = None
    """How much of the message a report returns (RFC 3461 §4.3)."""
    envid: str = ""
    """ENVID, decoded (RFC 3461 §4.4)."""
    require_tls: bool = False
    """REQUIRETLS (RFC 8689 §4.2)."""
    hold: timedelta | datetime | None = None
    """HOLDFOR or HOLDUNTIL (RFC 4865 §4)."""


def _path(argument: str, keyword: str) -> tuple[str, str]:
    """Split `FROM:<path> parameters` into the path's address and the parameters."""
    colon = len(keyword)
    match = _PATH.fullmatch(argument, colon) if argument[:colon].upper() == keyword else None
    if match is None:
        raise rejection(
            Code.ARGUMENT_ERROR, Detail.INVALID_ARGUMENTS, f"Syntax: {keyword}<address>"
        )
    return match[1], match[2] or ""


def _parameters(text: str) -> dict[str, str]:
    """Read ESMTP parameters; a keyword without a value has the empty one."""
    parameters: dict[str, str] = {}
    for word in text.split():
        match = _PARAMETER.fullmatch(word)
        if match is None or match[1].upper() in parameters:
            raise rejection(Code.ARGUMENT_ERROR, Detail.INVALID_ARGUMENTS, "Malformed parameter")
        parameters[match[1].upper()] = match[2] or ""
    return parameters


def _address(text: str) -> Address:
    """Read a mailbox, whose domain may be an address literal (RFC 5321 §4.1.3).

    Raises:
        PeerFault: BAD_ADDRESS.
    """
    if not text.endswith("]"):
        return Address.parse(text)
    local, _, literal = text.rpartition("@[")
    host = literal[:-1].lower()
    try:
        if host.startswith("ipv6:"):
            IPv6Address(host[5:])
        else:
            IPv4Address(host)
    except AddressValueError as error:
        raise PeerFault(Condition.BAD_ADDRESS, "this is not a mail address") from error
    if not local or len(local.encode("utf-8")) > LOCAL_PART_OCTETS:
        raise PeerFault(Condition.BAD_ADDRESS, "this is not a mail address")
    # The local part is read as if it stood before a name; the literal is never a domain of ours.
    return Address(Address.parse(f"{local}@literal.invalid").local, f"[{host}]")


def parse_mail(argument: str, offers: Offers = NOTHING) -> MailFrom:
    """Read the argument of MAIL where EHLO made these `offers`.

    Raises:
        Rejection: its grammar or a parameter is not ours.
        PeerFault: BAD_ADDRESS.
    """
    path, rest = _path(argument, "FROM:")
    size: int | None = None
    smtputf8 = False
    extras = MailExtras()
    for keyword, value in _parameters(rest).items():
        if not value.isascii():
            raise malformed(keyword)
        if keyword == "SIZE" and value.isdigit() and len(value) <= 20:
            size = int(value)
        elif keyword == "BODY" and value.upper() in ("7BIT", "8BITMIME"):
            pass  # both are stored as they come (RFC 6152); BINARYMIME is not offered
        elif keyword == "SMTPUTF8" and not value:
            smtputf8 = True
        elif keyword == "AUTH" and value:
            pass  # RFC 4954 §5: must be understood; we trust nobody's claim, so it says nothing
        elif keyword in ("SIZE", "BODY", "SMTPUTF8", "AUTH"):
            raise malformed(keyword)
        else:
            extras.take(keyword, value, offers)
    if not smtputf8 and not path.isascii():
        raise rejection(
            Code.REFUSED, Detail.NON_ASCII_ADDRESS, "An address beyond ASCII needs SMTPUTF8"
        )
    sender = _address(path) if path else None
    return MailFrom(
        sender, size, smtputf8, extras.ret, extras.envid, extras.require_tls, extras.hold
    )


def parse_rcpt(
    argument: str, *, smtputf8: bool, postmaster_domain: str, offers: Offers = NOTHING
) -> Onward:
    """Read the argument of RCPT; `<postmaster>` alone is the one at `postmaster_domain`.

    Raises:
        Rejection: its grammar or a parameter is not ours.
        PeerFault: BAD_ADDRESS.

    Source: RFC 5321 §4.1.1.3 and §4.5.1, RFC 6531 §3.5, RFC 3461 §4.1 and §4.2.
    """
    path, rest = _path(argument, "TO:")
    notify, orcpt = rcpt_extras(_parameters(rest), offers)
    if not smtputf8 and not (path.isascii() and rest.isascii()):
        raise rejection(
            Code.NAME_NOT_ALLOWED,
            Detail.NON_ASCII_ADDRESS,
            "An address beyond ASCII needs SMTPUTF8",
        )
    if path.lower() == "postmaster":
        return Onward(Address("postmaster", postmaster_domain), notify, orcpt)
    return Onward(_address(path), notify, orcpt)


def parse_bdat(argument: str) -> tuple[int, bool]:
    """Read BDAT's chunk size in octets and whether it is the last chunk.

    Raises:
        Rejection: it cannot be read, so nobody knows where the next command starts.

    Source: RFC 3030 §2.
    """
    size, _, last = argument.partition(" ")
    if not (size.isascii() and size.isdigit() and len(size) <= 20) or last.upper() not in (
        "",
        "LAST",
    ):
        raise rejection(Code.ARGUMENT_ERROR, Detail.INVALID_ARGUMENTS, "Syntax: size [LAST]")
    return int(size), bool(last)
