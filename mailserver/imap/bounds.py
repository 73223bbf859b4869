"""How long and how much: the bounds of one IMAP connection, and what all of them share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from mailserver.mail.account import Account
from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap.limits import Limits
from mailserver.runtime.limits import Budget, Connections
from mailserver.runtime.rates import Paces

SignIn = Callable[[str, Plaintext, str], Awaitable[Account]]
"""Login name, secret, the peer's IP address → the account, open for one connection.

Raises Refused with AUTHENTICATION_FAILED, ACCOUNT_PASSWORD_ON_MAIL, TRY_LATER, EXPIRED or SCOPE.
"""

WRITE_OCTETS = 64 * 1024
"""One write to the socket, about: fewer cost more calls, more would hold up other connections."""

BUFFER_OCTETS = 256 * 1024
"""What may lie unsent before a command waits for its client."""

AHEAD_OCTETS = 64 * 1024
"""What a client may send ahead of the command that runs before we stop reading."""

TURN_OCTETS = 2 * 1024
"""What is read of one client before the others have their turn: some 10 ms of the cheapest
commands."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Times are late by up to `turn`, the first after connecting excepted."""

    login: timedelta = timedelta(seconds=60)
    inactivity: timedelta = timedelta(minutes=30)
    """Without a command, or in IDLE without a new one (RFC 9051 §5.4, RFC 2177)."""
    life: timedelta = timedelta(hours=24)
    """PRIVACY §6."""
    rest_after: timedelta = timedelta(minutes=10)
    """In IDLE, before what was opened is dropped (PRIVACY §6)."""
    unread: timedelta = timedelta(minutes=5)
    """Without the client reading any of what waits for it, or sending any of a literal."""
    command: timedelta = timedelta(minutes=15)
    """The longest that one command may run."""
    handshake: timedelta = timedelta(seconds=15)
    shutdown: timedelta = timedelta(seconds=5)
    """What running commands get to end in when the server stops."""
    turn: timedelta = timedelta(seconds=60)
    failures: int = 3
    """Refused sign-ins before BYE."""
    bad_commands: int = 10
    """One after the other before BYE."""
    machine: Limits = field(default_factory=Limits)

    def overdue(
        self,
        *,
        silent: float,
        age: float,
        signed_in: bool,
        running: bool,
        paused: bool,
        uploading: bool,
    ) -> bytes:
        """Say why a client has had its time, empty where it has not.

        Args:
            silent: seconds since it was heard.
            age: seconds since it came.
            signed_in: it has an account.
            running: a command of it is carried out.
            paused: it does not read what that command says.
            uploading: a message is half here.
        """
        if not signed_in and age > self.login.total_seconds():
            return b"too long without signing in"
        if running:
            late = silent > self.command.total_seconds() and not paused
            return b"the command took too long" if late else b""
        if uploading and silent > self.unread.total_seconds():
            return b"the rest of the message did not come"
        if silent > self.inactivity.total_seconds():
            return b"nothing was asked for too long"
        return b"sign in again" if age > self.life.total_seconds() else b""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the connections of a process have in common."""

    sign_in: SignIn
    literals: Budget
    """Octets of messages being appended, by all clients together."""
    connections: Connections
    bounds: Bounds = field(default_factory=Bounds)
    paces: Paces = field(default_factory=Paces)
    """How fast the commands of one network may come."""
    help_url: str | None = None
    """Where a user makes an app password; told to one who tried the account password."""
    jmap_url: str = ""
    """Of the JMAP session object, where JMAP is served to programs (RFC 9698)."""
