"""Python's own email package as a second opinion on what IMAP says of a message."""

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses

EMBEDDED = ("message/rfc822", "message/global")
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_TAG = re.compile(r"<[^>]*>")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Node:
    """A part: its media type, what is in it, and its octets where it holds no parts."""

    kind: str
    children: tuple["Node", ...] = ()
    octets: bytes | None = None


def parse(octets: bytes) -> Message:
    """Parse a message as the email package does."""
    return message_from_bytes(octets, policy=policy.compat32)


def tree(part: Message) -> Node:
    """Return the parts of a message; those of a message inside of it are its children."""
    kind = part.get_content_type()
    payload = part.get_payload()
    if isinstance(payload, list):
        return Node(kind, tuple(tree(child) for child in payload if isinstance(child, Message)))
    del part["Content-Transfer-Encoding"]  # undecoded is what IMAP hands out
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return Node(kind, octets=octets)


def field(message: Message, name: str) -> bytes | None:
    """Return the first field of a name unfolded, as the octets it came in."""
    value = message.get(name)
    if value is None:
        return None
    return raw(str(_plain(value)))


def text_field(octets: bytes, name: str) -> str:
    """Return the first field of a name unfolded, as text; empty where there is none."""
    return (field(parse(octets), name) or b"").decode("utf-8", "replace")


def addresses(message: Message, name: str) -> set[tuple[str, str]]:
    """Return the mailboxes of all fields of a name: local part and domain."""
    values = [str(_plain(value)) for value in message.get_all(name, [])]
    found = set()
    for _, address in getaddresses([_FOLD.sub("", value) for value in values]):
        local, _, domain = address.rpartition("@")
        if local:
            found.add((readable(local), readable(domain)))
    return found


def readable(value: str) -> str:
    """Turn octets that are UTF-8 and held as surrogates into what they say."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def raw(value: str) -> bytes:
    """Return the octets of a field that the email package holds with surrogates, unfolded."""
    return _FOLD.sub("", value).strip().encode("utf-8", "surrogateescape")


def _plain(value: object) -> object:
    """Undo the Header object that the package makes of a field with raw 8-bit octets."""
    chunks = getattr(value, "_chunks", None)
    return "".join(text for text, _ in chunks) if chunks is not None else value


def normalise(text: str) -> str:
    """Fold case and width and join white space, as a search does."""
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text).casefold())


def decoded_field(value: object) -> str:
    """Decode the encoded words of a field; what cannot be decoded is left out."""
    pieces = []
    for chunk, charset in decode_header(_FOLD.sub("", str(_plain(value)))):
        if isinstance(chunk, str):
            pieces.append(chunk)
            continue
        try:
            pieces.append(chunk.decode(charset or "ascii"))
        except (LookupError, UnicodeDecodeError):
            pieces.append(" ")
    return "".join(pieces)


def subject(octets: bytes) -> str:
    """Return the subject of a message, decoded."""
    return decoded_field(parse(octets).get("Subject", ""))


def _parts(part: Message) -> Iterator[Message]:
    """Walk as IMAP does: message/rfc822 holds a message, message/news and others hold octets."""
    yield part
    kind = part.get_content_type()
    payload = part.get_payload()
    opaque = kind.startswith("message/") and kind not in EMBEDDED
    if isinstance(payload, list) and not opaque:
        for child in payload:
            if isinstance(child, Message):
                yield from _parts(child)


def text(octets: bytes) -> str:
    """Return the text parts of a message that say how to read them, HTML without its tags."""
    found = []
    for part in _parts(parse(octets)):
        if part.get_content_maintype() != "text" or part.get_filename():
            continue
        body = part.get_payload(decode=True)
        if not isinstance(body, bytes):
            continue
        try:
            words = body.decode(part.get_content_charset("ascii"))
        except (LookupError, UnicodeDecodeError):
            continue
        if part.get_content_subtype() == "html":
            words = html.unescape(_TAG.sub(" ", words))
        found.append(words)
    return "\n".join(found)
