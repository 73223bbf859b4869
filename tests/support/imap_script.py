"""An IMAP server that says what a test wants said: the truth, or anything else."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

USER = "ada"
PASSWORD = 'a "word" with \\ and é'


@dataclass
class Held:
    """A message it has."""

    uid: int
    octets: bytes
    flags: str = ""
    date: str = " 2-Mar-2026 09:00:00 +0000"
    labels: str = ""


@dataclass
class Box:
    """A mailbox it has."""

    messages: list[Held] = field(default_factory=list)
    attributes: str = ""
    validity: int = 7


Answer = Callable[["Talk", bytes, bytes], Awaitable[bool]]
"""Is given tag and command; says whether it answered in the server's place."""


@dataclass
class Script:
    """What it has and how it behaves."""

    boxes: dict[str, Box]
    capabilities: str = "IMAP4rev1 AUTH=PLAIN SASL-IR SPECIAL-USE UIDPLUS"
    greeting: bytes = b"* OK ready\r\n"
    answer: Answer | None = None
    delimiter: str = '"/"'
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0


class Talk:
    """One connection."""

    def __init__(
        self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.script = script
        self.reader = reader
        self.writer = writer
        self.box = Box()

    def say(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def run(self) -> None:
        self.say(self.script.greeting)
        while line := await self.reader.readline():
            self.script.heard.append(line.rstrip())
            tag, _, command = line.rstrip().partition(b" ")
            if self.script.answer is not None and await self.script.answer(self, tag, command):
                continue
            await self.obey(tag, command)

    async def obey(self, tag: bytes, command: bytes) -> None:
        """Answer as a server should."""
        words = command.split()
        verb = words[0].upper() if words else b""
        if verb == b"UID":
            verb = b"UID " + words[1].upper()
        match verb:
            case b"AUTHENTICATE":
                self.say(b"+ \r\n")
                self.script.heard.append((await self.reader.readline()).rstrip())
            case b"LOGIN":
                await self._literals(words)
            case b"EXAMINE" | b"SELECT":
                self._open(command)
            case b"CAPABILITY" | b"LIST":
                self._tell_of_itself(verb)
            case _ if len(words) > 2:
                self._tell_of_messages(verb, words[2], command)
        self.say(tag + b" OK done\r\n")

    def _tell_of_itself(self, verb: bytes) -> None:
        if verb == b"CAPABILITY":
            self.say(b"* CAPABILITY " + self.script.capabilities.encode() + b"\r\n")
            return
        for name, box in self.script.boxes.items():
            self.say(f'* LIST ({box.attributes}) {self.script.delimiter} "{name}"\r\n'.encode())

    def _tell_of_messages(self, verb: bytes, uids: bytes, command: bytes) -> None:
        if verb == b"UID SEARCH":
            found = " ".join(str(each.uid) for each in self.box.messages)
            self.say(f"* SEARCH {found}\r\n".encode())
        elif verb == b"UID FETCH":
            for number, held in enumerate(self.box.messages, 1):
                if held.uid in numbers(uids):
                    self.say(fetched(number, held, command))
        elif verb == b"UID EXPUNGE":
            gone = numbers(uids)
            self.box.messages[:] = [each for each in self.box.messages if each.uid not in gone]

    async def _literals(self, words: list[bytes]) -> None:
        for _ in range(2):
            size = int(re.sub(rb"\D", b"", words[-1]))
            self.say(b"+ go on\r\n")
            self.script.heard.append(await self.reader.readexactly(size))
            words = (await self.reader.readline()).split()

    def _open(self, command: bytes) -> None:
        name = command.partition(b" ")[2].decode().strip('"')
        self.box = self.script.boxes[name]
        self.say(f"* {len(self.box.messages)} EXISTS\r\n".encode())
        self.say(f"* OK [UIDVALIDITY {self.box.validity}] fine\r\n".encode())


def fetched(number: int, held: Held, command: bytes = b"BODY.PEEK[]") -> bytes:
    """Write a FETCH response."""
    items = [f"UID {held.uid}".encode()]
    if b"BODY" in command:
        items.append(f'FLAGS ({held.flags}) INTERNALDATE "{held.date}"'.encode())
        if b"X-GM-LABELS" in command:
            items.append(f"X-GM-LABELS ({held.labels})".encode())
        items.append(b"BODY[] {%d}\r\n" % len(held.octets) + held.octets)
    else:
        items.append(b"RFC822.SIZE %d" % len(held.octets))
    return b"* %d FETCH (" % number + b" ".join(items) + b")\r\n"


def numbers(text: bytes) -> set[int]:
    """Read a sequence set."""
    found: set[int] = set()
    for part in text.decode().split(","):
        first, _, last = part.partition(":")
        found.update(range(int(first), int(last or first) + 1))
    return found


@asynccontextmanager
async def pretending(script: Script) -> AsyncIterator[Script]:
    """Run it on a free loopback port for the length of a block."""
    talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks[task] = writer
        script.connections += 1
        try:
            await Talk(script, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client has gone, which is its right
        finally:
            del talks[task]
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()
        for writer in talks.values():
            writer.close()
        await asyncio.wait_for(asyncio.gather(*talks), 30)
