"""The client's half of SMTP (RFC 5321): replies, extensions, commands and content.

Nothing here waits or opens anything: `outbound/client.py` moves the octets. What leaves is checked
where it is written: no command holds a control character, and no message a bare CR or LF, so that
no server can be made to see a second command or a second message in what we send.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

from mailserver.model.envelope import Envelope, Notify, Onward, RemoteReply
from mailserver.model.errors import Condition, PeerFault

REPLY_LINE_OCTETS = 4_096
"""RFC 5321 §4.5.3.1.5 says 512; some servers write essays."""
REPLY_OCTETS = 64 << 10  # a reply of many lines, EHLO's above all

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_STATUS = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?:\s|\Z)")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\n]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:\[\]_-]*\Z|\[[A-Za-z0-9.:]+\]\Z")
# RFC 3461 §4: what xtext writes as it is.
_XTEXT = re.compile(r"[^!-*,-<>-~]")


def own_word(status: str, text: str) -> RemoteReply:
    """Say something where no server did: the class of `status` says whether to try again."""
    return RemoteReply(_UNPRINTABLE.sub("?", text), status=status)


def is_positive(said: RemoteReply) -> bool:
    """Say whether it was done (2yz), or may go on (3yz). Source: RFC 5321 §4.2.1."""
    return 200 <= said.code < 400


def is_permanent(said: RemoteReply) -> bool:
    """Say whether trying again will not help (5yz); the code decides where there is one."""
    return said.code >= 500 if said.code else said.status.startswith("5")


class ReplyReader:
    """Reads replies off the wire."""

    __slots__ = ("_buffer", "_code", "_lines", "_octets")

    def __init__(self) -> None:
        """Start at the beginning of a reply."""
        self._buffer = b""
        self._lines: list[str] = []
        self._code = 0
        self._octets = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing of a next reply has come."""
        return not self._buffer and not self._lines

    def feed(self, octets: bytes) -> list[RemoteReply]:
        """Take `octets`; return the replies that they finish.

        A line may end in a bare LF: some servers write so, and what we read as a line decides
        nothing but what we say next.

        Raises:
            PeerFault: BAD_SYNTAX, this is not SMTP, or has no end.
        """
        whole = (self._buffer + octets).split(b"\n")
        self._buffer = whole.pop()
        if len(self._buffer) > REPLY_LINE_OCTETS:
            raise PeerFault(Condition.BAD_SYNTAX, "the server's reply has no end")
        done = []
        for line in whole:
            finished = self._line(line.removesuffix(b"\r"))
            if finished is not None:
                done.append(finished)
        return done

    def _line(self, line: bytes) -> RemoteReply | None:
        match = _LINE.fullmatch(line)
        self._octets += len(line)
        if match is None or self._octets > REPLY_OCTETS or len(line) > REPLY_LINE_OCTETS:
            raise PeerFault(Condition.BAD_SYNTAX, "the server does not speak SMTP")
        code = int(match[1])
        if self._lines and code != self._code:
            raise PeerFault(Condition.BAD_SYNTAX, "the server's reply has two codes")
        self._code = code
        self._lines.append((match[3] or b"").decode("utf-8", "replace"))
        if match[2] == b"-":
            return None
        lines, self._lines, self._octets = self._lines, [], 0
        return _joined(code, lines)


