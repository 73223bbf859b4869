"""When mail may be answered without its reader, and what the answer looks like.

RFC 5230 §4.5 to §4.7 and §5, RFC 5436 §2.7, RFC 3834. An answer to a robot starts a war of robots,
and one to a list reaches thousands; so whoever is in doubt stays silent.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from mailserver.model.address import Address
from mailserver.model.errors import PeerFault
from mailserver.protocol.mime import fields
from mailserver.protocol.mime.fields import Named
from mailserver.protocol.mime.headers import message_ids
from mailserver.protocol.sieve.actions import Notify, Vacation
from mailserver.protocol.sieve.entity import entity, plain
from mailserver.protocol.sieve.message import Message
from mailserver.protocol.smtp.trace import date_time

_ROBOTS = re.compile(
    r"(?:mailer-daemon|postmaster|listserv|majordomo|no-?_?reply|do-?not-?_?reply|bounces?)"
    r"(?:\Z|[+=-])|owner-|.*-(?:request|owner|bounces?|relay)\Z|.*-bounces?[+=-]",
    re.IGNORECASE,
)
_BULK = frozenset({"bulk", "junk", "list"})
_TO_ME = ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc")
_REFERENCES = 20
SUBJECT_CHARACTERS = 400
NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class _Words:
    """What an answer says of its own, in one language."""

    automatic: str
    arrived: str
    sender: str
    subject: str


_WORDS = {
    "en": _Words("Automated reply", "New message", "From", "Subject"),
    "nl": _Words("Automatisch antwoord", "Nieuw bericht", "Van", "Onderwerp"),
    "de": _Words("Automatische Antwort", "Neue Nachricht", "Von", "Betreff"),
    "fr": _Words("Réponse automatique", "Nouveau message", "De", "Objet"),
}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who answers: the address the answer comes from, and every address that is theirs."""

    address: Address
    addresses: frozenset[str]
    """Keys (`Address.key`)."""
    language: str = ""
    """In which what they did not write themselves is said; empty for English."""

    def has(self, address: Address) -> bool:
        """Say whether an address is theirs; a detail in its local part is not looked at."""
        local, _, _ = address.local.partition("+")
        keys = {address.key}
        if local:
            keys.add(Address(local, address.domain).key)
        return not keys.isdisjoint(self.addresses)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an answer must have of its own: when it was written, and an id nobody else has."""

    at: datetime
    message_id: str
    """Without angle brackets."""


def silence(
    message: Message, sender: Address | None, reader: Reader, also: Iterable[str] = ()
) -> str:
    """Say why a message gets no answer; empty where it may have one.

    Args:
        message: what came.
        sender: its reverse-path.
        reader: whom it came to.
        also: further addresses that the reader says are theirs (`:addresses`).

    Source: RFC 5230 §4.5, §4.6; RFC 3834 §2.
    """
    if sender is None:
        return "it has no sender"
    if _ROBOTS.match(sender.local):
        return "a program sent it"
    if reader.has(sender):
        return "its reader sent it"
    if reason := _automatic(message):
        return reason
    mine = reader.addresses | set(_keys(also))
    if not any(Reader(reader.address, frozenset(mine)).has(one) for one in _addressed(message)):
        return "it does not name its reader"
    return ""


def _automatic(message: Message) -> str:
    """Say how a message shows that no person sent it to one person."""
    submitted = "".join(message.values("auto-submitted")[:1]).partition(";")[0].strip().lower()
    if submitted not in ("", "no"):
        return "a program sent it"
    if any(value.strip().lower() in _BULK for value in message.values("precedence")):
        return "it was sent to many"
    if any(name.startswith(b"list-") for name in message.names):
        return "it came by a list"
    suppressed = " ".join(message.values("x-auto-response-suppress")).lower()
    if any(word in suppressed for word in ("all", "oof", "autoreply")):
        return "it asks for no answer"
    if message.values("x-loop"):
        return "it went in a circle"
    return ""


def _addressed(message: Message) -> list[Address]:
    return [address for name in _TO_ME for address in message.addresses(name)]


def _keys(texts: Iterable[str]) -> Collection[str]:
    keys = []
    for text in texts:
        _, bracket, rest = text.rpartition("<")
        try:
            keys.append(Address.parse(rest.removesuffix(">") if bracket else text).key)
        except PeerFault:
            continue  # an address that is none names nobody
    return keys


def vacation_answer(
    action: Vacation, message: Message, sender: Address, reader: Reader, stamp: Stamp
) -> bytes:
    """Write the answer to a message (RFC 5230 §5)."""
    subject = action.subject
    if subject is None:
        subject = _subject(message, reader.language)
    head = [
        _from(action.sender, reader),
        fields.addresses("To", [Named("", str(sender))]),
        fields.text("Subject", subject[:SUBJECT_CHARACTERS].strip()),
        *_stamped(stamp),
        *_answering(message),
        b"Auto-Submitted: auto-replied\r\n",
        b"X-Auto-Response-Suppress: All\r\n",
    ]
    body = entity(action.reason) if action.mime else plain(action.reason)
    return b"".join(head) + body


def notice(action: Notify, message: Message, reader: Reader, stamp: Stamp) -> bytes | None:
    """Write the notice about a message; None where it is one itself (RFC 5436 §2.7.1)."""
    if _automatic(message) == "a program sent it":
        return None
    wanted = dict(action.fields)
    sender = next(iter(message.values("from")), "")
    subject = next(iter(message.values("subject")), "")
    words = _WORDS.get(reader.language) or _WORDS["en"]
    title = action.message or wanted.get("subject") or f"{words.arrived}: {subject}"
    about = f"{words.sender}: {sender}\n{words.subject}: {subject}"
    body = wanted.get("body") or action.message or about
    importance = {1: "High", 3: "Low"}.get(action.importance, "Normal")
    head = [
        _from(action.sender, reader),
        fields.addresses("To", [Named("", action.address)]),
        fields.text("Subject", title[:SUBJECT_CHARACTERS].strip()),
        *_stamped(stamp),
        fields.text("Importance", importance),
        b"Auto-Submitted: auto-notified\r\n",
    ]
    return b"".join(head) + plain(body)


def _subject(message: Message, language: str) -> str:
    """Say what an answer is about, where its reader does not (RFC 5230 §4.3)."""
    theirs = next(iter(message.values("subject")), "")
    words = _WORDS.get(language) or _WORDS["en"]
    return f"Auto: {theirs}" if theirs else words.automatic


def _from(wanted: str | None, reader: Reader) -> bytes:
    """Write From: what the script wants, if the address is the reader's; else the reader's own."""
    if wanted is not None:
        name, bracket, rest = wanted.rpartition("<")
        try:
            address = Address.parse(rest.removesuffix(">") if bracket else wanted)
        except PeerFault:
            address = reader.address
        if reader.has(address):
            title = name.strip().strip('"')[:NAME_CHARACTERS]
            return fields.addresses("From", [Named(title, str(address))])
    return fields.addresses("From", [Named("", str(reader.address))])


def _stamped(stamp: Stamp) -> tuple[bytes, bytes]:
    return (
        f"Date: {date_time(stamp.at)}\r\n".encode(),
        f"Message-ID: <{stamp.message_id}>\r\n".encode(),
    )


def _answering(message: Message) -> list[bytes]:
    """Write In-Reply-To and References (RFC 5322 §3.6.4)."""
    own = message_ids(message.first("message-id"))[:1]
    if not own or not _is_clean(own[0]):
        return []
    before = message_ids(message.first("references")) or message_ids(message.first("in-reply-to"))
    chain = [id_ for id_ in before if id_ != own[0] and _is_clean(id_)][-_REFERENCES:]
    return [
        b"In-Reply-To: " + own[0] + b"\r\n",
        b"References: " + b"\r\n ".join([*chain, own[0]]) + b"\r\n",
    ]


def _is_clean(id_: bytes) -> bool:
    return id_.isascii() and len(id_) < 500 and not any(octet <= 0x20 for octet in id_)
