"""How long and how much: the bounds of one ManageSieve connection, and what all of them share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from mailserver.mail.script_account import ScriptAccount
from mailserver.model.sealed import Plaintext
from mailserver.protocol.managesieve.machine import Limits
from mailserver.runtime.limits import Connections
from mailserver.runtime.rates import Paces

SignIn = Callable[[str, Plaintext, str], Awaitable[ScriptAccount]]
"""Login name, secret, the peer's IP address → the account's scripts, open for one connection.

Raises Refused with AUTHENTICATION_FAILED, ACCOUNT_PASSWORD_ON_MAIL, TRY_LATER, EXPIRED or SCOPE.
"""

NAMES = 4 * 1024
"""Octets of a command's literals beside the script itself: its name may be one."""

AHEAD_OCTETS = 256 * 1024
"""What a client may send ahead of the command that runs before we stop reading."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Times are late by up to `turn`, the first after connecting excepted."""

    login: timedelta = timedelta(seconds=60)
    inactivity: timedelta = timedelta(minutes=30)  # RFC 5804 §1.2 asks for it after sign-in
    life: timedelta = timedelta(hours=24)  # PRIVACY §6
    unread: timedelta = timedelta(minutes=5)
    """Without the client reading any of what waits for it."""
    command: timedelta = timedelta(minutes=2)
    handshake: timedelta = timedelta(seconds=15)
    shutdown: timedelta = timedelta(seconds=5)
    """What running commands get to end in when the server stops."""
    turn: timedelta = timedelta(seconds=60)
    failures: int = 3
    """Refused sign-ins before BYE."""
    bad_commands: int = 10
    """One after the other before BYE."""
    machine: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Shared:
    """What the connections of a process have in common."""

    sign_in: SignIn
    connections: Connections
    redirects: int = 4
    """How many a script may use (MAXREDIRECTS)."""
    bounds: Bounds = field(default_factory=Bounds)
    paces: Paces = field(default_factory=Paces)
    """How fast the commands of one network may come."""
    help_url: str | None = None
    """Where a user makes an app password."""
