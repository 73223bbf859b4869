"""ENVELOPE, BODYSTRUCTURE and SEARCH of real messages, by other people's parsers.

IMAPClient reads the grammar of the answers; Python's email package says what ought to be in them.
What the two of us see differently is listed with the reason.
"""

import random
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from imapclient import IMAPClient
from imapclient.response_types import Address, BodyData

from tests.support import mime_oracle
from tests.support.mail_clients import Shelf
from tests.support.mime_oracle import Node

FIELDS = {"subject": "Subject", "in_reply_to": "In-Reply-To", "message_id": "Message-ID"}
LISTS = {"from_": "From", "to": "To", "cc": "Cc", "bcc": "Bcc"}

NO_FIELD = "the header goes on past a line that is no field, up to the empty line"
NO_PARTS = "a multipart without parts is read as text, for IMAP has no empty multipart"
NESTED = "multiparts inside of each other have boundaries that begin alike"
LONE_WORD = "an address without a domain is told as a mailbox; Python drops it"
DIFFERENT_FIELDS = {
    "mail-parser/malformed-019.eml": NO_FIELD,
    "ruby-mail/plain_emails-raw_email_incorrect_header.eml": NO_FIELD,
    "ruby-mail/rfc2822-example13.eml": NO_FIELD,
}
DIFFERENT_ADDRESSES = {
    "mail-parser/malformed-019.eml": NO_FIELD,
    "mail-parser/rfc-001.eml": LONE_WORD,
    "mail-parser/rfc-004.eml": LONE_WORD,
    "mail-parser/thirdparty-007.eml": LONE_WORD,
    "ruby-mail/error_emails-content_transfer_encoding_empty.eml": LONE_WORD,
    "ruby-mail/error_emails-missing_body.eml": "a broken group; Python drops its last words",
    "ruby-mail/mime_emails-raw_email11.eml": LONE_WORD,
    "ruby-mail/plain_emails-mix_caps_content_type.eml": "a display name that is not set apart",
    "ruby-mail/plain_emails-raw_email_incorrect_header.eml": NO_FIELD,
    "ruby-mail/plain_emails-raw_email_multiple_from.eml": "two addresses without a comma",
    "ruby-mail/plain_emails-raw_email_with_at_display_name.eml": "an @ in a display name",
    "ruby-mail/rfc2822-example13.eml": NO_FIELD,
}
DIFFERENT_TREES = {
    "flanker/messages-false-multipart.eml": NO_PARTS,
    "flanker/messages-mailformed-headers.eml": NO_PARTS,
    "mail-parser/malformed-000.eml": "between two delimiters is a part, an empty one too",
    "mail-parser/malformed-001.eml": NO_PARTS,
    "mail-parser/malformed-002.eml": NO_PARTS,
    "mail-parser/malformed-003.eml": NESTED,
    "mail-parser/malformed-004.eml": NO_PARTS,
    "mail-parser/malformed-005.eml": NESTED,
    "mail-parser/malformed-007.eml": "a delimiter in a header ends it",
    "mail-parser/malformed-013.eml": NESTED,
    "mail-parser/malformed-017.eml": "a Content-Type without its semicolon",
    "mail-parser/malformed-019.eml": NO_FIELD,
    "mail-parser/rfc-008.eml": "message/rfc822 in base64, forbidden by RFC 2046 §5.2.1: no parts",
    "mail-parser/thirdparty-012.eml": "a boundary is unfolded; Python keeps the line end",
    "mail-parser/thirdparty-015.eml": NO_PARTS,
    "ruby-mail/attachment_emails-attachment_message_rfc822_inline_image.eml": NO_PARTS,
    "ruby-mail/error_emails-bad_date_header2.eml": NO_PARTS,
    "ruby-mail/error_emails-empty_in_reply_to.eml": NO_PARTS,
    "ruby-mail/error_emails-missing_body.eml": NO_PARTS,
    "ruby-mail/error_emails-must_supply_encoding.eml": NO_PARTS,
}
DIFFERENT_TEXTS = {
    "flanker/messages-enclosed-broken-body.eml": "broken base64; Python gives up on all of it",
    "mail-parser/thirdparty-015.eml": NO_FIELD,
    "ruby-mail/error_emails-content_transfer_encoding_7-bit.eml": "UTF-8, labelled iso-8859-1",
    "ruby-mail/plain_emails-raw_email_incorrect_header.eml": NO_FIELD,
}


