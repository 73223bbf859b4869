"""Sockets: who listens where, which kind of connection a client gets, and how it all ends."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self, TypeVar

from aiosmtpd.lmtp import LMTP

from mailserver.model.sealed import Plaintext
from mailserver.protocol.smtp.reply import Rejection
from mailserver.runtime.limits import Budget, Connections
from mailserver.runtime.rates import Paces
from mailserver.smtp import status
from mailserver.smtp.connection import Connection, Door
from mailserver.smtp.handler import (
    Deliveries,
    Handler,
    Sender,
    Submissions,
    for_delivery,
    for_submission,
)
from mailserver.smtp.policy import Policy
from mailserver.smtp.receive import Receiving
from mailserver.smtp.retries import Retries
from mailserver.smtp.sign_in import SigningIn

GRACE = timedelta(seconds=10)
"""How long a message that is coming in may take to come in, once we are to stop."""
_BACKLOG = 512

R = TypeVar("R")
S = TypeVar("S", bound=Sender)


class LmtpConnection(LMTP, Receiving):
    """LMTP: LHLO in place of EHLO and HELO, and a reply for each recipient (RFC 2033 §4)."""

    async def smtp_EHLO(self, arg: str) -> None:
        """Refuse: RFC 2033 §4.1."""
        raise Rejection(status.NOT_OFFERED)

    async def smtp_HELO(self, arg: str) -> None:
        """Refuse: RFC 2033 §4.1."""
        raise Rejection(status.NOT_OFFERED)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all SMTP listeners of a process count together."""

    budget: Budget
    """Octets of messages being received."""
    connections: Connections
    retries: Retries = field(default_factory=Retries)
    paces: Paces = field(default_factory=Paces)

    def door(self, policy: Policy, tls: ssl.SSLContext | None, *, implicit: bool = False) -> Door:
        """Make what the connections of one listener share."""
        return Door(
            policy=policy,
            budget=self.budget,
            connections=self.connections,
            paces=self.paces,
            tls=tls,
            implicit_tls=implicit,
        )


class Listener:
    """One listening socket, or several of one service, and the connections that came through it."""

    def __init__(self, door: Door, connect: Callable[[], Connection]) -> None:
        """Make each client a connection with `connect`; `mx`, `lmtp` and `submission` know how."""
        self._door = door
        self._connect = connect
        self._servers: list[asyncio.Server] = []

    @classmethod
    def mx(
        cls,
        delivery: Deliveries[R],
        policy: Policy,
        shared: Shared,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Take mail from other servers; STARTTLS is offered where there is a context."""
        door = shared.door(policy, tls)
        retries = shared.retries
        return cls(door, lambda: Receiving(door, for_delivery(delivery, retries=retries)))

    @classmethod
    def lmtp(
        cls,
        delivery: Deliveries[R],
        policy: Policy,
        shared: Shared,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Take mail from a server on this machine."""
        door = shared.door(policy, tls)
        return cls(door, lambda: LmtpConnection(door, for_delivery(delivery)))

    @classmethod
    def submission(
        cls,
        submission: Submissions[R, S],
        sign_in: Callable[[str, Plaintext, str], Awaitable[S]],
        policy: Policy,
        shared: Shared,
        *,
        tls: ssl.SSLContext,
        implicit_tls: bool,
    ) -> Self:
        """Take mail from our users.

        Args:
            submission: where it goes.
            sign_in: login, secret and the client's IP address to the submitter; raises Refused.
            policy: its bounds.
            shared: what is counted with other listeners.
            tls: nobody signs in without.
            implicit_tls: from the first octet (RFC 8314 §3.3), else by STARTTLS.
        """
        door = shared.door(policy, tls, implicit=implicit_tls)

        async def enter(login: str, secret: Plaintext, ip: str) -> Handler:
            submitter = await sign_in(login, secret, ip)
            return for_submission(submission, submitter, retries=shared.retries)

        return cls(door, lambda: SigningIn(door, enter))

    async def open(self, host: str, port: int, *, reuse_port: bool = False) -> int:
        """Listen on a TCP port and return it; port 0 is any free one, an empty host all interfaces.

        Raises:
            OSError: it cannot be bound.
        """
        door = self._door
        at_once = door.implicit_tls
        server = await asyncio.get_running_loop().create_server(
            self._connect,
            host or None,
            port,
            backlog=_BACKLOG,
            reuse_port=reuse_port or None,
            ssl=door.tls if at_once else None,
            ssl_handshake_timeout=door.policy.tls_seconds if at_once else None,
        )
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    async def open_local(self, path: Path) -> None:
        """Listen on a Unix socket, which only those who may write to it can use.

        Raises:
            OSError: it cannot be made.
        """
        server = await asyncio.get_running_loop().create_unix_server(
            self._connect, path, backlog=_BACKLOG
        )
        self._servers.append(server)

    @property
    def connections(self) -> int:
        """Count the connections that are open."""
        return len(self._door.inside)

    async def close(self, grace: timedelta = GRACE) -> None:
        """Stop listening, say 421 to those who wait, let messages in hand finish within `grace`."""
        for server in self._servers:
            server.close()
        inside = list(self._door.inside)
        for connection in inside:
            connection.retire()
        talks = {task: one for one in inside if (task := one.conversation) is not None}
        if talks:
            _, late = await asyncio.wait(talks, timeout=grace.total_seconds())
            for task in late:
                talks[task].cut()
                task.cancel()
            await asyncio.gather(*talks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
