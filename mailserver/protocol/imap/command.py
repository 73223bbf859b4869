"""Every command a client can send, one frozen dataclass each, free of octets and quoting.

Mailbox names are decoded (modified UTF-7 or UTF-8) and INBOX is upper case. Numbers keep `*` as
`numset.STAR`; `numset.resolve` turns it into the largest number once the mailbox is at hand.
Secrets travel as `Plaintext`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from mailserver.model.mailbox import Role
from mailserver.model.message import NO_KEYWORDS, Flag, Keywords, StoreMode
from mailserver.model.query import Query
from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap.numset import SequenceSet, UidSet
from mailserver.protocol.mime.section import Section

Numbers = SequenceSet | UidSet
"""Which messages: by position in the session's view, or by UID (the command was `UID …`)."""


# --- any state (RFC 9051 §6.1)


@dataclass(frozen=True, slots=True)
class Capability:
    """RFC 9051 §6.1.1."""


@dataclass(frozen=True, slots=True)
class Noop:
    """RFC 9051 §6.1.2."""


@dataclass(frozen=True, slots=True)
class Logout:
    """RFC 9051 §6.1.3."""


@dataclass(frozen=True, slots=True)
class Id:
    """RFC 2971 §3.1: what the client says it is; `None` for NIL. Field names in lower case."""

    fields: tuple[tuple[str, str | None], ...] | None


# --- not authenticated (RFC 9051 §6.2)


@dataclass(frozen=True, slots=True)
class StartTls:
    """RFC 9051 §6.2.1.

    The machine pauses after it; `Machine.start_tls` drops what came in the clear behind it.
    """


@dataclass(frozen=True, slots=True)
class Authenticate:
    """RFC 9051 §6.2.2, RFC 4959.

    The machine pauses after it until the edge calls `expect_line` or `resume`. `mechanism` is in
    upper case. `initial` is the decoded initial response: None where there is none, empty for `=`.
    """

    mechanism: str
    initial: Plaintext | None


@dataclass(frozen=True, slots=True)
class Login:
    """RFC 9051 §6.2.3. The machine pauses after it until the edge calls `resume`."""

    username: str
    password: Plaintext


# --- authenticated (RFC 9051 §6.3)


@dataclass(frozen=True, slots=True)
class Enable:
    """RFC 9051 §6.3.1; names in upper case, known or not."""

    capabilities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Select:
    """RFC 9051 §6.3.2; `condstore` is RFC 7162 §3.1.8."""

    mailbox: str
    condstore: bool = False


@dataclass(frozen=True, slots=True)
class Examine:
    """RFC 9051 §6.3.3: SELECT that changes nothing in the mailbox, not even what is recent."""

    mailbox: str
    condstore: bool = False


@dataclass(frozen=True, slots=True)
class Create:
    """RFC 9051 §6.3.4; a separator at the end is taken off.

    `role` is the special use that RFC 6154 §3 asks for. `impossible_use` says that the client asked
    for one we do not have, or for several: the answer is `NO [USEATTR]`.
    """

    mailbox: str
    role: Role | None = None
    impossible_use: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """RFC 9051 §6.3.5."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class Rename:
    """RFC 9051 §6.3.6; a separator at the end of `new` is taken off."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    """RFC 9051 §6.3.7."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """RFC 9051 §6.3.8."""

    mailbox: str


class StatusItem(Enum):
    """What STATUS tells of a mailbox; the value is its name on the wire.

    Source: RFC 9051 §6.3.11, RFC 7162 §3.1.7, RFC 8438, RFC 8474 §4.3.
    """

    MESSAGES = b"MESSAGES"
    RECENT = b"RECENT"
    UIDNEXT = b"UIDNEXT"
    UIDVALIDITY = b"UIDVALIDITY"
    UNSEEN = b"UNSEEN"
    DELETED = b"DELETED"
    SIZE = b"SIZE"
    HIGHESTMODSEQ = b"HIGHESTMODSEQ"
    MAILBOXID = b"MAILBOXID"


class ListSelection(Enum):
    """RFC 5258 §3.1, RFC 6154 §2: which mailboxes LIST tells of."""

    SUBSCRIBED = b"SUBSCRIBED"
    REMOTE = b"REMOTE"
    RECURSIVEMATCH = b"RECURSIVEMATCH"
    SPECIAL_USE = b"SPECIAL-USE"


class ListReturn(Enum):
    """RFC 5258 §3.2, RFC 6154 §2: what LIST tells of each; STATUS has a field of its own."""

    SUBSCRIBED = b"SUBSCRIBED"
    CHILDREN = b"CHILDREN"
    SPECIAL_USE = b"SPECIAL-USE"


@dataclass(frozen=True, slots=True)
class List:
    """RFC 9051 §6.3.9. `patterns == ("",)` without `extended` asks for the separator only.

    `status` is what RETURN (STATUS (…)) wants for each mailbox, in the client's order (RFC 5819).
    """

    reference: str
    patterns: tuple[str, ...]
    selection: frozenset[ListSelection] = frozenset()
    returned: frozenset[ListReturn] = frozenset()
    status: tuple[StatusItem, ...] = ()
    extended: bool = False


@dataclass(frozen=True, slots=True)
class Lsub:
    """RFC 3501 §6.3.9."""

    reference: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Namespace:
    """RFC 9051 §6.3.10."""


@dataclass(frozen=True, slots=True)
class GetJmapAccess:
    """RFC 9698 §4."""


@dataclass(frozen=True, slots=True)
class Status:
    """RFC 9051 §6.3.11; each item once, in the client's order."""

    mailbox: str
    items: tuple[StatusItem, ...]