def _joined(code: int, lines: Sequence[str]) -> RemoteReply:
    status, kept = "", []
    for line in lines:
        match = _STATUS.match(line)
        if match is not None and match[1] == str(code // 100):
            status = status or match[0].strip()
            line = line[match.end() :]
        kept.append(_UNPRINTABLE.sub("?", line))
    return RemoteReply("\n".join(kept), code, status)


@dataclass(frozen=True, slots=True)
class Extensions:
    """What EHLO offered; empty after HELO. Source: RFC 5321 §4.1.1.1."""

    greeted_by: str = ""
    """The name the server gave itself, in lower case."""
    keywords: dict[str, str] = field(default_factory=dict)
    """Capital keyword to its parameters."""

    @classmethod
    def of(cls, said: RemoteReply) -> "Extensions":
        """Read the reply to EHLO or HELO."""
        first, *lines = said.text.split("\n")
        words = (line.strip().partition(" ") for line in lines)
        keywords = {keyword.upper(): rest.strip() for keyword, _, rest in words if keyword}
        return cls(first.strip().partition(" ")[0].lower().rstrip("."), keywords)

    def __contains__(self, keyword: str) -> bool:
        """Say whether `keyword` is offered."""
        return keyword in self.keywords

    @property
    def size_octets(self) -> int:
        """The largest message it takes; 0 where it does not say. Source: RFC 1870 §3."""
        size = self.keywords.get("SIZE", "").partition(" ")[0]
        return int(size) if size.isascii() and size.isdigit() and len(size) < 20 else 0

    @property
    def mechanisms(self) -> frozenset[str]:
        """How one may sign in. Source: RFC 4954 §3."""
        return frozenset(self.keywords.get("AUTH", "").upper().split())


@dataclass(frozen=True, slots=True)
class Needs:
    """What a message needs of the server that is given it."""

    octets: int
    eight_bit: bool
    """It has octets above 127. Source: RFC 6152."""
    utf8: bool
    """Its sender said SMTPUTF8, or an address is beyond ASCII. Source: RFC 6531 §3.4."""
    require_tls: bool
    """Source: RFC 8689 §4.2."""

    @classmethod
    def of(cls, envelope: Envelope, recipients: Sequence[Onward], message: bytes) -> "Needs":
        """Look at a message and its envelope."""
        eight_bit = not message.isascii()
        addresses = [str(envelope.sender or ""), *(str(each.address) for each in recipients)]
        utf8 = envelope.smtputf8 or not all(each.isascii() for each in addresses)
        return cls(len(message), eight_bit, utf8, envelope.require_tls)

    def unmet(self, extensions: Extensions) -> RemoteReply | None:
        """Say why this server cannot be given the message; None if it can."""
        if self.require_tls and "REQUIRETLS" not in extensions:
            return own_word("5.7.30", "The server does not support REQUIRETLS")
        if 0 < extensions.size_octets < self.octets:
            return own_word("5.3.4", "The message is larger than the server takes")
        if self.utf8 and "SMTPUTF8" not in extensions:
            return own_word("5.6.7", "The server does not support mail beyond ASCII")
        if self.eight_bit and "8BITMIME" not in extensions:
            # RFC 6152 §3: convert or refuse; a converted message no longer fits its signatures.
            return own_word("5.6.3", "The server takes 7-bit messages only")
        return None


def hello(verb: str, hostname: str) -> bytes:
    """Write EHLO, HELO or LHLO.

    Raises:
        ValueError: `hostname` is no name to give.
    """
    if not _NAME.match(hostname):
        raise ValueError("this is not a host name")
    return f"{verb} {hostname}\r\n".encode("ascii")


def mail_from(envelope: Envelope, needs: Needs, extensions: Extensions) -> bytes:
    """Write MAIL with those parameters that the server knows.

    Raises:
        PeerFault: BAD_ADDRESS, the sender cannot be written into a command.
    """
    words = [f"MAIL FROM:<{envelope.sender or ''}>"]
    if "SIZE" in extensions:
        words.append(f"SIZE={needs.octets}")
    if needs.eight_bit and "8BITMIME" in extensions:
        words.append("BODY=8BITMIME")
    if needs.utf8 and "SMTPUTF8" in extensions:
        words.append("SMTPUTF8")
    if envelope.require_tls:
        words.append("REQUIRETLS")
    if "DSN" in extensions:
        if envelope.ret is not None:
            words.append(f"RET={envelope.ret.value}")
        if envelope.envid:
            words.append(f"ENVID={xtext(envelope.envid)}")
    return _command(words)


def rcpt_to(recipient: Onward, extensions: Extensions) -> bytes:
    """Write RCPT with those parameters that the server knows.

    Raises:
        PeerFault: BAD_ADDRESS, the recipient cannot be written into a command.

    Source: RFC 5321 §4.1.1.3, RFC 3461 §4.1, §4.2.
    """
    words = [f"RCPT TO:<{recipient.address}>"]
    if "DSN" in extensions:
        if recipient.notify is not None:
            wanted = [each.name for each in Notify if each in recipient.notify and each.name]
            words.append("NOTIFY=" + (",".join(wanted) or "NEVER"))
        if recipient.orcpt:
            kind, _, address = recipient.orcpt.partition(";")
            words.append(f"ORCPT={kind};{xtext(address)}")
    return _command(words)


def xtext(text: str) -> str:
    """Write `text` as xtext; what ASCII does not have becomes `+3F`. Source: RFC 3461 §4."""
    return _XTEXT.sub(lambda match: f"+{min(ord(match[0]), 128) % 128 or 0x3F:02X}", text)


def auth_plain(user: str, password: str) -> bytes:
    """Write AUTH PLAIN with its initial response. Source: RFC 4616, RFC 4954 §4."""
    return b"AUTH PLAIN " + b64encode(f"\0{user}\0{password}".encode()) + b"\r\n"


def auth_login(user: str, password: str) -> tuple[bytes, bytes, bytes]:
    """Write AUTH LOGIN and its two answers, for servers that know no PLAIN."""
    return (
        b"AUTH LOGIN\r\n",
        b64encode(user.encode()) + b"\r\n",
        b64encode(password.encode()) + b"\r\n",
    )


def content(message: bytes) -> bytes:
    """Write what follows DATA: dots doubled, CRLF.CRLF at its end.

    Raises:
        PeerFault: BAD_MESSAGE, it has a bare CR or LF, or a NUL: two servers could see two
            different messages in it (RFC 5321 §2.3.8, PRIVACY §7).
    """
    lines = message.count(b"\r\n")
    if lines != message.count(b"\n") or lines != message.count(b"\r") or b"\0" in message:
        raise PeerFault(Condition.BAD_MESSAGE, "the message has a bare CR or LF, or a NUL")
    stuffed = message.replace(b"\r\n.", b"\r\n..")
    first = b"." if stuffed.startswith(b".") else b""
    end = b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"
    return b"".join((first, stuffed, end))


def _command(words: Sequence[str]) -> bytes:
    line = " ".join(words)
    if _CONTROL.search(line):
        raise PeerFault(Condition.BAD_ADDRESS, "an address has a control character")
    try:
        return line.encode() + b"\r\n"
    except UnicodeEncodeError as error:
        raise PeerFault(Condition.BAD_ADDRESS, "an address is no Unicode text") from error
