"""A message's flags (RFC 9051 §2.3.2) and the rows that lists and fetches speak of."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, IntFlag
from typing import NamedTuple

from mailserver.model.ids import EmailId, ModSeq, ThreadId, Uid
from mailserver.model.sealed import Plaintext


class Flag(IntFlag):
    r"""System flags, as the bits an entry stores; \Recent is a session's and not stored."""

    NONE = 0
    SEEN = 1
    ANSWERED = 2
    FLAGGED = 4
    DELETED = 8
    DRAFT = 16


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

KEYWORD_OCTETS = 128
KEYWORDS_PER_ACCOUNT = 1_000  # bounds what one account can make us hold in memory

Keywords = frozenset[str]
NO_KEYWORDS: Keywords = frozenset()


class StoreMode(Enum):
    """RFC 9051 §6.4.6: FLAGS, +FLAGS, -FLAGS."""

    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"


class EntryFlags(NamedTuple):
    """The flags of one entry as they stand."""

    uid: Uid
    flags: Flag
    keywords: Keywords
    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message that a client appends."""

    octets: Plaintext
    flags: Flag = Flag.NONE
    keywords: Keywords = NO_KEYWORDS
    internaldate: datetime | None = None
    """When we got it; now, where None."""


class Message(NamedTuple):
    """One entry with whatever was asked for; what was not asked for is None.

    `summary` is the encoded summary (`protocol/mime/summary`), `octets` the message as it came.
    A tuple, with instants as integers, because a list makes 10,000 of them at once.
    """

    uid: Uid
    email_id: EmailId
    thread_id: ThreadId
    flags: Flag
    keywords: Keywords
    modseq: ModSeq
    size_octets: int
    internaldate_us: int
    """When we got it: microseconds since 1970, UTC."""
    saved_us: int
    """When it came into this mailbox, likewise (RFC 8514)."""
    summary: Plaintext | None = None
    octets: Plaintext | None = None
    damaged: bool = False
    """Authentication failed: there is no summary or content to show (PRIVACY §2, Errors)."""

    @property
    def internaldate(self) -> datetime:
        """When we got it."""
        return EPOCH + timedelta(microseconds=self.internaldate_us)

    @property
    def saved_at(self) -> datetime:
        """When it came into this mailbox."""
        return EPOCH + timedelta(microseconds=self.saved_us)


@dataclass(frozen=True, slots=True)
class Appended:
    """RFC 4315 §3: where a message went."""

    uid_validity: int
    uid: Uid
    email_id: EmailId
    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class Copied:
    """RFC 4315 §3 COPYUID: source and destination UIDs, pairwise."""

    uid_validity: int
    source: list[Uid] = field(default_factory=list)
    destination: list[Uid] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a STORE did: the entries that now differ, and the UIDs UNCHANGEDSINCE kept back.

    Source: RFC 7162 §3.1.3.
    """

    changed: list[EntryFlags]
    modified: list[Uid]
    modseq: ModSeq | None
    """None where nothing changed."""