@dataclass(frozen=True, slots=True)
class AppendMessage:
    """One message of an APPEND, before its octets; they come in `event.LiteralChunk`s."""

    size_octets: int
    flags: Flag = Flag.NONE
    keywords: Keywords = NO_KEYWORDS
    internaldate: datetime | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """RFC 9051 §6.3.12, RFC 3502.

    The command is complete; the octets of `messages` have gone before it as events.
    """

    mailbox: str
    messages: tuple[AppendMessage, ...]


@dataclass(frozen=True, slots=True)
class Idle:
    """RFC 9051 §6.3.13.

    The machine pauses after it until the edge calls `expect_done` or `resume`.
    """


# --- selected (RFC 9051 §6.4)


@dataclass(frozen=True, slots=True)
class Check:
    """RFC 3501 §6.4.1."""


@dataclass(frozen=True, slots=True)
class Close:
    """RFC 9051 §6.4.1."""


@dataclass(frozen=True, slots=True)
class Unselect:
    """RFC 9051 §6.4.2."""


@dataclass(frozen=True, slots=True)
class Expunge:
    """RFC 9051 §6.4.3; `uids` of UID EXPUNGE, None for every deleted message."""

    uids: UidSet | None = None


class SearchReturn(Enum):
    """RFC 9051 §6.4.4 (RFC 4731, RFC 5182)."""

    MIN = b"MIN"
    MAX = b"MAX"
    ALL = b"ALL"
    COUNT = b"COUNT"
    SAVE = b"SAVE"


@dataclass(frozen=True, slots=True)
class Search:
    """RFC 9051 §6.4.4.

    `query` may hold `InSequence`, and `numset.STAR` or `numset.SAVED` in any ranges: the edge
    resolves them first. `returned` is None where there was no RETURN (the answer is SEARCH, not
    ESEARCH); `RETURN ()` is {ALL}. `by_modseq` says that a MODSEQ key stood in it, so that the
    answer tells the highest (RFC 7162 §3.1.5).
    """

    query: Query
    by_uid: bool
    returned: frozenset[SearchReturn] | None = None
    by_modseq: bool = False


class Attribute(Enum):
    """A FETCH item without arguments; the value is its name in the answer (RFC 9051 §6.4.5)."""

    UID = b"UID"
    FLAGS = b"FLAGS"
    INTERNALDATE = b"INTERNALDATE"
    RFC822_SIZE = b"RFC822.SIZE"
    ENVELOPE = b"ENVELOPE"
    BODYSTRUCTURE = b"BODYSTRUCTURE"
    BODY = b"BODY"
    """The structure without extension data."""
    MODSEQ = b"MODSEQ"
    """RFC 7162 §3.1.4."""
    EMAILID = b"EMAILID"
    THREADID = b"THREADID"
    """RFC 8474 §5."""
    SAVEDATE = b"SAVEDATE"
    """RFC 8514 §4.2."""
    PREVIEW = b"PREVIEW"
    """RFC 8970 §3; LAZY is taken and ignored, for our previews are at hand."""


@dataclass(frozen=True, slots=True)
class BodySection:
    """BODY[…], BODY.PEEK[…] and their old names RFC822, RFC822.HEADER, RFC822.TEXT.

    `partial` is (first octet, count ≥ 1). `label` is the item's name in the answer, such as
    `BODY[TEXT]<0>`. `peek` leaves the flag Seen alone.
    """

    section: Section
    peek: bool
    partial: tuple[int, int] | None
    label: bytes


FetchItem = Attribute | BodySection


@dataclass(frozen=True, slots=True)
class Fetch:
    """RFC 9051 §6.4.5.

    `changed_since` is RFC 7162 §3.1.4.1 (and implies the item MODSEQ, which is then in `items`).
    Macros are expanded, items come once each, and UID FETCH always has the item UID.
    """

    numbers: Numbers
    items: tuple[FetchItem, ...]
    changed_since: int | None = None


@dataclass(frozen=True, slots=True)
class Store:
    """RFC 9051 §6.4.6; `unchanged_since` is RFC 7162 §3.1.3."""

    numbers: Numbers
    mode: StoreMode
    flags: Flag
    keywords: Keywords = NO_KEYWORDS
    silent: bool = False
    unchanged_since: int | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """RFC 9051 §6.4.7."""

    numbers: Numbers
    mailbox: str


@dataclass(frozen=True, slots=True)
class Move:
    """RFC 9051 §6.4.8."""

    numbers: Numbers
    mailbox: str


AnyState = Capability | Noop | Logout | Id
NotAuthenticated = StartTls | Authenticate | Login
OnMailboxes = Select | Examine | Create | Delete | Rename | Subscribe | Unsubscribe
Authenticated = (
    Enable | OnMailboxes | List | Lsub | Namespace | GetJmapAccess | Status | Append | Idle
)
Selected = Check | Close | Unselect | Expunge | Search | Fetch | Store | Copy | Move

AnyCommand = AnyState | NotAuthenticated | Authenticated | Selected
