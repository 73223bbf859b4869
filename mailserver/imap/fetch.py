"""FETCH: what a list of items costs (row, summary, content?) and how the answers are written.

The theory. Items are sorted by what they need; the dearest decides what is read, and nothing dearer
is opened. Those that are a number or a word fill one template with one `%`, so that ten thousand
lines cost ten thousand formats and little else; literals follow as pieces, for a body is copied as
rarely as can be.

Header fields are tried in the summary first, which keeps those that mail programs ask for. Messages
whose summary does not have them come back as `unanswered`, and are read again by content.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from mailserver.imap.columns import Columns, Row, literal
from mailserver.imap.view import View
from mailserver.model.ids import Uid
from mailserver.model.message import Message
from mailserver.protocol.imap.command import Attribute, BodySection, FetchItem
from mailserver.protocol.mime.scan import scan

PLANS = 128  # a client asks for the same few lists of items all day


class Need(IntEnum):
    """What has to be read for a list of items, cheapest first."""

    VIEW = 0
    """Nothing: the session knows."""
    FLAGS = 1
    ROW = 2
    SUMMARY = 3
    CONTENT = 4


_NEEDS = {
    Attribute.UID: Need.VIEW,
    Attribute.FLAGS: Need.FLAGS,
    Attribute.MODSEQ: Need.FLAGS,
    Attribute.INTERNALDATE: Need.ROW,
    Attribute.RFC822_SIZE: Need.ROW,
    Attribute.EMAILID: Need.ROW,
    Attribute.THREADID: Need.ROW,
    Attribute.SAVEDATE: Need.ROW,
    Attribute.ENVELOPE: Need.SUMMARY,
    Attribute.BODYSTRUCTURE: Need.SUMMARY,
    Attribute.BODY: Need.SUMMARY,
    Attribute.PREVIEW: Need.SUMMARY,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How to answer a list of items; the dearest of them decides `need`."""

    need: Need
    attributes: tuple[Attribute, ...]
    sections: tuple[BodySection, ...]

    @property
    def reads_summary(self) -> bool:
        """Whether a summary is needed, whatever else is."""
        return any(_NEEDS[item] is Need.SUMMARY for item in self.attributes)

    @property
    def marks_seen(self) -> bool:
        r"""Whether it reads as a person does: BODY[…] without PEEK sets \Seen (RFC 9051 §6.4.5)."""
        return any(not item.peek for item in self.sections)

    @property
    def by_content(self) -> "Plan":
        """The same answer from the messages themselves, where a summary does not suffice."""
        return Plan(Need.CONTENT, self.attributes, self.sections)


@lru_cache(maxsize=PLANS)
def plan(items: tuple[FetchItem, ...]) -> Plan:
    """Say how to answer `items`, each of which is there once."""
    attributes = tuple(item for item in items if isinstance(item, Attribute))
    sections = tuple(item for item in items if isinstance(item, BodySection))
    needs = [_NEEDS[item] for item in attributes]
    needs += [Need.SUMMARY if _is_header_subset(item) else Need.CONTENT for item in sections]
    return Plan(max(needs), attributes, sections)


def _is_header_subset(item: BodySection) -> bool:
    return item.section.what == "HEADER.FIELDS" and not item.section.path


class Writer:
    """Writes the FETCH responses of one command, message after message in UID order."""

    def __init__(self, plan: Plan, view: View) -> None:
        """Answer by `plan` for messages that `view` counts; others are passed over in silence.

        Source: RFC 2180 §4.1, on messages that another session expunged.
        """
        self.plan = plan
        self.damaged: list[Message] = []
        """Messages that could not be opened; nothing is said of them here."""
        self.unanswered: list[Uid] = []
        """Messages whose summary lacks a header field that was asked for."""
        self._view = view
        self._index = 0
        columns = Columns(view.opened.recent_from).of(plan.attributes)
        self._head = b"* %d FETCH (" + b" ".join(template for template, _ in columns)
        self._getters = [getter for _, getter in columns]

    def write(self, batch: Sequence[Row], octets: int) -> Iterator[list[bytes]]:
        """Yield the responses for `batch` in pieces, by runs of about `octets`.

        A run ends with a response, however long its body. Batches come in UID order, and each has
        what the plan needs.
        """
        pieces: list[bytes] = []
        size, head, getters, sections = 0, self._head, self._getters, self.plan.sections
        known, index, end = self._view.uids, self._index, len(self._view.uids)
        opened = self.plan.need >= Need.SUMMARY
        for row in batch:
            if index < end and known[index] != row.uid:
                index = bisect_left(known, row.uid, index)
            if index == end:
                break
            if known[index] != row.uid:
                continue
            index += 1
            if opened and not self._is_whole(row):
                continue
            line = head % (index, *[getter(row) for getter in getters])
            size += len(line)
            if sections:
                literals = self._literals(row)
                if literals is None:
                    continue
                pieces.append(line)
                pieces += literals
                size += sum(map(len, literals))
            else:
                pieces.append(line)
            pieces.append(b")\r\n")
            if size >= octets:
                yield pieces
                pieces, size = [], 0
        self._index = index
        if pieces:
            yield pieces

    def _is_whole(self, row: Row) -> bool:
        if not isinstance(row, Message):
            return True
        unread = self.plan.need is Need.CONTENT and row.octets is None
        if row.damaged or unread or (self.plan.reads_summary and row.summary is None):
            self.damaged.append(row)
            return False
        return True

    def _literals(self, row: Row) -> list[bytes] | None:
        """Return the pieces of the sections, each with a space before it where it needs one."""
        if not isinstance(row, Message):
            return None
        sections, pieces = self.plan.sections, list[bytes]()
        root = scan(row.octets.reveal()) if row.octets is not None and len(sections) > 1 else None
        space = b" " if self._getters else b""
        for item in sections:
            said = literal(item, row, root)
            if said is None:
                self.unanswered.append(row.uid)
                return None
            pieces += (space, *said)
            space = b" "
        return pieces
