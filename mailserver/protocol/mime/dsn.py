"""Delivery status notifications: what became of a message, for its sender and his program.

A report has three parts: words for people (`dsn_text`), fields for programs, and the message it
is about or its header. It goes to the reverse-path with an empty one of its own, so that nothing
is ever reported about a report.

    multipart/report; report-type=delivery-status
      text/plain                       RFC 6522 §3
      message/delivery-status          RFC 3464 §2
      message/rfc822 or text/rfc822-headers, their `global` kin for headers beyond ASCII

Only the type of the last part and of the whole message depend on the header's octets: addresses
beyond ASCII are written in ASCII (RFC 6533 §3, utf-8-addr-xtext), so that a report passes where
SMTPUTF8 does not, unless its own recipient needs it.

Source: RFC 3461 §6, RFC 3464, RFC 6522, RFC 6533.
"""

import re
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from textwrap import fill, wrap

from mailserver.model.address import Address
from mailserver.model.envelope import (
    DEFAULT_NOTIFY,
    Envelope,
    Notify,
    Onward,
    RemoteReply,
    Ret,
)
from mailserver.protocol.mime.dsn_text import Action, Reason, Words, reason_of, words
from mailserver.protocol.mime.headers import header_fields, thread_ids
from mailserver.protocol.smtp.trace import date_time

__all__ = ["Action", "Outcome", "Report", "compose", "is_wanted"]

