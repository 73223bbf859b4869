"""An SMTP edge on free ports whose mail goes to a list, and a client that sends what it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from mailserver.mail.delivery import Incoming
from mailserver.model.address import Address
from mailserver.model.envelope import NOTHING_ASKED, Asked
from mailserver.model.errors import Absent, Condition, MailError, Refused
from mailserver.model.sealed import Plaintext
from mailserver.runtime.limits import Budget, Connections
from mailserver.runtime.tls import create_self_signed, server_context
from mailserver.smtp.listener import Listener, Shared
from mailserver.smtp.policy import Policy, Service

HOST = "mail.zegel.test"
DOMAIN = "zegel.test"
SECRET = b"app-password"


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message as delivery got it."""

    octets: bytes
    sender: str | None
    received: bytes
    recipients: list[str]
    asked: Asked = NOTHING_ASKED


@dataclass(slots=True)
class Mailroom:
    """Takes mail for everybody at DOMAIN whose name it has no complaint about, and keeps it here.

    `at_rcpt` and `at_data` are the errors for local parts, said when a recipient is named and when
    the message is there; `delay` is how long a delivery takes.
    """

    at_rcpt: dict[str, MailError] = field(default_factory=dict)
    at_data: dict[str, MailError] = field(default_factory=dict)
    broken: Exception | None = None
    delay: float = 0.0
    taken: list[Delivered] = field(default_factory=list)
    began: asyncio.Event = field(default_factory=asyncio.Event)

    async def recipient(self, address: Address) -> Address:
        if address.domain != DOMAIN and address.domain != HOST:
            raise Absent(Condition.NO_SUCH_DOMAIN, "we do not relay")
        if address.local in self.at_rcpt:
            raise self.at_rcpt[address.local]
        return address

    async def deliver(
        self, message: Incoming, recipients: Sequence[Address]
    ) -> list[MailError | None]:
        self.began.set()
        if self.broken is not None:
            raise self.broken
        if self.delay:
            await asyncio.sleep(self.delay)
        outcomes = [self.at_data.get(recipient.local) for recipient in recipients]
        served = [
            str(recipient)
            for recipient, outcome in zip(recipients, outcomes, strict=True)
            if outcome is None
        ]
        if served:
            self.taken.append(
                Delivered(
                    message.octets.reveal(),
                    None if message.sender is None else str(message.sender),
                    message.received,
                    served,
                    message.asked,
                )
            )
        return outcomes

    async def submit(
        self, submitter: "Submitter", message: Incoming, recipients: Sequence[Address]
    ) -> list[MailError | None]:
        return await self.deliver(message, recipients)


@dataclass(frozen=True, slots=True)
class Submitter:
    """Somebody who signed in."""

    address: Address

    def owns(self, address: Address) -> bool:
        return address.key == self.address.key


@dataclass(slots=True)
class Gate:
    """Lets `<local>@DOMAIN` in with SECRET; keeps what it was asked."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    refusal: MailError | None = None

    async def __call__(self, login: str, secret: Plaintext, ip: str) -> Submitter:
        self.asked.append((login, ip))
        if self.refusal is not None:
            raise self.refusal
        if secret.reveal() != SECRET:
            raise Refused(Condition.AUTHENTICATION_FAILED, "wrong name or app password")
        return Submitter(Address.parse(login))


def shared(*, octets: int = 1 << 30, total: int = 1_000, per_peer: int = 1_000) -> Shared:
    """Make counters that are in nobody's way unless asked to be."""
    return Shared(Budget(octets), Connections(total, per_peer))


def policy(service: Service, **bounds: object) -> Policy:
    """Make a policy for HOST."""
    return Policy(service=service, hostname=HOST, **bounds)  # type: ignore[arg-type]


class Tls:
    """A self-signed certificate for localhost, and both ends' contexts."""

    def __init__(self, directory: Path) -> None:
        certificate, key = directory / "cert.pem", directory / "key.pem"
        create_self_signed(certificate, key, HOST)
        self.certificate = certificate
        self.server = server_context(certificate, key)
        self.client = ssl.create_default_context(cafile=str(certificate))


@asynccontextmanager
async def serving(listener: Listener) -> AsyncIterator[int]:
    """Open a listener on a free loopback port for the length of a block."""
    port = await listener.open("127.0.0.1", 0)
    try:
        yield port
    finally:
        await listener.close(timedelta(seconds=2))


class Client:
    """A raw client: what it sends is what goes over the wire."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(
        cls, port: int, tls: ssl.SSLContext | None = None, *, host: str = "127.0.0.1"
    ) -> "Client":
        server_name = "localhost" if tls else None
        return cls(*await asyncio.open_connection(host, port, ssl=tls, server_hostname=server_name))

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def line(self) -> bytes:
        """Read one line; empty when the server has closed."""
        async with asyncio.timeout(30):
            return await self.reader.readline()

    async def reply(self) -> bytes:
        """Read one reply, all its lines; empty when the server has closed."""
        lines = []
        while True:
            line = await self.line()
            lines.append(line)
            if line[3:4] != b"-":
                return b"".join(lines)

    async def ask(self, line: bytes) -> bytes:
        """Send one line and read the reply to it."""
        self.send(line + b"\r\n")
        return await self.reply()

    async def greet(self, verb: bytes = b"EHLO") -> bytes:
        """Read the greeting and say EHLO or LHLO."""
        await self.reply()
        return await self.ask(verb + b" client.example")

    async def everything(self) -> bytes:
        """Read until the server closes."""
        async with asyncio.timeout(30):
            return await self.reader.read()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Say STARTTLS and shake hands."""
        assert (await self.ask(b"STARTTLS")).startswith(b"220")
        await self.writer.start_tls(context, server_hostname="localhost")

    async def close(self) -> None:
        self.writer.transport.abort()
        await asyncio.sleep(0)

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
