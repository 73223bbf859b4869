"""A command of which more is to come than one line: what is kept, and what it may still ask."""

import re
from dataclasses import dataclass, field

from mailserver.protocol.imap.command import Append, AppendMessage
from mailserver.protocol.imap.framing import Literal
from mailserver.protocol.imap.grammar_flags import append_message
from mailserver.protocol.imap.grammar_mailbox import mailbox
from mailserver.protocol.imap.lexer import Lexer, SyntaxFault, head
from mailserver.protocol.imap.limits import Limits

_APPEND = re.compile(rb"APPEND +", re.IGNORECASE)


@dataclass(slots=True)
class Pending:
    """The lines so far, with their endings and the literals between them, messages aside."""

    tag: bytes | None
    at: int
    """Where the command's name begins."""
    append_at: int
    """Where the arguments of an APPEND begin; 0 in any other command."""
    octets: bytearray = field(default_factory=bytearray)
    line_octets: int = 0
    literal_octets: int = 0
    synchronising: bool = False
    """Whether the client waits before it sends the last literal announced."""
    mailbox: str = ""
    messages: list[AppendMessage] = field(default_factory=list)

    @classmethod
    def begin(cls, line: bytes) -> "Pending":
        """Begin with the first line, which is not yet part of it."""
        tag, at = head(line)
        append = _APPEND.match(line, at) if tag else None
        return cls(tag, at, append.end() if append else 0)

    def add_line(self, line: bytes, literal: Literal) -> bool:
        """Add a line that ends in `literal`; True where that literal is a message of an APPEND.

        The first literal of an APPEND is the mailbox where nothing stands before it.
        """
        begins_at = len(self.octets) + literal.begins_at
        self.octets += line
        self.line_octets += len(line)
        self.synchronising = literal.synchronising
        return self.append_at > 0 and begins_at != self.append_at

    def largest_argument(self, limits: Limits, *, logged_in: bool) -> int:
        """How many octets a literal that is an argument may have now."""
        left = limits.literal_octets - self.literal_octets
        return left if logged_in else min(left, limits.early_literal_octets)

    def add_message(self, line: bytes, literal: Literal) -> AppendMessage:
        """Read what stands before a message's literal, `line` being the last one.

        Raises:
            SyntaxFault: it is not in the grammar of APPEND.
        """
        if self.messages:  # RFC 3502: a further one; the line is all there is of it
            lexer = Lexer(line[: literal.begins_at])
        else:
            begins_at = len(self.octets) - len(line) + literal.begins_at
            lexer = Lexer(bytes(self.octets[:begins_at]), self.append_at)
            self.mailbox = mailbox(lexer)
        lexer.space()
        message = append_message(lexer, literal.size_octets)
        self.messages.append(message)
        return message

    def end_append(self, rest: bytes) -> Append:
        """Make the APPEND, `rest` being what stands behind its last message.

        Raises:
            SyntaxFault: it is more than spaces.
        """
        if rest.strip(b" "):
            raise SyntaxFault("expected another message or the end of the line")
        return Append(self.mailbox, tuple(self.messages))
