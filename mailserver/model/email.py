"""An email as JMAP sees it: one object, in one or more mailboxes (RFC 8621 §4)."""

from dataclasses import dataclass

from mailserver.model.ids import EmailId, MailboxId, ThreadId
from mailserver.model.message import Flag, Keywords
from mailserver.model.sealed import Plaintext


@dataclass(frozen=True, slots=True)
class Email:
    """An email with whatever was asked for; what was not asked for is None."""

    id: EmailId
    thread_id: ThreadId
    mailboxes: frozenset[MailboxId]
    flags: Flag
    """What any of its entries has, and likewise `keywords`."""
    keywords: Keywords
    size_octets: int
    received_us: int
    """When we got it: microseconds since 1970, UTC."""
    summary: Plaintext | None = None
    octets: Plaintext | None = None
    damaged: bool = False
    """Authentication failed: there is no summary or content to show."""


@dataclass(frozen=True, slots=True)
class MailboxCounts:
    """How many emails and threads a mailbox shows (RFC 8621 §2)."""

    emails: int = 0
    unread_emails: int = 0
    threads: int = 0
    unread_threads: int = 0


@dataclass(frozen=True, slots=True)
class InMailbox:
    """It is in the mailbox; None is one that nobody has."""

    mailbox_id: MailboxId | None


@dataclass(frozen=True, slots=True)
class OutsideOf:
    """It is in at least one mailbox that is not among these."""

    mailbox_ids: frozenset[MailboxId]


@dataclass(frozen=True, slots=True)
class ReceivedAt:
    """It came at or after `since` and before `before` (microseconds since 1970)."""

    since: int | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class SizeIs:
    """Its size is at least `minimum` and below `maximum`."""

    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """It has the system flag, or the keyword where `flag` is NONE."""

    flag: Flag
    keyword: str = ""


@dataclass(frozen=True, slots=True)
class ThreadMarked:
    """All emails of its thread are marked so, or at least one is."""

    mark: Marked
    every: bool


@dataclass(frozen=True, slots=True)
class HasAttachment:
    """A reader would say that something is attached."""


@dataclass(frozen=True, slots=True)
class Order:
    """One comparator of a sort (RFC 8621 §4.4.2)."""

    by: str
    ascending: bool = True
    mark: Marked | None = None
    """Of the comparators by keyword."""
