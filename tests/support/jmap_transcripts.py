r"""Transcripts of JMAP: behaviour as data, one behaviour a file, played against a real server.

A file is lines. What they begin with says what they are; a line that begins with a blank goes on
with the one before.

    # text                       a comment; the first one says which behaviour, and its source
    given a: MAILBOX file [(flags)] ["date"]  a message is there (the mailbox is made where it is
                                 missing); its email is `<a>` from here on
    delivered a: file            a message arrives; its email is `<a>`
    C: Method {arguments}        the client calls; calls that follow each other are one request
    S: Method {arguments}        the server responds, once for each call, in order
    I: command                   somebody else says this by IMAP; INBOX is selected

The calls of a request have the ids c0, c1 and so on; `accountId` is added where it is not written.
The account's mailboxes are `<inbox>`, `<drafts>` and so on, `<me>` is its address, `<account>` its
id.

Of an object in an S line each member that is written must be there and be so; members that are not
written may be anything, and "<absent>" must not be there. A list must be whole. "<any>" stands for
anything, "<name>" for a text that is the same wherever `<name>` stands again, in C lines too.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.jmap_wire import JmapWire, Json
from tests.support.mail_clients import SENDER, User
from tests.support.transcripts import message
from tests.support.wire import RawWire, quoted

_LINE = re.compile(r"(given|delivered) (\w+): (.*)|([CSI]): (.*)", re.DOTALL)
_MESSAGE = re.compile(r'(?:(\S+) )?(\S+\.eml)(?: \(([^)]*)\))?(?: "([^"]*)")?\Z')
_NAME = re.compile(r"<(\w+)>")


@dataclass(frozen=True)
class Line:
    """One line, with those that go on with it."""

    number: int
    kind: str
    name: str
    text: str

    @property
    def call(self) -> tuple[str, Json]:
        """A method and its arguments."""
        method, _, arguments = self.text.partition(" ")
        return method, json.loads(arguments or "{}")


@dataclass
class Transcript:
    """One file."""

    path: Path
    title: str = ""
    lines: list[Line] = field(default_factory=list)


def parse(path: Path) -> Transcript:
    """Read a transcript."""
    made = Transcript(path)
    for number, text in _joined(path.read_text("utf-8")):
        if text.startswith("#"):
            made.title = made.title or text[1:].strip()
            continue
        found = _LINE.match(text)
        if found is None:
            raise ValueError(f"{path.name}:{number}: {text!r} is no line of a transcript")
        kind, name, given, letter, said = found.groups()
        made.lines.append(Line(number, kind or letter, name or "", given or said))
    if not made.title or not any(line.kind == "S" for line in made.lines):
        raise ValueError(f"{path.name}: a transcript says what it shows, and shows it")
    return made


def _joined(text: str) -> Iterator[tuple[int, str]]:
    whole, begun = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(" "):
            whole += "\n" + line
            continue
        if whole.strip():
            yield begun, whole
        whole, begun = line, number
    if whole.strip():
        yield begun, whole


class Play:
    """One transcript on one account."""

    def __init__(self, transcript: Transcript, user: User, wire: JmapWire, imap: RawWire) -> None:
        """Play on the account of `user`, whom `wire` and `imap` are signed in for."""
        self._transcript = transcript
        self._user = user
        self._wire = wire
        self._imap = imap
        self._names = {"me": user.address, "account": wire.account_id}
        self._names |= {box["role"]: box["id"] for box in wire.mailboxes() if box["role"]}
        self._calls: list[tuple[str, Json]] = []
        self._said: list[tuple[str, Json]] = []

    def run(self) -> None:
        """Play it; an AssertionError names the line that went otherwise."""
        for line in self._transcript.lines:
            if line.kind == "C":
                assert not self._said, f"{self._where(line)}: the server said more"
                method, arguments = line.call
                self._calls.append((method, self._filled(arguments)))
            elif line.kind == "S":
                self._answer(line)
            else:
                self._meanwhile(line)
        assert not self._calls, "the last request was not sent"
        assert not self._said, f"the server said more: {self._said}"

    def _where(self, line: Line) -> str:
        return f"{self._transcript.path.name}:{line.number}"

    def _answer(self, line: Line) -> None:
        if self._calls:
            self._said = self._wire.request(*self._calls)
            self._calls = []
        assert self._said, f"{self._where(line)}: the server said nothing more"
        told, arguments = self._said.pop(0)
        method, expected = line.call
        problem = "" if told == method else f"{told}, not {method}"
        problem = problem or self._difference(expected, arguments, method)
        assert not problem, f"{self._where(line)}: {problem}; it said {json.dumps(arguments)}"

    def _meanwhile(self, line: Line) -> None:
        assert not self._calls
        if line.kind == "I":
            answer = self._imap.tagged(self._text(line.text).encode())
            assert answer.startswith(b"t OK"), f"{self._where(line)}: {answer!r}"
            return
        found = _MESSAGE.match(line.text)
        assert found is not None, self._where(line)
        mailbox, file, flags, date = found.groups()
        before = set(self._emails())
        if line.kind == "delivered":
            with self._user.lmtp() as lmtp:
                lmtp.sendmail(SENDER, [self._user.address], message(file))
        else:
            self._imap.tagged(b"CREATE " + quoted(mailbox))  # it may be there
            octets = message(file)
            words = f" ({flags or ''})" + (f' "{date}"' if date else "")
            command = b"APPEND %b%b {%d+}\r\n%b"
            answer = self._imap.tagged(
                command % (quoted(mailbox), words.encode(), len(octets), octets)
            )
            assert answer.startswith(b"t OK"), f"{self._where(line)}: {answer!r}"
        (self._names[line.name],) = set(self._emails()) - before

    def _emails(self) -> list[str]:
        return list(self._wire.call("Email/query", filter=None)["ids"])

    def _filled(self, value: Any) -> Any:
        """Put what is known in the place of `<names>`."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        if isinstance(value, dict):
            return {self._text(key): self._filled(each) for key, each in value.items()}
        return value

    def _text(self, text: str) -> str:
        return _NAME.sub(lambda found: self._names.get(found[1], found[0]), text)

    def _difference(self, expected: Any, said: Any, at: str) -> str:
        """Say where `said` is another; empty where it is not."""
        if isinstance(expected, str):
            return self._differs(expected, said, at)
        if isinstance(expected, list) and isinstance(said, list):
            if len(expected) != len(said):
                return f"{at} has {len(said)} members, not {len(expected)}"
            pairs = zip(expected, said, strict=True)
            return self._first(
                self._difference(a, b, f"{at}/{n}") for n, (a, b) in enumerate(pairs)
            )
        if isinstance(expected, dict) and isinstance(said, dict):
            return self._first(
                self._member(self._text(key), each, said, at) for key, each in expected.items()
            )
        same = type(expected) is type(said) and expected == said
        return "" if same else f"{at} is {said!r}, not {expected!r}"

    def _member(self, key: str, expected: Any, said: Json, at: str) -> str:
        if expected == "<absent>":
            return f"{at}/{key} is there" if key in said else ""
        if key not in said:
            return f"{at}/{key} is not there"
        return self._difference(expected, said[key], f"{at}/{key}")

    @staticmethod
    def _first(differences: Iterator[str]) -> str:
        return next((each for each in differences if each), "")

    def _differs(self, expected: str, said: Any, at: str) -> str:
        if expected == "<any>":
            return ""
        whole = _NAME.fullmatch(expected)
        if whole is not None and whole[1] not in self._names:
            if not isinstance(said, str):
                return f"{at} is {said!r}, not a text"
            self._names[whole[1]] = said
            return ""
        return "" if said == self._text(expected) else f"{at} is {said!r}, not {expected!r}"
