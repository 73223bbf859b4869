"""The commands of a session up to the message itself: EHLO, MAIL, RCPT and the small ones.

The methods are named as aiosmtpd's table of commands wants them. Each says its reply or raises the
error that is one; sequence and sender come first, so that nobody learns who exists before saying
who asks (RFC 5321 §4.1.4, §7.3).
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mailserver.model.address import Address
from mailserver.model.client import Client
from mailserver.model.envelope import Asked, Onward
from mailserver.model.errors import Condition, MailError
from mailserver.protocol.smtp.codes import Code, Detail
from mailserver.protocol.smtp.command import MailFrom, parse_helo, parse_mail, parse_rcpt
from mailserver.protocol.smtp.parameters import Offers, release_at
from mailserver.protocol.smtp.reply import Rejection, Reply
from mailserver.protocol.smtp.trace import Hop, protocol_name
from mailserver.runtime.metrics import COUNTS
from mailserver.smtp import status
from mailserver.smtp.connection import Connection, Door
from mailserver.smtp.handler import Handler
from mailserver.smtp.policy import Service
from mailserver.smtp.status import bad_sequence
from mailserver.smtp.stream import Gone

_GUESSES = frozenset({Condition.NO_SUCH_USER, Condition.NOT_PERMITTED})
"""Nobody, and an address for bounces that is not ours (RFC 5321 §7.3)."""


@dataclass(slots=True)
class Draft:
    """A transaction while it is put together: MAIL began it, RCPT adds to it."""

    handler: Handler
    said: MailFrom
    hold_until: datetime | None
    asked: list[Onward] = field(default_factory=list)
    """Every RCPT that was accepted, in order."""

    @property
    def sender(self) -> Address | None:
        """The reverse-path; None is `<>`."""
        return self.said.sender

    @property
    def smtputf8(self) -> bool:
        """Whether addresses may be beyond ASCII."""
        return self.said.smtputf8

    @property
    def recipients(self) -> list[Address]:
        """The recipients alone."""
        return [each.address for each in self.asked]

    def all_asked(self) -> Asked:
        """Return what the client asked beyond delivering."""
        said = self.said
        return Asked(
            said.ret, said.envid, said.require_tls, said.smtputf8, self.hold_until, self.asked
        )


class Commands(Connection):
    """A session that can begin a transaction and gather its recipients."""

    def __init__(self, door: Door, handler: Handler | None) -> None:
        """Hand transactions to `handler`, which is None until somebody signed in."""
        super().__init__(door)
        self.handler = handler
        self.helo = ""
        """The name that the client gave itself; empty until it did."""
        self.extended = False
        """Whether the client greeted with EHLO or LHLO."""
        self.draft: Draft | None = None
        self._refused_recipients = 0

    # -- what the session knows

    @property
    def signed_in(self) -> bool:
        """Whether AUTH succeeded on this connection."""
        return False

    def hop(self, *, utf8: bool) -> Hop:
        """Describe the client for a trace field."""
        protocol = protocol_name(
            lmtp=self.policy.service is Service.LMTP,
            extended=self.extended,
            utf8=utf8,
            tls=self.over_tls,
            signed_in=self.signed_in,
        )
        return Hop(self.helo, self.ip, protocol)

    def client(self, *, utf8: bool) -> Client:
        """Describe the client for those who judge what it sends."""
        return Client(self.ip, self.helo, self.tls_version, self.extended, utf8)

    def extensions(self) -> list[str]:
        """List what EHLO offers now."""
        offered = [
            "PIPELINING",
            f"SIZE {self.policy.content.message_octets}",
            "8BITMIME",
            "SMTPUTF8",
            "CHUNKING",
            "ENHANCEDSTATUSCODES",
        ]
        offers = self.offers()
        if offers.dsn:
            offered.append("DSN")
        if offers.require_tls:
            offered.append("REQUIRETLS")
        if offers.hold is not None:
            latest = datetime.now(UTC) + offers.hold
            longest = int(offers.hold.total_seconds())
            offered.append(f"FUTURERELEASE {longest} {latest:%Y-%m-%dT%H:%M:%SZ}")
        if self.door.tls is not None and not self.over_tls:
            offered.append("STARTTLS")
        return offered

    def offers(self) -> Offers:
        """Say which extensions with parameters of their own are offered now.

        REQUIRETLS only within TLS (RFC 8689 §2).
        """
        relaying = self.policy.relaying
        return Offers(dsn=relaying, require_tls=relaying and self.over_tls, hold=self.policy.hold)

    def abandon(self) -> None:
        """Drop the transaction in hand."""
        super().abandon()
        self.draft = None
        if self.handler is not None:
            self.handler.forget()

    # -- greetings

    async def smtp_EHLO(self, arg: str) -> None:
        """Greet. A second EHLO is a RSET (RFC 5321 §4.1.4)."""
        self._greet(arg, extended=True)
        lines = "\n".join((self.policy.hostname, *self.extensions()))
        self.say(Reply(Code.OK, None, lines).encode())

    async def smtp_HELO(self, arg: str) -> None:
        """Greet as RFC 821 did."""
        self._greet(arg, extended=False)
        self.say(Reply(Code.OK, None, self.policy.hostname).encode())

    def _greet(self, argument: str, *, extended: bool) -> None:
        self.helo = parse_helo(argument)
        self.extended = extended
        self.abandon()

    async def smtp_STARTTLS(self, arg: str) -> None:
        """Begin TLS. Source: RFC 3207."""
        if self.door.tls is None:
            raise Rejection(status.NOT_OFFERED)
        if arg:
            raise Rejection(status.NO_ARGUMENT)
        if self.over_tls:
            raise bad_sequence("TLS is active already")
        self.say(status.START_TLS.encode())
        await self.flush()
        await self.begin_tls(self.door.tls)
        self.abandon()
        self.helo, self.extended = "", False  # RFC 3207 §4.2: nothing learnt before it is kept

    # -- a transaction

    async def smtp_MAIL(self, arg: str) -> None:
        """Begin a transaction. Source: RFC 5321 §4.1.1.2, RFC 1870 §6.1."""
        if not self.helo:
            raise bad_sequence("Say who you are first")
        if self.handler is None:
            raise Rejection(status.SIGN_IN_FIRST)
        if self.draft is not None:
            raise bad_sequence("A transaction is open already")
        if self.messages >= self.policy.messages:
            self.end(status.TOO_MANY_MESSAGES)
            return
        offers = self.offers()
        said = parse_mail(arg, offers)
        hold_until = release_at(said.hold, datetime.now(UTC), offers.hold)
        if said.size_octets is not None and said.size_octets > self.policy.content.message_octets:
            raise MailError(Condition.TOO_LARGE, "The message is too large")
        self.handler.check_sender(said.sender)
        self.draft = Draft(self.handler, said, hold_until)
        self.say(status.SENDER_OK)

    async def smtp_RCPT(self, arg: str) -> None:
        """Add a recipient. Source: RFC 5321 §4.1.1.3, §4.5.3.1.10."""
        draft = self.draft
        try:
            if draft is None:
                raise bad_sequence("MAIL comes first")
            self.check_recipients_open()
            asked = parse_rcpt(
                arg,
                smtputf8=draft.smtputf8,
                postmaster_domain=self.policy.hostname,
                offers=self.offers(),
            )
            if len(draft.asked) >= self.policy.recipients:
                raise Rejection(status.TOO_MANY_RECIPIENTS)
            await draft.handler.admit(draft.sender, asked.address)
        except MailError as error:
            if error.condition in _GUESSES:
                await self._hold_back()
            self._refuse_recipient(error)
            return
        draft.asked.append(asked)
        self.say(status.RECIPIENT_OK)

    def check_recipients_open(self) -> None:
        """Refuse RCPT once content has come."""

    async def _hold_back(self) -> None:
        """Answer late where one network asks for many who are nobody: it seeks names, or hashes."""
        paces = self.door.paces
        if paces.misses is not None and not paces.misses.try_take(self.ip):
            await self.flush()
            await asyncio.sleep(paces.miss_seconds)

    def _refuse_recipient(self, error: MailError) -> None:
        """Count apart from other errors: a sender may have many recipients that are no more.

        Recipients that are refused unseen (beyond the limit, or pipelined behind a MAIL that
        failed) are answered as many times as there could have been: that is how a sender learns to
        divide its list (RFC 5321 §4.5.3.1.10). One who goes on after that does not listen.
        """
        reply = status.reply_to(error)
        outcome = "deferred" if status.is_transient(error) else "refused"
        COUNTS.came(self.policy.service.value, outcome, error.condition.name.lower())
        self.say(reply.encode())
        self.refusals += 1
        self._refused_recipients += 1
        unseen = reply.detail in (Detail.TOO_MANY_RECIPIENTS, Detail.INVALID_COMMAND)
        allowed = self.policy.recipients if unseen else self.policy.refused_recipients
        if self._refused_recipients >= allowed:
            self.end(status.TOO_MANY_ERRORS)

    def count_message(self, octets: int) -> None:
        """Count a message that was taken; what went wrong before it is forgiven."""
        self.messages += 1
        self.octets += octets
        self._errors = 0
        self._refused_recipients = 0

    async def smtp_RSET(self, arg: str) -> None:
        """Drop the transaction."""
        if arg:
            raise Rejection(status.NO_ARGUMENT)
        self.abandon()
        self.say(status.OK.encode())

    # -- the small ones

    async def smtp_NOOP(self, arg: str) -> None:
        """Do nothing; an argument is ignored (RFC 5321 §4.1.1.9)."""
        self.say(status.OK.encode())

    async def smtp_QUIT(self, arg: str) -> None:
        """Say goodbye and close."""
        if arg:
            raise Rejection(status.NO_ARGUMENT)
        self.say(status.BYE.encode())
        raise Gone  # a client that says goodbye sends nothing more: no need to linger

    async def smtp_VRFY(self, arg: str) -> None:
        """Say neither yes nor no: a directory is nobody's business (RFC 5321 §7.3)."""
        self.say(status.NOT_VERIFIED.encode())

    async def smtp_EXPN(self, arg: str) -> None:
        """Expand nothing."""
        raise Rejection(status.NOT_OFFERED)

    async def smtp_HELP(self, arg: str) -> None:
        """Point to the standard."""
        self.say(status.HELP.encode())

    async def smtp_AUTH(self, arg: str) -> None:
        """Refuse: only submission has accounts."""
        raise Rejection(status.NOT_OFFERED)
