r"""Transcripts: wire behaviour as data, one behaviour a file, played against a real server.

A file is lines. What they begin with says what they are:

    # text                      a comment; the first one says which behaviour, and its source
    given NAME: file [(flags)] [date]   a message is in the mailbox (made where it is missing)
    given recent                nobody has selected the mailboxes yet: the messages are \Recent
    given connected             start with the greeting; `given signed in`: without a mailbox
    given damaged: number       the ciphertext of that message was changed on disk
    given quota: octets         how much the account may hold
    only: whole octets          which ways to play it, where not all make sense; then why
    C: text                     the client sends a line
    C- text                     the client sends octets without a line ending
    S: text                     the server says a line
    elsewhere NAME: file        a message arrives
    C2: … S2: …                 a second client, signed in, INBOX selected

Unless told otherwise the client is signed in, INBOX is selected, and nothing is \Recent. In an S
line `<any>` stands for anything, `<name>` for a word without spaces or brackets that is the same
wherever `<name>` stands again. The text for people behind OK, NO, BAD, BYE and `+` may go
on beyond what is written. `S: <closed>` is the end of the connection.

Each file is played whole (what the client sends until it waits is one write), octet by octet (each
octet is a write of its own) and pipelined (everything is sent at once).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from mailserver.model.message import Flag

MESSAGES = Path(__file__).parent.parent / "transcripts" / "messages"
DEADLINE_SECONDS = 30


class Mode(Enum):
    """How a client may send one and the same octets."""

    WHOLE = "whole"
    OCTETS = "octets"
    PIPELINED = "pipelined"


@dataclass(frozen=True)
class Given:
    """A message that is there at the start."""

    mailbox: str
    file: str
    flags: Flag = Flag.NONE
    keywords: frozenset[str] = frozenset()
    internaldate: datetime | None = None

    @property
    def octets(self) -> bytes:
        return message(self.file)


@dataclass(frozen=True)
class Sent:
    """The client sends octets."""

    client: int
    octets: bytes
    line: int


@dataclass(frozen=True)
class Said:
    """The server says a line, or closes (None)."""

    client: int
    text: str | None
    line: int


@dataclass(frozen=True)
class Arrives:
    """A message arrives meanwhile."""

    given: Given
    line: int


Step = Sent | Said | Arrives


@dataclass
class Transcript:
    """One file."""

    path: Path
    title: str = ""
    start: str = "selected"
    recent: bool = False
    quota_octets: int = 0
    modes: frozenset[Mode] = frozenset(Mode)
    messages: list[Given] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    @property
    def clients(self) -> int:
        """How many clients take part."""
        return max((s.client for s in self.steps if not isinstance(s, Arrives)), default=1)


def message(file: str) -> bytes:
    """Read a message of the transcripts' own, with the line endings of the wire."""
    return (MESSAGES / file).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


_GIVEN = re.compile(r"(\S+): (\S+)(?: \(([^)]*)\))?(?: (\d{4}-\S+))?\Z")
_TALK = re.compile(r"([CS])([2-9]?)([:-]) ?(.*)\Z")


def parse(path: Path) -> Transcript:
    """Read a transcript."""
    made = Transcript(path)
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.startswith("#"):
            made.title = made.title or line[1:].strip()
        elif line.startswith("given "):
            _give(made, line.removeprefix("given "))
        elif line.startswith("only: "):
            words = line.removeprefix("only: ").split(";")[0].split()
            made.modes = frozenset(Mode(word.strip(",")) for word in words)
        elif line.startswith("elsewhere "):
            made.steps.append(Arrives(_message(line.removeprefix("elsewhere ")), number))
        elif talk := _TALK.match(line):
            made.steps.append(_talk(talk, number))
        elif line.strip():
            raise ValueError(f"{path.name}:{number}: {line!r} is no line of a transcript")
    if not made.title or not any(isinstance(step, Said) for step in made.steps):
        raise ValueError(f"{path.name}: a transcript says what it shows, and shows it")
    return made


def _give(made: Transcript, text: str) -> None:
    if text in ("connected", "signed in"):
        made.start = text
    elif text == "recent":
        made.recent = True
    elif text.startswith("quota: "):
        made.quota_octets = int(text.removeprefix("quota: "))
    elif text.startswith("damaged: "):
        made.damaged.append(int(text.removeprefix("damaged: ")))
    else:
        made.messages.append(_message(text))


