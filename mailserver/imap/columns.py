"""How each item of FETCH is written, given what was read of a message (RFC 9051 §7.5.2).

A column is a template for `%` and the getter of what goes into it. Flags and days repeat over a
mailbox, so both are written once and remembered for the length of one command, no longer: keywords
are the user's own words.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from operator import attrgetter
from typing import assert_never

from mailserver.model.message import EPOCH, EntryFlags, Flag, Keywords, Message
from mailserver.protocol.imap.command import Attribute, BodySection
from mailserver.protocol.imap.response import flag_list
from mailserver.protocol.imap.strings import nstring
from mailserver.protocol.mime.scan import Part
from mailserver.protocol.mime.section import section
from mailserver.protocol.mime.summary import Summary
from mailserver.protocol.mime.summary import line as summary_line

Row = Message | EntryFlags
Column = tuple[bytes, Callable[[Row], object]]

_MONTHS = (b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec").split()


class Columns:
    r"""The columns of one command's answers, in a session whose \Recent messages begin at a UID."""

    __slots__ = ("_days", "_flag_lists", "_recent_from")

    def __init__(self, recent_from: int) -> None:
        self._recent_from = recent_from
        self._flag_lists: dict[tuple[Flag, Keywords, bool], bytes] = {}
        self._days: dict[int, bytes] = {}

    def of(self, attributes: Sequence[Attribute]) -> list[Column]:
        """Return the columns for `attributes`; ENVELOPE and BODYSTRUCTURE together make one.

        A summary begins with just these two, so that both at once are one slice of it.
        """
        line = Attribute.ENVELOPE in attributes and Attribute.BODYSTRUCTURE in attributes
        columns: list[Column] = []
        for attribute in attributes:
            if line and attribute is Attribute.ENVELOPE:
                columns.append((b"%b", _line))
            elif not (line and attribute is Attribute.BODYSTRUCTURE):
                columns.append(self._column(attribute))
        return columns

    def _column(self, attribute: Attribute) -> Column:  # noqa: C901 - a table, and flat
        match attribute:
            case Attribute.UID:
                return b"UID %d", attrgetter("uid")
            case Attribute.FLAGS:
                return b"FLAGS %b", self._flags
            case Attribute.MODSEQ:
                return b"MODSEQ (%d)", attrgetter("modseq")
            case Attribute.INTERNALDATE:
                return b'INTERNALDATE "%b"', self._internaldate
            case Attribute.SAVEDATE:
                return b'SAVEDATE "%b"', self._saved_at
            case Attribute.RFC822_SIZE:
                return b"RFC822.SIZE %d", attrgetter("size_octets")
            case Attribute.EMAILID:
                return b"EMAILID (M%d)", attrgetter("email_id")
            case Attribute.THREADID:
                return b"THREADID (T%d)", attrgetter("thread_id")
            case Attribute.ENVELOPE:
                return b"ENVELOPE %b", _envelope
            case Attribute.BODYSTRUCTURE:
                return b"BODYSTRUCTURE %b", _bodystructure
            case Attribute.BODY:
                return b"BODY %b", _body
            case Attribute.PREVIEW:
                return b"PREVIEW %b", _preview
            case _:
                assert_never(attribute)

    def _flags(self, row: Row) -> bytes:
        key = (row.flags, row.keywords, row.uid >= self._recent_from)
        written = self._flag_lists.get(key)
        if written is None:
            written = self._flag_lists[key] = flag_list(row.flags, row.keywords, recent=key[2])
        return written

    def _internaldate(self, row: Row) -> bytes:
        return self._date_time(_message(row).internaldate_us)

    def _saved_at(self, row: Row) -> bytes:
        return self._date_time(_message(row).saved_us)

    def _date_time(self, microseconds: int) -> bytes:
        ordinal, seconds = divmod(microseconds // 1_000_000, 86_400)
        day = self._days.get(ordinal)
        if day is None:
            at = EPOCH + timedelta(days=ordinal)
            day = b"%2d-%b-%04d" % (at.day, _MONTHS[at.month - 1], at.year)
            self._days[ordinal] = day
        minutes, second = divmod(seconds, 60)
        return b"%b %02d:%02d:%02d +0000" % (day, minutes // 60, minutes % 60, second)


def literal(item: BodySection, message: Message, root: Part | None) -> tuple[bytes, ...] | None:
    """Return the pieces of a BODY[…] answer; None where it takes the content, which was not read.

    `root` is the scanned message, where several sections want it.
    """
    if message.octets is None:
        if message.summary is None:
            return None
        octets = Summary(message.summary.reveal()).header_fields(item.section.fields)
        if octets is None:
            return None
    else:
        octets = section(message.octets.reveal(), item.section, root)
        if octets is None:  # there is no such part
            return (item.label, b" NIL")
    if item.partial is not None:
        first, count = item.partial
        octets = octets[first : first + count]
    return (b"%b {%d}\r\n" % (item.label, len(octets)), octets)


def _message(row: Row) -> Message:
    if not isinstance(row, Message):
        raise TypeError("this item needs the message's row")  # the plan was wrong
    return row


def _encoded(row: Row) -> bytes:
    encoded = _message(row).summary
    if encoded is None:
        raise TypeError("this item needs the summary")  # the plan was wrong
    return encoded.reveal()


def _summary(row: Row) -> Summary:
    return Summary(_encoded(row))


def _line(row: Row) -> bytes:
    return summary_line(_encoded(row))


def _envelope(row: Row) -> bytes:
    return _summary(row).envelope


def _bodystructure(row: Row) -> bytes:
    return _summary(row).bodystructure


def _body(row: Row) -> bytes:
    return _summary(row).body


def _preview(row: Row) -> bytes:
    return nstring(_summary(row).preview.encode())
