"""What `Machine.feed` yields, in the order in which it stood on the wire.

The edge answers: `Command` with what it did, `Bad` with `tag BAD text` (`* BAD text` where no tag
could be read), `TooLong` with `tag NO [TOOBIG] text`, `BadCharset` with `tag NO [BADCHARSET (…)]`,
`NeedContinuation` with `+ text`. After a `fatal` one it says `* BYE` and closes; the machine yields
nothing more.

An APPEND is `LiteralBegin`, any number of `LiteralChunk`, `LiteralEnd`, once for each message, and
then its `Command`. At `LiteralBegin` the machine pauses: the edge calls `Machine.accept_literal`
(after writing `+ OK` where the literal is synchronising) or writes its tagged refusal and calls
`Machine.refuse_literal`. A `Bad` or `TooLong` at any point before the `Command` ends the APPEND,
and what was collected for it is dropped.
"""

from dataclasses import dataclass

from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap.command import AnyCommand, AppendMessage


@dataclass(frozen=True, slots=True)
class Command:
    """A whole command, understood.

    After LOGIN, AUTHENTICATE, STARTTLS, IDLE and LOGOUT the machine pauses.
    """

    tag: bytes
    command: AnyCommand


@dataclass(frozen=True, slots=True)
class NeedContinuation:
    """The client waits for `+` before it sends a (small, synchronising) literal."""

    text: bytes


@dataclass(frozen=True, slots=True)
class LiteralBegin:
    """The octets of one message of an APPEND are about to come, no more than the limit."""

    tag: bytes
    mailbox: str
    message: AppendMessage
    synchronising: bool
    """The client waits for `+` before it sends them; otherwise they are on their way (RFC 7888)."""


@dataclass(frozen=True, slots=True)
class LiteralChunk:
    """Some of those octets, never none, as they came: only their sum is the client's choice."""

    octets: Plaintext


@dataclass(frozen=True, slots=True)
class LiteralEnd:
    """All octets of that message are here."""


@dataclass(frozen=True, slots=True)
class SaslLine:
    """A client's answer in an AUTHENTICATE exchange, decoded; None where it cancelled with `*`."""

    response: Plaintext | None


@dataclass(frozen=True, slots=True)
class Done:
    """The client ended IDLE."""


@dataclass(frozen=True, slots=True)
class Bad:
    """What came is not in the grammar.

    In an AUTHENTICATE or IDLE exchange it ends that exchange, with its tag.
    """

    tag: bytes | None
    text: bytes
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class TooLong:
    """A message literal is over the limit, and none of it was read (RFC 9051 §4.3, RFC 7888 §4)."""

    tag: bytes
    text: bytes
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class BadCharset:
    """SEARCH named a CHARSET we do not read (RFC 9051 §6.4.4)."""

    tag: bytes


Event = (
    Command
    | NeedContinuation
    | LiteralBegin
    | LiteralChunk
    | LiteralEnd
    | SaslLine
    | Done
    | Bad
    | TooLong
    | BadCharset
)