def _message(text: str) -> Given:
    match = _GIVEN.match(text)
    if match is None:
        raise ValueError(f"{text!r} names no message")
    mailbox, file, words, date = match.groups()
    flags, keywords = Flag.NONE, set()
    for word in (words or "").split():
        if word.startswith("\\"):
            flags |= Flag[word[1:].upper()]
        else:
            keywords.add(word)
    at = datetime.fromisoformat(date).replace(tzinfo=UTC) if date else None
    return Given(mailbox, file, flags, frozenset(keywords), at)


def _talk(talk: "re.Match[str]", number: int) -> Step:
    side, client, kind, text = talk.groups()
    index = int(client or 1)
    if side == "C":
        octets = text.encode().replace(b"\\r", b"\r").replace(b"\\n", b"\n")
        return Sent(index, octets + (b"" if kind == "-" else b"\r\n"), number)
    return Said(index, None if text == "<closed>" else text, number)


class Match:
    """Compares what is said with what was to be said, remembering `<names>`."""

    def __init__(self) -> None:
        self._named: dict[str, str] = {}

    def __call__(self, expected: str, said: str) -> bool:
        """Whether `said` is `expected`."""
        pattern = "".join(self._part(part) for part in re.split(r"(<[a-z]+>)", expected))
        if re.match(r"(\S+ (OK|NO|BAD|BYE|PREAUTH)\b|\+)", expected):
            pattern += "(?: .*)?" if not expected.endswith(" ") else ".*"
        match = re.fullmatch(pattern, said, re.DOTALL)
        if match:
            self._named |= match.groupdict()
        return match is not None

    def _part(self, part: str) -> str:
        if not re.fullmatch(r"<[a-z]+>", part):
            return re.escape(part)
        name = part[1:-1]
        if name == "any":
            return ".*"
        return re.escape(self._named[name]) if name in self._named else f"(?P<{name}>[^][() ]+)"


class Wire:
    """One client's end of the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, octets: bytes, mode: Mode) -> None:
        """Send octets in one write, or each in its own."""
        if mode is not Mode.OCTETS:
            self._writer.write(octets)
            return
        for octet in octets:
            self._writer.write(bytes((octet,)))
            await asyncio.sleep(0)

    async def line(self) -> str | None:
        """Return the next line without its ending, None at the end."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            line = await self._reader.readline()
        return line.removesuffix(b"\r\n").decode("utf-8", "surrogateescape") if line else None

    async def skip_to(self, start: str) -> None:
        """Read until a line that begins with `start`."""
        while not (line := await self.line() or "<closed>").startswith(start):
            if line == "<closed>" or re.match(r"\S+ (NO|BAD) ", line):
                raise AssertionError(f"instead of {start}: {line}")

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


@asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    """Connect to a port on loopback."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    client = Wire(reader, writer)
    try:
        yield client
    finally:
        with suppress(ConnectionError):
            await client.close()


async def play(
    transcript: Transcript,
    mode: Mode,
    clients: list[Wire],
    arrive: Callable[[Given], Awaitable[None]],
) -> None:
    """Play the steps; an AssertionError names the line that went otherwise."""
    matches = [Match() for _ in clients]
    if mode is Mode.PIPELINED:
        everything = b"".join(s.octets for s in transcript.steps if isinstance(s, Sent))
        await clients[0].send(everything, mode)
    for step in _joined(transcript.steps):
        where = f"{transcript.path.name}:{step.line} ({mode.value})"
        if isinstance(step, Arrives):
            await arrive(step.given)
        elif isinstance(step, Sent):
            if mode is not Mode.PIPELINED:
                await clients[step.client - 1].send(step.octets, mode)
        else:
            try:
                said = await clients[step.client - 1].line()
            except TimeoutError:
                raise AssertionError(f"{where}: silence, not {step.text!r}") from None
            if step.text is None or said is None:
                assert said == step.text, f"{where}: {said!r}, not {step.text!r}"
            else:
                good = matches[step.client - 1](step.text, said)
                assert good, f"{where}: {said!r}, not {step.text!r}"


def _joined(steps: list[Step]) -> list[Step]:
    """Join what one client sends without waiting into one step."""
    joined: list[Step] = []
    for step in steps:
        last = joined[-1] if joined else None
        if isinstance(step, Sent) and isinstance(last, Sent) and last.client == step.client:
            joined[-1] = Sent(step.client, last.octets + step.octets, last.line)
        else:
            joined.append(step)
    return joined