def unexplained(different: dict[str, str], explained: dict[str, str], shelf: Shelf) -> set[str]:
    """Return what differs without a reason, and reasons for what does not differ any more."""
    there = {letter.name for letter in shelf.by_uid.values()}
    return {what for name, what in different.items() if name not in explained} | {
        f"{name} does not differ" for name in explained if name in there - set(different)
    }


def envelope_fields(shelf: Shelf, reader: IMAPClient) -> Iterator[tuple[str, str]]:
    """Yield message and field where the text differs."""
    found = reader.fetch(list(shelf.by_uid), ["ENVELOPE"])
    for uid, letter in shelf.by_uid.items():
        message = mime_oracle.parse(letter.octets)
        for name, header in FIELDS.items():
            said = getattr(found[uid][b"ENVELOPE"], name)
            if squeezed(said) != squeezed(mime_oracle.field(message, header)):
                yield letter.name, f"{header}: {said!r} {mime_oracle.field(message, header)!r}"


def squeezed(value: bytes | None) -> bytes:
    return re.sub(rb"\s+", b" ", value or b"").strip()


def test_envelope_fields(shelf: Shelf, reader: IMAPClient) -> None:
    different = dict(envelope_fields(shelf, reader))
    assert unexplained(different, DIFFERENT_FIELDS, shelf) == set()


def test_envelope_dates(shelf: Shelf, reader: IMAPClient) -> None:
    """IMAPClient makes a time of the Date field; so does Python."""
    found = reader.fetch(list(shelf.by_uid), ["ENVELOPE"])
    compared = 0
    for uid, letter in shelf.by_uid.items():
        try:
            expected = parsedate_to_datetime(mime_oracle.text_field(letter.octets, "Date"))
        except (TypeError, ValueError):  # no date, or none that can be read
            continue
        said = found[uid][b"ENVELOPE"].date
        if said is not None:
            compared += 1
            if expected.tzinfo is not None:
                expected = expected.astimezone().replace(tzinfo=None)
            assert said == expected, letter.name
    assert compared > len(shelf.by_uid) // 2


def said_addresses(found: tuple[Address, ...] | None) -> set[tuple[str, str]]:
    """Return local part and domain of each address, without the marks of groups."""
    pairs = [(one.mailbox or b"", one.host) for one in found or ()]
    return {
        (mailbox.decode("utf-8", "surrogateescape"), host.decode("utf-8", "surrogateescape"))
        for mailbox, host in pairs
        if host is not None
    }


def envelope_addresses(shelf: Shelf, reader: IMAPClient) -> Iterator[tuple[str, str]]:
    found = reader.fetch(list(shelf.by_uid), ["ENVELOPE"])
    for uid, letter in shelf.by_uid.items():
        message = mime_oracle.parse(letter.octets)
        for name, header in LISTS.items():
            said = said_addresses(getattr(found[uid][b"ENVELOPE"], name))
            expected = mime_oracle.addresses(message, header)
            if said != expected:
                yield letter.name, f"{header}: {said} {expected}"


def test_envelope_addresses(shelf: Shelf, reader: IMAPClient) -> None:
    different = dict(envelope_addresses(shelf, reader))
    assert unexplained(different, DIFFERENT_ADDRESSES, shelf) == set()


