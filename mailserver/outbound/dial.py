"""Opening a conversation with a host, with the TLS that its `Security` asks for or not at all.

The one place that decides whether plaintext may be spoken. For each address of the host in turn:
connect, greet, STARTTLS whenever it is offered, and hold what the server shows against the policy.
Where that fails, either the address is given up (`Gone`, insecure), or the policy allows less, and
the same address is dialled again without TLS, or without the policy that is only being tested.
"""

import asyncio
import ssl
from collections.abc import Sequence
from ipaddress import ip_address

from mailserver.mailauth import dane
from mailserver.outbound.client import PATIENCE, Connection, Patience
from mailserver.outbound.security import Host, Level, Security
from mailserver.outbound.tls_results import Observation, Observe, ignore
from mailserver.outbound.wire import Gone, Wire
from mailserver.protocol.smtp.client import own_word
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.tls_client import ClientTls, chain_of, covers, names_of, result_type

log = get_logger("outbound")


class _Unfit(Exception):
    """TLS is not what the policy wants; `result` is a result type of RFC 8460 §4.3."""

    def __init__(self, result: str, reason: str = "") -> None:
        super().__init__(result)
        self.result = result
        self.reason = reason


_NOT_OFFERED = "starttls-not-supported"


class Dialer:
    """Opens conversations."""

    def __init__(
        self,
        hostname: str,
        tls: ClientTls,
        *,
        clock: Clock,
        sources: Sequence[str] = (),
        observe: Observe = ignore,
        patience: Patience = PATIENCE,
    ) -> None:
        """Dial as `hostname`.

        Args:
            hostname: what EHLO says; a server of that very name is ourselves.
            tls: the contexts.
            clock: the dates in a chain are looked at by it.
            sources: our addresses to dial from, at most one of each kind is used.
            observe: told how TLS went.
            patience: how long to wait for what.
        """
        self._hostname = hostname
        self._tls = tls
        self._clock = clock
        self._sources = {ip_address(source).version: source for source in reversed(sources)}
        self._observe = observe
        self._patience = patience

    async def dial(self, domain: str, host: Host) -> Connection:
        """Return a conversation that a message for `domain` may be sent on.

        Raises:
            Gone: no address of the host gives one; the last one's reason.
        """
        failure = Gone(own_word("4.4.4", "The server has no address that we may connect to"))
        for address in host.addresses:
            try:
                return await self._secured(domain, host, address)
            except Gone as gone:
                if gone.insecure or not failure.insecure:
                    failure = gone
        raise failure

    async def _secured(self, domain: str, host: Host, address: str) -> Connection:
        security = host.security
        while True:
            try:
                connection = await self._attempt(host, address, security)
            except _Unfit as unfit:
                self._tell(domain, host, address, unfit)
                if security.is_trial:
                    security = security.without_trial
                    continue
                if not security.allows_plaintext:
                    text = f"The server does not offer the TLS that it must: {unfit.result}"
                    raise Gone(own_word("4.7.5", text), insecure=True) from unfit
                return await self._plain(host, address)
            if security is host.security:
                bare = connection.wire.tls is None
                self._tell(domain, host, address, _Unfit(_NOT_OFFERED) if bare else None)
            return connection

    async def _attempt(self, host: Host, address: str, security: Security) -> Connection:
        """Raises _Unfit where TLS is not what `security` wants, Gone for all else."""
        wire = await self._wire(host, address)
        try:
            connection = Connection(wire, host.name, self._patience)
            if host.implicit_tls:
                await self._begin_tls(wire, host, security)
                await self._greet(connection)
            else:
                await self._greet(connection)
                if await connection.may_start_tls():
                    await self._begin_tls(wire, host, security)
                    await connection.hello(self._hostname)
                elif security.level is not Level.OPPORTUNISTIC:
                    raise _Unfit(_NOT_OFFERED)
            if host.sign_in is not None:
                await connection.sign_in(host.sign_in)
        except BaseException:
            wire.abort()
            raise
        return connection

    async def _plain(self, host: Host, address: str) -> Connection:
        """Speak without TLS where a handshake failed; only Level.OPPORTUNISTIC comes to it."""
        wire = await self._wire(host, address)
        try:
            connection = Connection(wire, host.name, self._patience)
            await self._greet(connection)
        except BaseException:
            wire.abort()
            raise
        return connection

    async def _wire(self, host: Host, address: str) -> Wire:
        source = self._sources.get(ip_address(address).version)
        patience = self._patience.connecting
        return await Wire.connect(address, host.port, source=source, patience=patience)

    async def _greet(self, connection: Connection) -> None:
        await connection.greet(self._hostname)
        if connection.extensions.greeted_by == self._hostname.lower():
            await connection.close()
            raise Gone(own_word("5.4.6", "The mail host is this very server: a mail loop"))

    async def _begin_tls(self, wire: Wire, host: Host, security: Security) -> None:
        context, name = self._context(host, security)
        try:
            await wire.start_tls(context, name, self._patience.handshake)
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or ""
            raise _Unfit(result_type(error), str(reason)) from error
        except (OSError, TimeoutError, ValueError) as error:
            raise _Unfit("validation-failure", "the handshake was cut short") from error
        shown = wire.tls
        if shown is None:
            raise Gone(own_word("4.4.2", "The connection was lost"))
        if security.level is Level.DANE:
            if not dane.matches(security.keys, chain_of(shown), now=self._clock.now()):
                raise _Unfit("validation-failure", "no TLSA record matches")
        elif security.level is Level.VERIFIED and security.names:
            certified = names_of(shown)
            if not any(covers(one, name) for one in certified for name in security.names):
                raise _Unfit("certificate-host-mismatch")

    def _context(self, host: Host, security: Security) -> tuple[ssl.SSLContext, str]:
        """Choose how to ask, and what name to say in SNI."""
        if security.level is Level.DANE:
            return self._tls.encrypting, security.keys.base or host.name
        if security.level is Level.VERIFIED:
            return self._tls.chaining if security.names else self._tls.naming, host.name
        return self._tls.encrypting, host.name

    def _tell(self, domain: str, host: Host, address: str, unfit: _Unfit | None) -> None:
        result, reason = ("", "") if unfit is None else (unfit.result, unfit.reason)
        if unfit is not None and host.security.level is not Level.OPPORTUNISTIC:
            log.info("tls refused", domain=domain, policy=host.security.applied.kind, result=result)
        self._observe(
            Observation(domain, host.security.applied, host.name, address, result, reason)
        )


async def cut(connection: Connection, seconds: float = 5.0) -> None:
    """Close a conversation from outside of it, politely if that is soon done."""
    try:
        async with asyncio.timeout(seconds):
            await connection.close()
    except TimeoutError:
        connection.wire.abort()
