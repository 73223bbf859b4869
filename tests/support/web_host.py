"""A web server of the test internet: it says what it is told, and keeps what it was asked.

A second one at another address stands for a machine within: whatever reaches it should not have.
And a name server whose answers change from one question to the next.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from typing import cast

import dns.message
import dns.rdatatype
import dns.rrset

from mailserver.runtime.settings_values import Endpoint

Answer = bytes | Callable[[bytes], bytes]


def answer(
    body: bytes = b"", kind: str = "text/plain", *fields: str, status: str = "200 OK"
) -> bytes:
    """Write a whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def redirect(there: str, status: str = "302 Found") -> bytes:
    """Write a redirection."""
    return answer(b"", "text/html", f"Location: {there}", status=status)


@dataclass
class WebHost:
    """How it behaves, and what it saw."""

    answers: dict[str, Answer] = field(default_factory=dict)
    """By path and query; what is not there is 404."""
    delay: float = 0.0
    """Seconds until it answers."""
    asked: list[bytes] = field(default_factory=list)
    """Whole requests."""
    connections: int = 0
    port: int = 0
    talks: set[asyncio.StreamWriter] = field(default_factory=set)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.talks.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                ),
                0,
            )
            self.asked.append(head + await reader.readexactly(length))
            await asyncio.sleep(self.delay)
            target = head.split(b" ")[1].decode()
            said = self.answers.get(target, answer(status="404 Not Found"))
            writer.write(said(self.asked[-1]) if callable(said) else said)
            await writer.drain()
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()
        self.talks.discard(writer)

    @property
    def targets(self) -> list[str]:
        """The paths that were asked for."""
        return [request.split(b" ")[1].decode() for request in self.asked]

    @asynccontextmanager
    async def serving(
        self, address: str, tls: ssl.SSLContext | None = None, port: int = 0
    ) -> AsyncIterator["WebHost"]:
        """Serve at `address` for the length of a block."""
        with bound(address, port) as listening:
            async with self.serving_at(listening, tls):
                yield self

    @asynccontextmanager
    async def serving_at(
        self, listening: socket.socket, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator["WebHost"]:
        """Serve where somebody bound a socket."""
        server = await asyncio.start_server(self.talk, sock=listening, ssl=tls)
        self.port = listening.getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in self.talks:
                writer.transport.abort()
            await asyncio.sleep(0.05)


def bound(address: str, port: int = 0) -> socket.socket:
    """Bind a socket. Raises OSError: the port is somebody's."""
    listening = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
    except OSError:
        listening.close()
        raise
    return listening


def bound_alike(first: str, second: str) -> tuple[socket.socket, socket.socket]:
    """Bind two addresses to the same free port."""
    for _ in range(50):
        one = bound(first)
        try:
            return one, bound(second, one.getsockname()[1])
        except OSError:
            one.close()
    raise RuntimeError("no port is free at both addresses")


class _Changing(asyncio.DatagramProtocol):
    """Answers questions for addresses, each time with the next of a list."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._next: Iterator[str] = cycle(addresses)
        self.answered: list[str] = []
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # not its type before 3.12

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        reply = dns.message.make_response(query)
        question = query.question[0]
        if question.rdtype == dns.rdatatype.A:
            address = next(self._next)
            self.answered.append(address)
            reply.answer.append(dns.rrset.from_text(question.name, 0, "IN", "A", address))
        if self._transport is not None:
            self._transport.sendto(reply.to_wire(), addr)


@asynccontextmanager
async def changing_dns(addresses: Sequence[str]) -> AsyncIterator[tuple[Endpoint, list[str]]]:
    """Serve any name with the next of `addresses` at each question, and a TTL of nothing.

    Yields where it is, and what it answered.
    """
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: _Changing(addresses), local_addr=("127.0.0.1", 0)
    )
    try:
        port = transport.get_extra_info("sockname")[1]
        yield Endpoint(host="127.0.0.1", port=port), protocol.answered
    finally:
        transport.close()
