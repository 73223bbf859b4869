"""A conversation with a mail host: greeting, extensions, TLS, signing in, messages one by one.

What becomes of each recipient is an `Outcome`. The connection can be used again after each
message: a transaction that was given up is reset in front of the next one, in the same write.

Commands go in one write where the server offers PIPELINING (RFC 2920): a message then costs two
round trips, however many recipients it has. aiosmtplib waits for each reply before it sends the
next command, which is why it is not used here (ADR 13).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto

from mailserver.model.envelope import Envelope, Onward, RemoteReply
from mailserver.model.errors import PeerFault
from mailserver.outbound.security import SignIn
from mailserver.outbound.wire import Gone, Wire
from mailserver.protocol.smtp.client import (
    Extensions,
    Needs,
    auth_login,
    auth_plain,
    hello,
    is_permanent,
    is_positive,
    mail_from,
    own_word,
    rcpt_to,
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what. Source: RFC 5321 §4.5.3.2."""

    connecting: timedelta = timedelta(seconds=30)
    greeting: timedelta = timedelta(minutes=5)
    command: timedelta = timedelta(minutes=5)
    handshake: timedelta = timedelta(minutes=1)
    data: timedelta = timedelta(minutes=2)
    """For the 354."""
    block: timedelta = timedelta(minutes=3)
    """For a piece of the message to leave."""
    end: timedelta = timedelta(minutes=10)
    """For the reply to the message's end; who gives up sooner makes doubles."""


PATIENCE = Patience()


class Verdict(Enum):
    """What became of a recipient."""

    DELIVERED = auto()
    LATER = auto()
    NEVER = auto()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one recipient, and in whose words."""

    verdict: Verdict
    said: RemoteReply


def outcome(said: RemoteReply) -> Outcome:
    """Read a reply as what becomes of a recipient."""
    if is_positive(said):
        return Outcome(Verdict.DELIVERED, said)
    return Outcome(Verdict.NEVER if is_permanent(said) else Verdict.LATER, said)


@dataclass(frozen=True, slots=True)
class Package:
    """One transaction: a message for recipients who share a destination."""

    envelope: Envelope
    recipients: tuple[Onward, ...]
    needs: Needs
    content: bytes
    """What follows DATA, as `protocol.smtp.client.content` writes it."""

    def __repr__(self) -> str:
        """Say the size, never the content."""
        return f"<package, {len(self.content)} octets, {len(self.recipients)} recipients>"


class Connection:
    """One conversation."""

    def __init__(self, wire: Wire, host: str, patience: Patience = PATIENCE) -> None:
        """Talk on `wire` to the server that we call `host`."""
        self._wire = wire
        self._host = host
        self._patience = patience
        self._open = False  # the server may be within a transaction that we gave up
        self.extensions = Extensions()
        self.messages = 0
        """How many it was given."""

    @property
    def is_reusable(self) -> bool:
        """Whether another message may be sent on it."""
        return self._wire.is_quiet

    @property
    def wire(self) -> Wire:
        """What it is spoken on."""
        return self._wire

    # -- before a message

    async def greet(self, hostname: str) -> None:
        """Hear the greeting and say who we are. Raises Gone, for any greeting but 2yz."""
        said = await self._reply(self._patience.greeting)
        if not is_positive(said):
            await self._leave(said)
        await self.hello(hostname)

    async def hello(self, hostname: str) -> None:
        """Say EHLO, or HELO to who knows no better. Raises Gone."""
        said = await self._ask(hello("EHLO", hostname), self._patience.command)
        if is_permanent(said):
            said = await self._ask(hello("HELO", hostname), self._patience.command)
            said = replace(said, text=said.text.partition("\n")[0])
        if not is_positive(said):
            await self._leave(said)
        self.extensions = Extensions.of(said)

    async def may_start_tls(self) -> bool:
        """Ask for TLS where it is offered; say whether the handshake may begin. Raises Gone."""
        if "STARTTLS" not in self.extensions:
            return False
        return (await self._ask(b"STARTTLS\r\n", self._patience.command)).code == 220

    async def sign_in(self, who: SignIn) -> None:
        """Authenticate; the caller has seen to TLS. Raises Gone, refusal included."""
        patience, password = self._patience.command, who.password.reveal().decode()
        offered = self.extensions.mechanisms
        if "PLAIN" in offered or "LOGIN" not in offered:
            said = await self._ask(auth_plain(who.user, password), patience)
        else:
            for line in auth_login(who.user, password):
                said = await self._ask(line, patience)
                if not is_positive(said):
                    break
        if said.code != 235:
            # Whatever it said: our own password is at fault, not anybody's message.
            await self._leave(own_word("4.7.8", "The smart host does not let us sign in"))

    # -- a message

    async def send(self, package: Package) -> list[Outcome]:
        """Send a message; one outcome for each recipient, in their order.

        Raises:
            Gone: the connection was lost before any octet of the message had left, so that it may
                be sent again at once. Lost later, the outcomes say so.
        """
        unmet = package.needs.unmet(self.extensions)
        if unmet is not None:
            said = replace(unmet, host=self._host)
            return [outcome(said) for _ in package.recipients]
        try:
            start = mail_from(package.envelope, package.needs, self.extensions)
        except PeerFault as fault:
            return [
                Outcome(Verdict.NEVER, own_word("5.1.7", fault.text)) for _ in package.recipients
            ]
        self.messages += 1
        transaction = _Transaction(package.recipients)
        commands = transaction.commands(self.extensions)
        if self._open:
            start = b"RSET\r\n" + start
        resetting, self._open = self._open, True
        if "PIPELINING" in self.extensions:
            await self._pipeline(transaction, start, commands, resetting=resetting)
        else:
            await self._step(transaction, start, commands, resetting=resetting)
        if transaction.started is not None:
            await self._content(transaction, package.content)
        return transaction.outcomes()

    async def _pipeline(
        self, transaction: "_Transaction", start: bytes, commands: list[bytes], *, resetting: bool
    ) -> None:
        written = b"".join((start, *commands, b"DATA\r\n"))
        await self._wire.write(written, self._patience.command)
        if resetting:
            await self._reply(self._patience.command)
        transaction.heard_mail(await self._reply(self._patience.command))
        for _ in commands:
            transaction.heard_rcpt(await self._reply(self._patience.command))
        transaction.heard_data(await self._reply(self._patience.data))

    async def _step(
        self, transaction: "_Transaction", start: bytes, commands: list[bytes], *, resetting: bool
    ) -> None:
        if resetting:
            await self._ask(b"RSET\r\n", self._patience.command)
            start = start.removeprefix(b"RSET\r\n")
        transaction.heard_mail(await self._ask(start, self._patience.command))
        if transaction.refused is not None:
            return
        for command in commands:
            transaction.heard_rcpt(await self._ask(command, self._patience.command))
        if transaction.accepted:
            transaction.heard_data(await self._ask(b"DATA\r\n", self._patience.data))

    async def _content(self, transaction: "_Transaction", content: bytes) -> None:
        # Nobody is left to take it, but the server waits for a message: RFC 2920 §3.1.
        octets = content if transaction.accepted else b".\r\n"
        try:
            await self._wire.write(octets, self._patience.block)
            said = await self._reply(self._patience.end)
        except Gone as gone:
            if gone.said.code:
                transaction.ended = gone.said
                return
            text = f"{gone.said.text} after the message was sent; it may arrive twice"
            transaction.ended = replace(gone.said, text=text, host=self._host)
            return
        transaction.ended = said
        self._open = False

    async def _ask(self, command: bytes, patience: timedelta) -> RemoteReply:
        await self._wire.write(command, patience)
        return await self._reply(patience)

    async def _reply(self, patience: timedelta) -> RemoteReply:
        said = replace(await self._wire.reply(patience), host=self._host)
        if said.code == 421:  # RFC 5321 §3.8: it closes the channel, whatever we asked
            self._wire.abort()
            raise Gone(said)
        return said

    async def _leave(self, said: RemoteReply) -> None:
        """Take a refusal that is no message's: say goodbye. Raises Gone, always."""
        await self._wire.close()
        raise Gone(said)

    async def close(self) -> None:
        """Say goodbye."""
        await self._wire.close()