FULL_OCTETS = 1024 * 1024
"""Deviates: RFC 3461 §4.3; a longer message is returned by its header even for RET=FULL."""
REPLY_CHARACTERS = 1_000  # of the other server's words
_LINE_CHARACTERS = 72

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_XTEXT_SPECIAL = re.compile(r"[^!-*,-<>-\[\]-~]")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\Z")
_CLASS = {
    Action.FAILED: "5",
    Action.DELAYED: "4",
    Action.DELIVERED: "2",
    Action.RELAYED: "2",
    Action.EXPANDED: "2",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one recipient."""

    recipient: Onward
    action: Action
    reply: RemoteReply
    at: datetime | None = None
    """When it was tried last."""
    retry_until: datetime | None = None
    """Until when it is tried, where it is delayed."""

    @property
    def status(self) -> str:
        """The enhanced status code; the action's class where the server gave none (RFC 3464)."""
        if _STATUS.match(self.reply.status):
            return self.reply.status
        first = self.reply.code // 100
        return f"{first if first in (2, 4, 5) else _CLASS[self.action]}.0.0"


@dataclass(frozen=True, slots=True)
class Report:
    """One report on one message, for recipients with the same action."""

    envelope: Envelope
    """Of the message; its sender, who must not be None, gets the report."""
    outcomes: Sequence[Outcome]
    author: Address
    """Who writes it: our postmaster."""
    host: str
    """Our host name."""
    arrived_at: datetime
    now: datetime
    token: str
    """Random, of letters and digits: names the report, and separates its parts."""
    language: str = "en"


def is_wanted(envelope: Envelope, recipient: Onward, action: Action) -> bool:
    """Say whether the sender wants to hear this of that recipient. Source: RFC 3461 §4.1, §6.2."""
    if envelope.sender is None:
        return False
    notify = DEFAULT_NOTIFY if recipient.notify is None else recipient.notify
    match action:
        case Action.FAILED:
            return Notify.FAILURE in notify
        case Action.DELAYED:
            return Notify.DELAY in notify
        case _:
            return Notify.SUCCESS in notify


def compose(report: Report, message: bytes) -> bytes:
    """Write a report on `message`, lines ending in CRLF.

    Raises:
        ValueError: the message had no sender, or there is nothing to report.
    """
    sender = report.envelope.sender
    if sender is None or not report.outcomes:
        raise ValueError("a report has a recipient and something to say")
    action = report.outcomes[0].action
    said = words(report.language)
    full = _is_full(report, action, message)
    boundary = f"report-{report.token}"
    utf8 = not str(sender).isascii()
    kind = b"global-delivery-status" if utf8 else b"delivery-status"
    parts = (
        _text_part(report, said, action, full=full),
        b"Content-Type: message/" + kind + b"\r\n\r\n" + _status_fields(report),
        _returned_part(message, full=full),
    )
    delimiter = f"--{boundary}\r\n".encode()
    return b"".join(
        (
            _header(report, sender, said, action, boundary, message),
            *(delimiter + part + b"\r\n" for part in parts),
            f"--{boundary}--\r\n".encode(),
        )
    )


# -- the whole message


def _header(
    report: Report, sender: Address, said: Words, action: Action, boundary: str, message: bytes
) -> bytes:
    name = Header(said.name, "utf-8").encode() if not said.name.isascii() else said.name
    subject = Header(said.subjects[action], "utf-8", header_name="Subject", maxlinelen=76)
    thread = thread_ids(header_fields(_header_of(message)))
    fields = [
        f"From: {name} <{report.author}>",
        f"To: <{sender}>",
        f"Subject: {subject.encode(linesep=chr(13) + chr(10))}",
        f"Date: {date_time(report.now)}",
        f"Message-ID: <{report.token}@{report.host}>",
        "Auto-Submitted: auto-replied",  # RFC 3834 §5
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="{boundary}"',
    ]
    written = "\r\n".join(fields).encode() + b"\r\n"
    if thread.own is not None and _is_plain(thread.own):
        written += b"In-Reply-To: %b\r\nReferences: %b\r\n" % (thread.own, thread.own)
    return written + b"\r\n"


def _is_plain(message_id: bytes) -> bool:
    """Say whether an id may be quoted in a header of ours."""
    return len(message_id) < 500 and all(0x21 <= octet <= 0x7E for octet in message_id)


# -- for people


def _text_part(report: Report, said: Words, action: Action, *, full: bool) -> bytes:
    paragraphs = [fill(said.beginnings[action], _LINE_CHARACTERS)]
    for outcome in report.outcomes:
        paragraphs.append("\n".join(_told(outcome, said)))
    paragraphs.append(said.copy if full else said.headers)
    text = "\n\n".join(paragraphs) + "\n"
    encoded = b2a_qp(text.encode(), istext=True).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return (
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Language: " + _language(report.language) + b"\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + encoded
    )


def _language(tag: str) -> bytes:
    spoken = words(tag)
    return next((name for name in ("nl", "de", "fr") if words(name) is spoken), "en").encode()


def _told(outcome: Outcome, said: Words) -> Iterable[str]:
    yield f"<{outcome.recipient.address}>"
    if outcome.action not in (Action.FAILED, Action.DELAYED):
        return
    lines = []
    reason = said.reasons[reason_of(outcome.status)]
    if reason_of(outcome.status) is not Reason.OTHER:
        lines.append(reason)
    text = _clean(outcome.reply.text)
    if text:
        wording = said.said if outcome.reply.host else said.told
        lines.append(wording.format(host=_clean(outcome.reply.host), said=text))
    if outcome.action is Action.DELAYED and outcome.retry_until is not None:
        lines.append(said.retry.format(until=f"{outcome.retry_until:{said.date}}"))
    for line in lines:
        yield from wrap(line, _LINE_CHARACTERS, initial_indent="    ", subsequent_indent="    ")


# -- for programs


def _status_fields(report: Report) -> bytes:
    """Write message/delivery-status: a block for the message, one for each recipient."""
    envid = report.envelope.envid
    blocks = [
        [
            *([f"Original-Envelope-Id: {_ascii(envid)}"] if envid else []),
            f"Reporting-MTA: dns; {report.host}",
            f"Arrival-Date: {date_time(report.arrived_at)}",
        ]
    ]
    blocks += [_recipient_fields(outcome) for outcome in report.outcomes]
    return b"\r\n".join("".join(map(_folded, block)).encode("ascii") for block in blocks)


def _recipient_fields(outcome: Outcome) -> list[str]:
    reply = outcome.reply
    fields = []
    if outcome.recipient.orcpt:
        kind, _, original = outcome.recipient.orcpt.partition(";")
        fields.append(f"Original-Recipient: {_ascii(kind)}; {_ascii(original)}")
    fields.append(f"Final-Recipient: {_typed(outcome.recipient.address)}")
    fields.append(f"Action: {outcome.action.value}")
    fields.append(f"Status: {outcome.status}")
    if reply.host:
        fields.append(f"Remote-MTA: dns; {_ascii(reply.host)}")
    if reply.code and reply.host:
        words_said = " ".join(filter(None, (str(reply.code), reply.status, _clean(reply.text))))
        fields.append(f"Diagnostic-Code: smtp; {_ascii(words_said, replace='?')}")
    if outcome.at is not None:
        fields.append(f"Last-Attempt-Date: {date_time(outcome.at)}")
    if outcome.action is Action.DELAYED and outcome.retry_until is not None:
        fields.append(f"Will-Retry-Until: {date_time(outcome.retry_until)}")
    return fields


def _typed(address: Address) -> str:
    text = str(address)
    return f"rfc822; {text}" if text.isascii() else f"utf-8; {_ascii(text)}"


def _ascii(text: str, *, replace: str = "") -> str:
    """Write text as one line of ASCII: other characters by their numbers, or as `replace`."""
    line = _clean(text)
    if replace:
        return line.encode("ascii", "replace").decode().replace("?", replace)
    if line.isascii():
        return line
    return _XTEXT_SPECIAL.sub(lambda found: f"\\x{{{ord(found[0]):02X}}}", line)


def _clean(text: str) -> str:
    """Make one line of what a stranger said."""
    return _CONTROL.sub(" ", text[:REPLY_CHARACTERS]).encode("utf-8", "replace").decode().strip()


def _folded(field: str) -> str:
    """Fold a field at its spaces. Source: RFC 5322 §2.2.3."""
    lines = wrap(field, 76, subsequent_indent=" ", break_long_words=False, break_on_hyphens=False)
    return "\r\n".join(lines) + "\r\n"


# -- the message


def _is_full(report: Report, action: Action, message: bytes) -> bool:
    """RET is about failures alone; other reports return the header. Source: RFC 3461 §6.2."""
    asked = report.envelope.ret is Ret.FULL and action is Action.FAILED
    return asked and len(message) <= FULL_OCTETS


def _header_of(message: bytes) -> bytes:
    end = 0 if message.startswith(b"\r\n") else message.find(b"\r\n\r\n") + 2
    return message if end == 1 else message[:end]


def _returned_part(message: bytes, *, full: bool) -> bytes:
    """Write the last part; a header beyond ASCII makes it `global`, and base64 (RFC 6532 §3.7)."""
    header = _header_of(message)
    plain = header.isascii()
    octets = message if full else header
    if plain and full:
        kind, encoding = b"message/rfc822", b"7bit" if message.isascii() else b"8bit"
    elif plain:
        kind, encoding = b"text/rfc822-headers", b"7bit"
    else:
        kind = b"message/global" if full else b"message/global-headers"
        encoding, octets = b"base64", encodebytes(octets).replace(b"\n", b"\r\n")
    return (
        (b"Content-Type: " + kind + b"\r\nContent-Transfer-Encoding: " + encoding)
        + b"\r\n\r\n"
        + octets
    )