def shape(part: BodyData) -> Node:
    """Return the parts that a BODYSTRUCTURE tells of."""
    if part.is_multipart:
        return Node(f"multipart/{word(part[1])}", tuple(shape(child) for child in part[0]))
    kind = f"{word(part[0])}/{word(part[1])}"
    if kind in mime_oracle.EMBEDDED:
        return Node(kind, (shape(BodyData.create(part[8])),))
    return Node(kind)


def word(value: bytes) -> str:
    return value.decode("ascii", "surrogateescape").lower()


def kinds(node: Node) -> Node:
    """Return the same without octets, and without the messages that only Python sees."""
    inside = node.kind.startswith("multipart/") or node.kind in mime_oracle.EMBEDDED
    return Node(node.kind, tuple(kinds(child) for child in node.children) if inside else ())


def structures(shelf: Shelf, reader: IMAPClient) -> Iterator[tuple[str, str]]:
    for item in ("BODYSTRUCTURE", "BODY"):
        found = reader.fetch(list(shelf.by_uid), [item])
        for uid, letter in shelf.by_uid.items():
            said = shape(found[uid][item.encode()])
            expected = kinds(mime_oracle.tree(mime_oracle.parse(letter.octets)))
            if said != expected:
                yield letter.name, f"{said} {expected}"


def test_structures(shelf: Shelf, reader: IMAPClient) -> None:
    different = dict(structures(shelf, reader))
    assert unexplained(different, DIFFERENT_TREES, shelf) == set()


WORDS = 30
DICE_SEED = 20_260_302


def sought(texts: dict[int, str]) -> list[str]:
    """Choose words out of the texts, of every script that is in them."""
    words = sorted({word for text in texts.values() for word in re.findall(r"\w{4,20}", text)})
    dice = random.Random(DICE_SEED)
    foreign = [word for word in words if not word.isascii()]
    return dice.sample(words, min(WORDS, len(words))) + dice.sample(
        foreign, min(WORDS, len(foreign))
    )


def test_search_finds_every_word_of_the_text(shelf: Shelf, reader: IMAPClient) -> None:
    """SEARCH BODY finds each message whose decoded text has the word, as a reader sees it."""
    texts = {
        uid: mime_oracle.normalise(mime_oracle.text(letter.octets))
        for uid, letter in shelf.by_uid.items()
    }
    missed = {}
    for one in sought(texts):
        expected = {uid for uid, text in texts.items() if one in text}
        found = set(reader.search(["BODY", one], "UTF-8"))
        names = {shelf.by_uid[uid].name for uid in expected - found} - set(DIFFERENT_TEXTS)
        if names:
            missed[one] = names
        assert len(found) < len(texts), one
    assert missed == {}


def test_search_finds_every_word_of_subjects(shelf: Shelf, reader: IMAPClient) -> None:
    texts = {
        uid: mime_oracle.normalise(mime_oracle.subject(letter.octets))
        for uid, letter in shelf.by_uid.items()
    }
    for one in sought(texts):
        expected = {uid for uid, text in texts.items() if one in text}
        assert expected <= set(reader.search(["SUBJECT", one], "UTF-8")), one
        assert expected <= set(reader.search(["TEXT", one], "UTF-8")), one


def test_search_by_message_id(shelf: Shelf, reader: IMAPClient) -> None:
    ids = {uid: message_id(letter.octets) for uid, letter in shelf.by_uid.items()}
    for one in sorted({value for value in ids.values() if value and value.isascii()})[::6]:
        expected = {uid for uid, value in ids.items() if one in value}
        assert expected <= set(reader.search(["HEADER", "Message-ID", one])), one


def message_id(octets: bytes) -> str:
    return mime_oracle.text_field(octets, "Message-ID").strip()


def test_search_by_size(shelf: Shelf, reader: IMAPClient) -> None:
    for limit in (500, 4_000, 40_000):
        larger = {uid for uid, one in shelf.by_uid.items() if len(one.octets) > limit}
        assert set(reader.search(["LARGER", limit])) == larger
