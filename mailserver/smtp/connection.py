"""A connection: who may come in, one command after another, and what is said when one fails."""

import ssl
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

from mailserver.model.errors import MailError
from mailserver.protocol.smtp.codes import Code
from mailserver.protocol.smtp.command import AUTH_OCTETS, COMMAND_OCTETS, parse_command
from mailserver.protocol.smtp.reply import Rejection, Reply
from mailserver.runtime.limits import Budget, Connections, TokenBucket, stranger
from mailserver.runtime.log import get_logger
from mailserver.runtime.rates import Paces, within
from mailserver.smtp import incident, status
from mailserver.smtp.policy import Policy
from mailserver.smtp.stream import Gone, Stream

_WEB = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "HOST"})

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What all connections of one listener share."""

    policy: Policy
    budget: Budget
    connections: Connections
    paces: Paces = field(default_factory=Paces)
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    inside: set["Connection"] = field(default_factory=set)
    """The connections that are open."""


class Connection(Stream):
    """One client, from its first octet to its last."""

    def __init__(self, door: Door) -> None:
        """Wait for the transport; `door` is the listener's."""
        super().__init__(door.policy, door.tls)
        self.door = door
        self.ip = ""
        """The client's address; empty on a local socket."""
        self.network = ""
        """Its network, as `Budget` knows peers; empty for this machine."""
        self.messages = 0
        self.octets = 0
        """Of the messages that were taken."""
        self.refusals = 0
        """Of commands, recipients and messages."""
        self._errors = 0
        self._pace: TokenBucket | None = None

    def check_allowed(self, verb: str) -> None:
        """Refuse a command that comes too early; every layer above adds its own."""

    def abandon(self) -> None:
        """Drop the transaction in hand; every layer above drops its own."""

    def _set_rset_state(self) -> None:
        self.abandon()

    async def _handle_client(self) -> None:
        """Talk to one client. aiosmtpd starts this as the connection's task."""
        self.ip = _ip_of(self.session.peer if self.session else None)
        self.network = stranger(self.ip)
        self._pace = self.door.paces.commands_of(self.ip)
        entered = self.door.connections.try_enter(self.ip)
        self.door.inside.add(self)
        try:
            if not entered:
                self.hang_up(status.TOO_MANY_CONNECTIONS)
                return
            await self._converse()
            if self.ending:
                await self.linger()
        except Gone:
            pass  # the usual end of a connection, and not worth a line in the log
        finally:
            self.door.inside.discard(self)
            if entered:
                self.door.connections.leave(self.ip)
            self.abandon()
            if self._timeout_handle is not None:
                self._timeout_handle.cancel()
            self._note_end(entered=entered)
            if self._replies and self.transport is not None:
                self._writer.write(b"".join(self._replies))
            self._close()

    def _note_end(self, *, entered: bool) -> None:
        """Log one line a connection: a line a message took a fifth of what a message costs."""
        log.info(
            "connection",
            service=self.policy.service.value,
            peer=self.ip,
            tls=self.over_tls,
            entered=entered,
            messages=self.messages,
            size_octets=self.octets,
            refusals=self.refusals,
        )

    async def _converse(self) -> None:
        self.say(Reply(Code.READY, None, self.policy.greeting).encode())
        while self.transport is not None and not self.ending:
            try:
                line = await self.read_line()
                self._reset_timeout()
                await self._keep_pace()
                await self._obey(line)
            except MailError as error:
                self._refuse(status.reply_to(error))
            except Gone:
                raise
            except Exception as error:  # noqa: BLE001 -- a bug becomes an incident (STYLE §6)
                self._refuse(incident.report(error, service=self.policy.service, peer=self.ip))

    async def _keep_pace(self) -> None:
        """Hold a client back whose network sends commands faster than it may."""
        if self._pace is not None and not self._pace.try_take():
            await self.flush()
            await within(self._pace)

    async def _obey(self, line: bytes) -> None:
        verb, argument = parse_command(line)
        if len(line) > (AUTH_OCTETS if verb == "AUTH" else COMMAND_OCTETS):
            raise Rejection(status.LINE_TOO_LONG)
        obey = self._smtp_methods.get(verb)
        if obey is None:
            if verb in _WEB:  # a browser made to talk to us: the next lines are not its own
                self.end(status.NOT_A_WEB_SERVER)
                return
            raise Rejection(status.UNKNOWN_COMMAND)
        self.check_allowed(verb)
        await obey(argument)

    def _refuse(self, reply: Reply) -> None:
        self.say(reply.encode())
        self.refusals += 1
        self._errors += 1
        if self._errors >= self.policy.errors and not self.ending:
            self.end(status.TOO_MANY_ERRORS)


def _ip_of(peer: object) -> str:
    """Return the client's IP address; empty where it came over a local socket."""
    if not isinstance(peer, tuple) or not peer:
        return ""
    address = ip_address(str(peer[0]).partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)
