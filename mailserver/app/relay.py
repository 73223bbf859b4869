"""The relay put together: from the settings and the house's services to a task that sends mail."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from mailserver.app.house import House
from mailserver.mail.parcels import Due, Origin
from mailserver.mail.sts_shelf import StsShelf
from mailserver.mailauth.mta_sts import MtaSts
from mailserver.mailauth.mta_sts_fetch import HttpsFetch
from mailserver.model.errors import Misconfigured
from mailserver.model.sealed import Plaintext
from mailserver.outbound.bounce import Bounces
from mailserver.outbound.dial import Dialer
from mailserver.outbound.local import Local
from mailserver.outbound.pool import Pool
from mailserver.outbound.route import Map, Router, Via
from mailserver.outbound.runner import FIRST_REST, Runner
from mailserver.outbound.security import Level, SignIn
from mailserver.outbound.sending import Sending
from mailserver.outbound.tls_results import Observe, ignore
from mailserver.runtime.internet import is_public
from mailserver.runtime.settings import Settings
from mailserver.runtime.settings_relay import Hop
from mailserver.runtime.tls_client import ClientTls
from mailserver.runtime.web_client import WebClient

_LEAST = {
    "none": Level.OPPORTUNISTIC,
    "encrypted": Level.ENCRYPTED,
    "verified": Level.VERIFIED,
}

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


def relay(house: House, spawn: Spawn, *, observe: Observe = ignore) -> Runner:
    """Put the relay together; `Runner.run` sends until cancelled.

    Args:
        house: the services.
        spawn: starts what is looked at again in the background.
        observe: told how TLS with other servers went.

    Raises:
        Misconfigured: a file that the settings name cannot be used.
    """
    settings, clock = house.settings, house.clock
    tls = ClientTls.load(settings.relay.ca_file)
    private = settings.relay.private_addresses
    web = WebClient(
        house.resolver, tls.naming, may_connect=(lambda _: True) if private else is_public
    )
    shelf = StsShelf(house.store.sts_policies, house.master.instance_guard)
    mta_sts = MtaSts(house.resolver, HttpsFetch(web), shelf, clock=clock, spawn=spawn)
    router = Router(_map(settings), house.resolver, mta_sts, observe=observe)
    dialer = Dialer(
        settings.hostname,
        tls,
        clock=clock,
        sources=settings.relay.source_addresses,
        observe=observe,
    )
    pool = Pool(dialer, clock=clock, at_most=settings.relay.connections)
    return Runner(
        house.outgoing,
        Sending(router, pool),
        pool,
        Local(house.delivery),
        Bounces(settings.hostname, _origin(house), clock=clock, language=_language(house)),
        clock=clock,
        offload=house.offload,
        sign=house.signing.sign,
        at_once=settings.relay.at_once,
        grace=timedelta(seconds=settings.limits.shutdown_seconds),
        first_rest=min(FIRST_REST, timedelta(seconds=settings.queue.first_retry_seconds)),
    )


def _origin(house: House) -> Callable[[Due], Coroutine[Any, Any, Origin]]:
    async def origin(due: Due) -> Origin:
        """A report waits under the guard of whose message it is about: it goes with the account."""
        if due.account_id is None:
            return Origin(None, house.master.instance_guard)
        return Origin(due.account_id, (await house.keyring.account(due.account_id)).guard)

    return origin


def _language(house: House) -> Callable[[Due], Coroutine[Any, Any, str]]:
    return lambda due: house.desk.languages.of(due.account_id)


def _map(settings: Settings) -> Map:
    relay = settings.relay
    sign_in = None if relay.credentials_file is None else _credentials(relay.credentials_file)
    smart_host = None if relay.smart_host is None else _via(relay.smart_host, sign_in)
    return Map(
        hostname=settings.hostname,
        addresses=_own_addresses(settings),
        routes={domain: _via(hop, None) for domain, hop in relay.routes.items()},
        smart_host=smart_host,
        mandatory=relay.mandatory_tls,
        least=_LEAST[relay.external_min_tls],
        private=relay.private_addresses,
        port=relay.port,
        is_open=settings.relays,
    )


def _own_addresses(settings: Settings) -> frozenset[str]:
    """Name where our own MX listens: mail that DNS sends there would come back to us."""
    mx = settings.listeners.mx.address
    if mx is None or mx.port != settings.relay.port:
        return frozenset()
    try:
        return frozenset({str(ip_address(mx.host))})
    except ValueError:  # every interface, or a name: then our host name tells (`outbound.dial`)
        return frozenset()


def _via(hop: Hop, sign_in: SignIn | None) -> Via:
    return Via(hop.host, hop.port, hop.tls.value, sign_in)


def _credentials(file: Path) -> SignIn:
    try:
        user, password = file.read_text(encoding="utf-8").splitlines()[:2]
    except (OSError, ValueError) as error:
        raise Misconfigured(
            f"relay.credentials_file: {file} must hold the user and, on the next line, the password"
        ) from error
    return SignIn(user.strip(), Plaintext(password.strip().encode()))