class _Transaction:
    """What was heard of a transaction so far."""

    def __init__(self, recipients: Sequence[Onward]) -> None:
        self._recipients = recipients
        self._outcomes: dict[int, Outcome] = {}
        self._asked: list[int] = []
        self._heard = 0
        self.accepted: list[int] = []
        self.refused: RemoteReply | None = None
        """MAIL was, or DATA."""
        self.started: RemoteReply | None = None
        self.ended: RemoteReply | None = None

    def commands(self, extensions: Extensions) -> list[bytes]:
        """Write RCPT for each recipient that can be written."""
        written = []
        for place, recipient in enumerate(self._recipients):
            try:
                written.append(rcpt_to(recipient, extensions))
                self._asked.append(place)
            except PeerFault as fault:
                self._outcomes[place] = Outcome(Verdict.NEVER, own_word("5.1.3", fault.text))
        return written

    def heard_mail(self, said: RemoteReply) -> None:
        if not is_positive(said):
            self.refused = said

    def heard_rcpt(self, said: RemoteReply) -> None:
        place = self._asked[self._heard]
        self._heard += 1
        if self.refused is not None:
            return  # MAIL was refused; what RCPT says then is only that
        if is_positive(said):
            self.accepted.append(place)
        elif said.code == 552:  # RFC 5321 §4.5.3.1.10: too many recipients, in an old server's word
            self._outcomes[place] = Outcome(Verdict.LATER, said)
        else:
            self._outcomes[place] = outcome(said)

    def heard_data(self, said: RemoteReply) -> None:
        if said.code == 354:
            self.started = said
        elif self.refused is None:
            self.refused = said

    def outcomes(self) -> list[Outcome]:
        """Say what became of each recipient."""
        last = self.refused or self.ended
        whole = None if last is None else outcome(last)
        if whole is not None and self.refused is not None and whole.verdict is Verdict.DELIVERED:
            # A 2yz to DATA says nothing that we could rely on.
            whole = Outcome(Verdict.LATER, whole.said)
        silence = Outcome(Verdict.LATER, own_word("4.5.0", "The server refused every recipient"))
        return [
            self._outcomes.get(place) or whole or silence for place in range(len(self._recipients))
        ]
