"""What a run decides: plain values, in the order in which the script said them."""

from dataclasses import dataclass

Flags = tuple[str, ...]
"""IMAP flags and keywords as the script spelt them, each once."""


@dataclass(frozen=True, slots=True, repr=False)
class Keep:
    """Store the message where mail goes by default."""

    flags: Flags = ()
    octets: bytes | None = None
    """The message with its header as edited so far; None where it was not (RFC 5293 §6)."""


@dataclass(frozen=True, slots=True, repr=False)
class FileInto:
    """Store the message in a mailbox (RFC 5228 §4.1)."""

    mailbox: str
    flags: Flags = ()
    create: bool = False
    """Make the mailbox where it is missing (RFC 5490 §3.2)."""
    mailbox_id: str = ""
    """Where a mailbox has this id, that one is meant (RFC 9042)."""
    special_use: str = ""
    r"""Where a mailbox has this use (`\Junk`), that one is meant (RFC 8579)."""
    octets: bytes | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Redirect:
    """Send the message on (RFC 5228 §4.2)."""

    address: str
    keeps: bool = False
    """The script wants the message kept all the same, so that a refusal loses nothing."""
    octets: bytes | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Discard:
    """Drop the message silently (RFC 5228 §4.4)."""


@dataclass(frozen=True, slots=True, repr=False)
class Reject:
    """Refuse the message with a reason (RFC 5429)."""

    reason: str
    extended: bool
    """`ereject`: refuse it in the SMTP transaction, never by a message (RFC 5429 §2.1)."""


@dataclass(frozen=True, slots=True, repr=False)
class Vacation:
    """Answer the sender, if all of RFC 5230 §4.5 to §4.7 allows it; that is for others to see."""

    reason: str
    seconds: int
    """How long the same sender gets no second one; 0 answers every time (RFC 6131)."""
    subject: str | None = None
    sender: str | None = None
    """`:from`."""
    addresses: tuple[str, ...] = ()
    """Further addresses of the reader's."""
    mime: bool = False
    """The reason is a whole MIME entity, header and body."""
    handle: str = ""
    """Tells one vacation from another; as the script says, or made of what it answers."""


@dataclass(frozen=True, slots=True, repr=False)
class Notify:
    """Send a notice by mail (RFC 5435, RFC 5436)."""

    address: str
    message: str
    fields: tuple[tuple[str, str], ...] = ()
    """Header fields and the body the mailto: URI asks for, by lower-case name."""
    sender: str | None = None
    importance: int = 2
    """1 high, 2 normal, 3 low."""


Action = Keep | FileInto | Redirect | Discard | Reject | Vacation | Notify


@dataclass(frozen=True, slots=True)
class MailboxExists:
    """Is there a mailbox of that name (RFC 5490 §3.1)?"""

    name: str


@dataclass(frozen=True, slots=True)
class MailboxIdExists:
    """Is there a mailbox with that id (RFC 9042 §4)?"""

    mailbox_id: str


@dataclass(frozen=True, slots=True)
class SpecialUseExists:
    """Is there a mailbox of that use, or is `mailbox` one where it is named (RFC 8579 §3)?"""

    use: str
    mailbox: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class SeenBefore:
    """Was a message with that id delivered before (RFC 7352)?"""

    handle: str
    id: str


Question = MailboxExists | MailboxIdExists | SpecialUseExists | SeenBefore


@dataclass(frozen=True, slots=True, repr=False)
class Seen:
    """Remember an id once the message is delivered, for `seconds` from then (RFC 7352 §3.2)."""

    handle: str
    id: str
    seconds: int
