"""A mail host that behaves as it is told, on real sockets: what no decent server can be made to do.

Its octets are kept as they came, so that a test can say what went over the wire.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import trustme


@dataclass
class MailHost:
    """How it behaves, and what it saw."""

    name: str = "mx.there.test"
    tls: ssl.SSLContext | None = None
    """Offers STARTTLS with it."""
    offers: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SIZE 1000000", "DSN", "SMTPUTF8")
    says: dict[str, str] = field(default_factory=dict)
    """Replies in place of the usual: by verb, by `RCPT local`, `GREETING` or `END`."""
    drops: set[str] = field(default_factory=set)
    """What makes it hang up without a word: a verb, or `END` for a message's last dot."""
    stalls: bool = False
    """It stops reading when a message comes."""
    at_most: int = 1_000
    """Recipients of a transaction; the others hear 452."""
    delay: float = 0.0
    """Seconds until it answers a message."""
    raw: bytes | None = None
    """What it says instead of SMTP."""
    said_before_tls: bytes = b""
    """Sent in the clear behind the 220 to STARTTLS, as somebody in the middle would."""
    commands: list[str] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    """Messages as they were on the wire, from the octet behind DATA to the last dot's CRLF."""
    encrypted: list[bool] = field(default_factory=list)
    """Of each message: whether it came in TLS."""
    connections: int = 0
    server_names: list[str | None] = field(default_factory=list)
    """What SNI said."""
    port: int = 0
    named: int = 0
    """Recipients of the transaction."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    talks: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if (task := asyncio.current_task()) is not None:
            self.talks[task] = writer
        with suppress(OSError, asyncio.IncompleteReadError):
            if self.raw is not None:
                writer.write(self.raw)
                await reader.read()
            elif await self._answer(writer, "GREETING", f"220 {self.name} ESMTP"):
                while await self._command(reader, writer):
                    pass
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()

    async def _command(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line = (await reader.readuntil(b"\r\n"))[:-2].decode()
        self.commands.append(line)
        verb = line.partition(" ")[0].upper()
        key = verb
        if verb == "RCPT":
            local = line.partition("<")[2].partition("@")[0]
            key = f"RCPT {local}" if f"RCPT {local}" in self.says else verb
        if verb == "MAIL":
            self.named = 0
        self.named += verb == "RCPT"
        if verb == "RCPT" and self.named > self.at_most:
            return await self._answer(writer, "", "452 4.5.3 too many recipients")
        if not await self._answer(writer, key, self._usual(verb, writer)):
            return False
        if verb == "STARTTLS" and self.tls is not None and key not in self.says:
            writer.write(self.said_before_tls)
            await _begin_tls(writer, self.tls)
        if verb == "DATA" and not self.says.get("DATA", "354").startswith(("4", "5")):
            return await self._data(reader, writer)
        return verb != "QUIT"

    async def _data(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if self.stalls:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await self.ended.wait()
        content = b""
        while not (content.endswith(b"\r\n.\r\n") or content == b".\r\n"):
            content += await reader.readuntil(b"\r\n")
        self.contents.append(content)
        await asyncio.sleep(self.delay)
        self.encrypted.append(writer.get_extra_info("ssl_object") is not None)
        return await self._answer(writer, "END", "250 2.0.0 taken")

    def _usual(self, verb: str, writer: asyncio.StreamWriter) -> str:
        match verb:
            case "EHLO":
                in_tls = writer.get_extra_info("ssl_object") is not None
                starttls = ("STARTTLS",) if self.tls is not None and not in_tls else ()
                return "\n".join((f"250 {self.name}", *starttls, *self.offers))
            case "STARTTLS":
                return "220 2.0.0 go on" if self.tls is not None else "502 5.5.1 no"
            case "DATA":
                return "354 go on"
            case "QUIT":
                return "221 2.0.0 bye"
            case _:
                return "250 2.0.0 ok"

    async def _answer(self, writer: asyncio.StreamWriter, key: str, usual: str) -> bool:
        if key in self.drops:
            writer.transport.abort()
            return False
        first, *more = self.says.get(key, usual).split("\n")
        code, lines = first[:3], [first[4:], *more]
        said = [f"{code}-{line}\r\n" for line in lines[:-1]] + [f"{code} {lines[-1]}\r\n"]
        writer.write("".join(said).encode())
        await writer.drain()
        return code != "421"


async def _begin_tls(writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
    """Begin TLS; a writer whose handshake failed is left one that can be closed."""
    wire = writer.transport
    try:
        await writer.start_tls(context)
    finally:
        if vars(writer)["_transport"] is None:
            vars(writer)["_transport"] = wire
    if writer.transport is wire:
        raise ConnectionResetError


def tls_with(
    certificate: trustme.LeafCert, *, seen: list[str | None] | None = None
) -> ssl.SSLContext:
    """Make a server's context with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if seen is not None:
        names = seen

        def note(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
            names.append(name)

        context.sni_callback = note
    return context


@asynccontextmanager
async def hosting(
    host: MailHost, address: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[MailHost]:
    """Let `host` listen for the length of a block."""
    server = await asyncio.start_server(host.talk, address, port)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        server.close()
        host.ended.set()
        for writer in host.talks.values():
            writer.transport.abort()
        await asyncio.gather(*host.talks, return_exceptions=True)
