"""A search as a tree, shared by IMAP SEARCH (RFC 9051 §6.4.4) and JMAP Email/query."""

from dataclasses import dataclass
from datetime import date
from enum import Enum, auto

from mailserver.model.ids import EmailId, ModSeq, ThreadId
from mailserver.model.message import Flag


class Field(Enum):
    """Where a text is looked for. ANY is header and body, BODY the decoded text parts."""

    ANY = auto()
    BODY = auto()
    SUBJECT = auto()
    FROM = auto()
    TO = auto()
    CC = auto()
    BCC = auto()


@dataclass(frozen=True, slots=True)
class All:
    """Every message."""


@dataclass(frozen=True, slots=True)
class HasFlag:
    """The system flag is set."""

    flag: Flag


@dataclass(frozen=True, slots=True)
class HasKeyword:
    """The keyword is set; names compare without case."""

    keyword: str


@dataclass(frozen=True, slots=True)
class IsRecent:
    r"""The session sees it as \Recent."""


@dataclass(frozen=True, slots=True)
class Text:
    """The text occurs as a substring in `field`, after NFKC and case folding."""

    field: Field
    text: str


@dataclass(frozen=True, slots=True)
class Header:
    """A header field of that name exists and contains `text` (which may be empty)."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Received:
    """INTERNALDATE's day is on or after `since` and before `before`, time zone disregarded."""

    since: date | None = None
    before: date | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """The day it came into this mailbox is on or after `since` and before `before` (RFC 8514)."""

    since: date | None = None
    before: date | None = None


@dataclass(frozen=True, slots=True)
class IsEmail:
    """It is this email (RFC 8474 §6); None is an identifier nobody has."""

    email_id: EmailId | None


@dataclass(frozen=True, slots=True)
class InThread:
    """It is in this thread (RFC 8474 §6); None is an identifier nobody has."""

    thread_id: ThreadId | None


@dataclass(frozen=True, slots=True)
class Sent:
    """The Date field's day is on or after `since` and before `before`."""

    since: date | None = None
    before: date | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """RFC822.SIZE is above `larger` and below `smaller`, both exclusive."""

    larger: int | None = None
    smaller: int | None = None


@dataclass(frozen=True, slots=True)
class InUids:
    """The UID lies in one of the inclusive ranges."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class InSequence:
    """The sequence number lies in one of the inclusive ranges; an edge makes it `InUids`."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ChangedSince:
    """MODSEQ is at least `modseq` (RFC 7162 §3.1.5)."""

    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class Not:
    """The key does not hold."""

    key: "Query"


@dataclass(frozen=True, slots=True)
class And:
    """All keys hold."""

    keys: tuple["Query", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one key holds."""

    keys: tuple["Query", ...]


Query = (
    All
    | HasFlag
    | HasKeyword
    | IsRecent
    | Text
    | Header
    | Received
    | Saved
    | Sent
    | IsEmail
    | InThread
    | Size
    | InUids
    | InSequence
    | ChangedSince
    | Not
    | And
    | Or
)
