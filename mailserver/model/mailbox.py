"""Mailboxes, their special uses (RFC 6154) and what a session sees of one."""

from array import array
from dataclasses import dataclass
from enum import Enum

from mailserver.model.ids import MailboxId, ModSeq, Uid

SEPARATOR = "/"
INBOX = "INBOX"
NAME_OCTETS = 1_000
MAILBOXES_PER_ACCOUNT = 10_000
HIERARCHY_DEPTH = 50


class Role(Enum):
    """RFC 6154 §2 and RFC 8621 §2; INBOX is a role of its own there."""

    INBOX = "inbox"
    ARCHIVE = "archive"
    DRAFTS = "drafts"
    FLAGGED = "flagged"
    JUNK = "junk"
    SENT = "sent"
    TRASH = "trash"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox as it stands; `name` is its whole path, INBOX in upper case."""

    id: MailboxId
    name: str
    role: Role | None
    uid_validity: int
    uid_next: Uid
    highest_modseq: ModSeq
    total: int
    unseen: int
    deleted: int
    octets: int
    subscribed: bool
    sort_order: int | None = None
    """Where its owner put it among its siblings, if he did (RFC 8621 §2)."""


@dataclass(slots=True)
class MailboxView:
    r"""What SELECT opens: the mailbox, its UIDs in order, and where \Recent begins."""

    mailbox: Mailbox
    uids: "array[int]"
    recent_from: Uid
    first_unseen: Uid | None
