"""IMAP's ENVELOPE, finished octets (RFC 3501 §7.4.2, RFC 9051 §7.5.2), and IMAP strings.

Values are raw: encoded words stay encoded, and 8-bit octets go out in a literal as they came.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from mailserver.protocol.mime.addresses import Mailbox, addresses
from mailserver.protocol.mime.headers import Field, unfold

NIL = b"NIL"

_AS_IT_IS = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x5b\x5d-\x7f]*+\Z")
_UNQUOTABLE = re.compile(rb"[\r\n\x80-\xff]")
_SPECIAL = re.compile(rb'(["\\])')

_NAMES = frozenset(
    b"date subject from sender reply-to to cc bcc in-reply-to message-id".split(b" ")
)


def string(value: bytes) -> bytes:
    """Write `value` as a quoted string, or as a literal where that cannot hold it; NUL is dropped.

    Source: RFC 3501 §4.3, §9 (`string`).
    """
    if _AS_IT_IS.match(value):
        return b'"%b"' % value
    value = value.replace(b"\0", b"")
    if _UNQUOTABLE.search(value):
        return b"{%d}\r\n%b" % (len(value), value)
    return b'"%b"' % _SPECIAL.sub(rb"\\\1", value)


def nstring(value: bytes | None) -> bytes:
    """Write `value` as a string, or NIL where there is none."""
    return NIL if value is None else string(value)


def _address(one: Mailbox) -> bytes:
    return b"(%b %b %b %b)" % tuple(map(nstring, one))


def _address_list(value: bytes) -> bytes:
    found = addresses(unfold(value))
    return b"(%b)" % b"".join(map(_address, found)) if found else NIL


# people write to the same people: most address fields have been seen before
_known_address_list = lru_cache(maxsize=4096)(_address_list)


def address_list(value: bytes | None) -> bytes:
    """Write an address field as IMAP address structures, or NIL where it holds none."""
    if value is None:
        return NIL
    return _known_address_list(value) if len(value) <= 256 else _address_list(value)


def envelope(fields: Sequence[Field]) -> bytes:
    """Write `(date subject from sender reply-to to cc bcc in-reply-to message-id)`.

    Of fields that occur more than once the first counts; an absent or empty Sender or Reply-To is
    From (RFC 3501 §7.4.2).
    """
    values: dict[bytes, bytes] = {}
    for name, value, _ in fields:
        if name in _NAMES and name not in values:
            values[name] = value
    get = values.get

    def text(name: bytes) -> bytes:
        value = get(name)
        return NIL if value is None else string(unfold(value))

    author = address_list(get(b"from"))
    sender = address_list(get(b"sender"))
    reply_to = address_list(get(b"reply-to"))
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        text(b"date"),
        text(b"subject"),
        author,
        author if sender == NIL else sender,
        author if reply_to == NIL else reply_to,
        address_list(get(b"to")),
        address_list(get(b"cc")),
        address_list(get(b"bcc")),
        text(b"in-reply-to"),
        text(b"message-id"),
    )
