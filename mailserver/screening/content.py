"""Gathers from a scanned message what the rules go by; bounded, whatever the message holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mailserver.model.address import canonical_domain
from mailserver.model.errors import PeerFault
from mailserver.protocol.mime.addresses import Mailbox, addresses
from mailserver.protocol.mime.charsets import decode, guess
from mailserver.protocol.mime.headers import parameter, sent_date, text_of, unfold
from mailserver.protocol.mime.scan import Part
from mailserver.protocol.mime.text import leaves, plain_text
from mailserver.protocol.mime.transfer import transfer_decoded
from mailserver.screening.facts import Content
from mailserver.screening.links import NO_LINKS, Links, links

HTML_OCTETS = 64 * 1024  # of a web page; its end tells no more than its beginning
LEAVES = 100
FIELD_OCTETS = 4_096
ENOUGH_LETTERS = 1_000


@dataclass(slots=True)
class _Body:
    """What the parts of a message are."""

    html: bool = False
    plain: bool = False
    images: int = 0
    letters: int = 0
    found: Links = NO_LINKS


def gather(
    root: Part,
    message: bytes,
    *,
    author: str,
    recipients: int,
    now: datetime,
    known_domains: frozenset[str],
) -> tuple[Content, frozenset[str]]:
    """Return what the rules go by, and the domains that the message names, for lists of domains.

    Args:
        root: the message as `protocol.mime.scan` cut it.
        message: its octets.
        author: the author's domain as authentication found it.
        recipients: how many the envelope has.
        now: what time it is.
        known_domains: our own.
    """
    fields = _first_of_each(root)
    subject = text_of(fields.get(b"subject", b""))
    name, reply = _author(fields), _reply_domain(fields)
    date = sent_date(fields.get(b"date", b""))
    body = _read(root, message)
    content = Content(
        date=None if date is None else date[0],
        now=int(now.timestamp()),
        has_message_id=bool(fields.get(b"message-id", b"").strip()),
        has_recipients=any(field in fields for field in (b"to", b"cc", b"bcc")),
        named_recipients=sum(fields.get(field, b"").count(b"@") for field in (b"to", b"cc")),
        envelope_recipients=recipients,
        subject=subject,
        answers=b"in-reply-to" in fields or b"references" in fields,
        author_domain=author,
        author_name=name,
        reply_domain=reply,
        html=body.html,
        plain=body.plain,
        images=body.images,
        letters=body.letters,
        misleading_links=body.found.misleading,
        bare_links=body.found.bare,
        known_domains=known_domains,
    )
    named = {domain for domain in (author, reply) if domain}
    return content, body.found.hosts | named


def _first_of_each(root: Part) -> Mapping[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for name, value, _ in root.fields:
        if name not in fields:
            fields[name] = unfold(value[: 64 * 1024])
    return fields


def _author(fields: Mapping[bytes, bytes]) -> str:
    one = _mailbox(fields.get(b"from", b""))
    return text_of(one.name) if one is not None and one.name else ""


def _reply_domain(fields: Mapping[bytes, bytes]) -> str:
    one = _mailbox(fields.get(b"reply-to", b""))
    try:
        return canonical_domain(guess(one.domain or b"")) if one is not None else ""
    except PeerFault:
        return ""


def _mailbox(value: bytes) -> Mailbox | None:
    return next((one for one in addresses(value[:FIELD_OCTETS]) if one.domain is not None), None)


def _read(root: Part, message: bytes) -> _Body:
    body = _Body()
    for number, part in enumerate(leaves(root)):
        if number >= LEAVES:
            break
        if part.type == b"image":
            body.images += 1
        if part.type != b"text" or part.disposition == b"attachment":
            continue
        if part.subtype == b"html":
            body.html = True
            _read_html(body, part, message)
        else:
            body.plain = True
            body.letters = max(body.letters, part.body_octets)
    return body


def _read_html(body: _Body, part: Part, message: bytes) -> None:
    end = min(part.body_end, part.body_start + HTML_OCTETS)
    octets = transfer_decoded(message[part.body_start : end], part.encoding)
    source = decode(octets, parameter(part.params, b"charset"))
    body.images += min(source.count("<img") + source.count("<IMG"), 100)
    body.found = body.found + links(source)
    if body.images and body.letters < ENOUGH_LETTERS:
        body.letters = max(body.letters, len(plain_text(source)))
    elif not body.images:
        body.letters = max(body.letters, len(source))
