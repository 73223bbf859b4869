"""What the server says: values in, finished octets out, each line with its ending (RFC 9051 §7).

Text for people comes from us alone; whatever it holds, a line ending in it never reaches the wire.
Codes are written without their brackets (`response_code` has them), so that `tagged(tag, b"NO",
text, code)` puts them where they belong.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from mailserver.model.mailbox import SEPARATOR
from mailserver.model.message import NO_KEYWORDS, Flag, Keywords
from mailserver.protocol.imap import numset
from mailserver.protocol.imap.command import StatusItem
from mailserver.protocol.imap.grammar_flags import SYSTEM_FLAGS
from mailserver.protocol.imap.strings import date_time, literal, mailbox, string

_CONTROL = re.compile(rb"[\x00-\x1f\x7f-\xff]+")


def _line_text(code: bytes, text: bytes) -> bytes:
    text = _CONTROL.sub(b" ", text)
    return b"[%b] %b" % (code, text) if code else text


# Status responses (RFC 9051 §7.1)


def tagged(tag: bytes, status: bytes, text: bytes, code: bytes = b"") -> bytes:
    """End the command `tag` with OK, NO or BAD."""
    return b"%b %b %b\r\n" % (tag, status, _line_text(code, text))


def untagged(status: bytes, text: bytes, code: bytes = b"") -> bytes:
    """Say OK, NO, BAD, BYE or PREAUTH of no command."""
    return b"* %b %b\r\n" % (status, _line_text(code, text))


def continuation(text: bytes = b"") -> bytes:
    """Ask for what the client waits to send; `text` is base64 in an AUTHENTICATE exchange."""
    return b"+ %b\r\n" % _CONTROL.sub(b" ", text)


# The server and its mailboxes (RFC 9051 §7.2, §7.3)


def capability(names: Iterable[bytes]) -> bytes:
    """Say what the server can do."""
    return b"* CAPABILITY %b\r\n" % b" ".join(names)


def enabled(names: Iterable[bytes]) -> bytes:
    """Say what ENABLE turned on, which may be nothing."""
    return b" ".join((b"* ENABLED", *names)) + b"\r\n"


def id_line(fields: Sequence[tuple[str, str]]) -> bytes:
    """Say what the server is; NIL where there is nothing to say (RFC 2971 §3.2)."""
    pairs = b" ".join(string(text.encode()) for pair in fields for text in pair)
    return b"* ID (%b)\r\n" % pairs if fields else b"* ID NIL\r\n"


def namespace() -> bytes:
    """Say that there is one personal namespace and no other (RFC 9051 §6.3.10)."""
    return b'* NAMESPACE (("" "%b")) NIL NIL\r\n' % SEPARATOR.encode("ascii")


def jmap_access(url: str) -> bytes:
    """Say where the account is to be had by JMAP (RFC 9698 §4)."""
    return b"* JMAPACCESS %b\r\n" % string(url.encode("ascii"))


def list_line(
    name: str,
    attributes: Iterable[bytes] = (),
    *,
    subscribed_children: bool = False,
    old_name: str | None = None,
) -> bytes:
    """Tell of a mailbox; its attributes come with their backslash.

    `subscribed_children` says that it is here because some below it is subscribed (RFC 5258 §4).
    """
    extended = []
    if subscribed_children:
        extended.append(b'"CHILDINFO" ("SUBSCRIBED")')
    if old_name is not None:
        extended.append(b'"OLDNAME" (%b)' % mailbox(old_name))
    tail = b" (%b)" % b" ".join(extended) if extended else b""
    return _listed(b"LIST", mailbox(name), attributes) + tail + b"\r\n"


def separator_line() -> bytes:
    """Answer LIST "" "": the separator, of the root."""
    return _listed(b"LIST", b'""', (b"\\Noselect",)) + b"\r\n"


def lsub_line(name: str, attributes: Iterable[bytes] = ()) -> bytes:
    """Tell of a subscription (RFC 3501 §7.2.3)."""
    return _listed(b"LSUB", mailbox(name), attributes) + b"\r\n"


def _listed(response: bytes, name: bytes, attributes: Iterable[bytes]) -> bytes:
    return b'* %b (%b) "%b" %b' % (
        response,
        b" ".join(attributes),
        SEPARATOR.encode("ascii"),
        name,
    )


def status_line(name: str, items: Iterable[tuple[StatusItem, int | bytes]]) -> bytes:
    """Tell what STATUS asked of a mailbox; MAILBOXID is octets, everything else a number."""
    words = []
    for item, value in items:
        words.append(item.value)
        words.append(b"(%b)" % value if isinstance(value, bytes) else b"%d" % value)
    return b"* STATUS %b (%b)\r\n" % (mailbox(name), b" ".join(words))


# Flags


@lru_cache(maxsize=4_096)  # a mailbox of 10,000 has a handful of different lists
def flag_list(flags: Flag, keywords: Keywords = NO_KEYWORDS, *, recent: bool = False) -> bytes:
    """Write flags in parentheses, in one order always."""
    words = [name for flag, name in SYSTEM_FLAGS.items() if flag & flags]
    if recent:
        words.append(b"\\Recent")
    words.extend(keyword.encode("ascii") for keyword in sorted(keywords))
    return b"(%b)" % b" ".join(words)


def flags_line(keywords: Iterable[str]) -> bytes:
    """Tell which flags the mailbox knows (RFC 9051 §7.3.5)."""
    return b"* FLAGS %b\r\n" % flag_list(~Flag.NONE, frozenset(keywords))


# Size and contents of the selected mailbox (RFC 9051 §7.4, §7.5)


def exists(count: int) -> bytes:
    """Tell how many messages there are."""
    return b"* %d EXISTS\r\n" % count


def recent(count: int) -> bytes:
    """Tell how many are recent to this session."""
    return b"* %d RECENT\r\n" % count


def expunge(seq: int) -> bytes:
    """Tell that the message at `seq` is gone and those behind it have moved up."""
    return b"* %d EXPUNGE\r\n" % seq


def uid_item(uid: int) -> bytes:
    """Write the FETCH item UID."""
    return b"UID %d" % uid


def size_item(octets: int) -> bytes:
    """Write the FETCH item RFC822.SIZE."""
    return b"RFC822.SIZE %d" % octets


def flags_item(flags: Flag, keywords: Keywords = NO_KEYWORDS, *, recent: bool = False) -> bytes:
    """Write the FETCH item FLAGS."""
    return b"FLAGS " + flag_list(flags, keywords, recent=recent)


def modseq_item(modseq: int) -> bytes:
    """Write the FETCH item MODSEQ (RFC 7162 §3.1.4.2)."""
    return b"MODSEQ (%d)" % modseq


def internaldate_item(instant: datetime) -> bytes:
    """Write the FETCH item INTERNALDATE."""
    return b"INTERNALDATE " + date_time(instant)


def savedate_item(instant: datetime | None) -> bytes:
    """Write the FETCH item SAVEDATE (RFC 8514 §4.2)."""
    return b"SAVEDATE " + (b"NIL" if instant is None else date_time(instant))


def object_item(name: bytes, octets: bytes | None) -> bytes:
    """Write the FETCH item EMAILID or THREADID (RFC 8474 §5); `octets` are letters and digits."""
    return name + (b" NIL" if octets is None else b" (%b)" % octets)


def content_item(label: bytes, octets: bytes | None) -> bytes:
    """Write a section of a message, or PREVIEW: a literal, or NIL where there is no such part."""
    return label + b" " + (b"NIL" if octets is None else literal(octets))


def fetch_line(seq: int, parts: Iterable[bytes]) -> bytes:
    """Join finished items into one FETCH response."""
    return b"* %d FETCH (%b)\r\n" % (seq, b" ".join(parts))


# Searches (RFC 9051 §7.3.4, RFC 3501 §7.2.5)


def search_line(numbers: Iterable[int], modseq: int | None = None) -> bytes:
    """Answer SEARCH without RETURN; `modseq` is the highest of what was found (RFC 7162 §3.1.5)."""
    found = " ".join(map(str, numbers)).encode("ascii")
    tail = b" (MODSEQ %d)" % modseq if modseq is not None and found else b""
    return b"* SEARCH%b%b\r\n" % (b" " + found if found else b"", tail)


def esearch_line(
    tag: bytes,
    *,
    by_uid: bool,
    least: int | None = None,
    greatest: int | None = None,
    found: Sequence[int] = (),
    count: int | None = None,
    modseq: int | None = None,
) -> bytes:
    """Answer SEARCH with RETURN (RFC 4731 §3.1); what is None or empty is left out.

    `found` is ascending; of ALL nothing is said where nothing was found.
    """
    words = [b"* ESEARCH (TAG %b)" % string(tag)]
    if by_uid:
        words.append(b"UID")
    for name, number in ((b"MIN", least), (b"MAX", greatest), (b"COUNT", count)):
        if number is not None:
            words.append(b"%b %d" % (name, number))
    if found:
        words.append(b"ALL " + numset.encode(found))
    if modseq is not None:
        words.append(b"MODSEQ %d" % modseq)
    return b" ".join(words) + b"\r\n"
