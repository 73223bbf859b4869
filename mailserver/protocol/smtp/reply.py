"""Replies as a server writes them: code, enhanced code, words for people (RFC 5321 §4.2)."""

import re
from dataclasses import dataclass

from mailserver.model.errors import Condition, PeerFault
from mailserver.protocol.smtp.codes import Code, Detail

LINE_OCTETS = 512  # RFC 5321 §4.5.3.1.5, code and CRLF included
_TEXT_OCTETS = LINE_OCTETS - len("550-5.7.111 \r\n")
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply; `text` may have several lines, which become a multi-line reply.

    `detail` is None for what has no enhanced code: greetings, EHLO and 3yz (RFC 2034 §4).
    """

    code: Code
    detail: Detail | None
    text: str

    def encode(self) -> bytes:
        """Write the reply as octets, CRLF included.

        Characters other than printable ASCII become `?` and long lines are cut: what a peer sent
        us can then neither end a line of ours nor begin one.
        """
        status = "" if self.detail is None else f"{self.code // 100}.{self.detail} "
        lines = [
            status + _NOT_PRINTABLE.sub("?", line)[:_TEXT_OCTETS] for line in self.text.split("\n")
        ]
        written = [f"{int(self.code)}-{line}\r\n" for line in lines[:-1]]
        written.append(f"{int(self.code)} {lines[-1]}\r\n")
        return "".join(written).encode("ascii")


class Rejection(PeerFault):
    """A command that cannot be taken, with the reply that says so."""

    def __init__(self, reply: Reply, condition: Condition = Condition.BAD_SYNTAX) -> None:
        """Carry `reply`; `condition` is what it amounts to for whoever counts."""
        super().__init__(condition, reply.text)
        self.reply = reply


def rejection(code: Code, detail: Detail, text: str) -> Rejection:
    """Make the error whose reply has these parts."""
    return Rejection(Reply(code, detail, text))
