"""The listeners: which service is behind which door, and how they are opened and closed.

Other packages add doors by the entry point group `zegel.doors`: a function like `imap_doors`, which
is given the same things and yields what it opened.
"""

import ssl
from asyncio import Protocol
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import entry_points
from typing import TypeVar

from mailserver.accounts.sessions import Lease
from mailserver.app.house import House
from mailserver.app.metrics import Metrics
from mailserver.imap import bounds as imap
from mailserver.imap.connection import Connection as ImapConnection
from mailserver.mail.account import Account
from mailserver.mail.office import Office
from mailserver.mail.receipts import Deliveries, Receipts
from mailserver.mail.rules import Rules
from mailserver.mail.script_account import ScriptAccount
from mailserver.mail.scripts import Scripts
from mailserver.mail.submission import Submission, Submitter
from mailserver.mail.vacation import Vacations
from mailserver.managesieve import bounds as managesieve
from mailserver.managesieve.connection import Connection as ManageSieveConnection
from mailserver.model.errors import Misconfigured
from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap.limits import Limits as MachineLimits
from mailserver.protocol.managesieve.machine import Limits as ScriptLimits
from mailserver.runtime.door import Door
from mailserver.runtime.limits import Budget, Connections
from mailserver.runtime.listener import Listener as Serving
from mailserver.runtime.listener import listening
from mailserver.runtime.rates import Paces
from mailserver.runtime.settings import Endpoint, Listener, Settings, Tls
from mailserver.runtime.settings_web import HTTPS_PORT
from mailserver.smtp import listener as smtp
from mailserver.smtp.policy import Policy, Service
from mailserver.transfer.exports import ExportDesk
from mailserver.vault.records import Scope

S = TypeVar("S", imap.Shared, managesieve.Shared)

ENTRY_POINTS = "zegel.doors"


@dataclass(frozen=True, slots=True)
class Hall:
    """What all doors share: the house, the certificate, and what is counted together."""

    house: House
    office: Office
    exports: ExportDesk
    certificate: ssl.SSLContext | None
    budget: Budget
    connections: Connections
    paces: Paces = field(default_factory=Paces)
    shares_ports: bool = False
    """Whether other processes of this server listen on the same ports."""
    metrics: Metrics | None = None
    """What is scraped; None where the settings do not turn it on."""

    @property
    def answers_scrapes(self) -> bool:
        """Whether this process answers for all."""
        return self.metrics is not None and self.metrics.part.sweeps

    async def scrape(self) -> bytes:
        """Return the metrics in the text format."""
        return b"" if self.metrics is None else await self.metrics.scrape()

    @property
    def submitting(self) -> Submission:
        """What takes mail from users, and sends it on where this server does."""
        house = self.house
        outgoing = house.outgoing if house.settings.relays else None
        return Submission(_with_receipts(house, house.delivery), outgoing, house.sending)

    async def open_for_app(self, login: str, secret: Plaintext, peer: str) -> Account:
        """Open an account by an app password for JMAP.

        Raises:
            MailError: as `Logins.app_password` does.
        """
        logins = self.house.logins
        return self.office.open(
            await logins.app_password(login, secret, scope=Scope.JMAP, peer=peer)
        )

    def scripts_of(self, lease: Lease) -> Scripts:
        """Return the filters of the account that `lease` holds."""
        house = self.house
        return Scripts(
            house.store,
            lease.account_id,
            lease.account.guard,
            house.chain,
            house.people.forwards.approved,
            house.settings.sieve,
        )

    def rules_of(self, account: Account) -> Rules:
        """Return the filters and settings of an open account."""
        house, owner, guard = self.house, account.account_id, account.guard
        bounds, approved = house.settings.sieve, house.people.forwards.approved
        return Rules(
            Scripts(house.store, owner, guard, house.chain, approved, bounds),
            Vacations(house.store, owner, guard, house.chain),
        )

    def wanted(self, *names: str) -> list[tuple[str, Listener, Endpoint]]:
        """Return those of the named listeners that the settings turn on."""
        listeners = self.house.settings.listeners.named()
        return [
            (name, listeners[name], address)
            for name in names
            if (address := listeners[name].address) is not None
        ]

    def context(self, listener: Listener) -> ssl.SSLContext | None:
        """Return the TLS context of a listener; None where it has no TLS."""
        return None if listener.tls is Tls.NONE else self.certificate


Opener = Callable[[Hall], AbstractAsyncContextManager[Sequence[Door]]]


@asynccontextmanager
async def open_doors(hall: Hall) -> AsyncIterator[list[Door]]:
    """Open every listener of the settings and of plugins, for the length of a block.

    Raises:
        Misconfigured: an address cannot be bound.
    """
    openers: list[Opener] = [smtp_doors, imap_doors, managesieve_doors]
    openers += [point.load() for point in entry_points(group=ENTRY_POINTS)]
    async with AsyncExitStack() as stack:
        yield [door for opener in openers for door in await stack.enter_async_context(opener(hall))]


@asynccontextmanager
async def smtp_doors(hall: Hall) -> AsyncIterator[list[Door]]:
    """Open the doors for mail that comes in and goes out."""
    shared = smtp.Shared(hall.budget, hall.connections, paces=hall.paces)
    settings, doors = hall.house.settings, []
    hold = timedelta(seconds=settings.queue.hold_seconds) if settings.queue.hold_seconds else None
    async with AsyncExitStack() as stack:
        for name, listener, address in hall.wanted("mx", "lmtp", "submission", "submissions"):
            service = Service.SUBMISSION if name == "submissions" else Service(name)
            policy = Policy.of(
                service,
                settings.hostname,
                settings.limits,
                relaying=settings.relays,
                hold=hold,
            )
            server = _smtp_listener(hall, policy, shared, listener)
            try:
                port = await server.open(address.host, address.port, reuse_port=hall.shares_ports)
            except OSError as error:
                raise Misconfigured(f"listeners.{name}: cannot listen on {address}") from error
            stack.push_async_callback(server.close)
            doors.append(Door(name, Endpoint(host=address.host, port=port), listener.tls))
        yield doors


def _smtp_listener(
    hall: Hall, policy: Policy, shared: smtp.Shared, listener: Listener
) -> smtp.Listener:
    house, tls = hall.house, hall.context(listener)
    match policy.service:
        case Service.MX:
            return smtp.Listener.mx(house.inbound, policy, shared, tls=tls)
        case Service.LMTP:
            delivering = _with_receipts(house, house.delivery)
            return smtp.Listener.lmtp(delivering, policy, shared, tls=tls)
        case Service.SUBMISSION:
            if tls is None:
                raise Misconfigured("submission: nobody signs in without TLS, so it needs it")
            return smtp.Listener.submission(
                hall.submitting,
                lambda login, secret, peer: _submitter(house, login, secret, peer),
                policy,
                shared,
                tls=tls,
                implicit_tls=listener.tls is Tls.IMPLICIT,
            )


def _with_receipts(house: House, deliveries: Deliveries) -> Deliveries:
    """Have what delivers write receipts, where they can leave this server."""
    if not house.settings.relays:
        return deliveries
    name, languages = house.settings.hostname, house.desk.languages
    return Receipts(deliveries, house.outgoing, name, house.clock, language=languages.of)


async def _submitter(house: House, login: str, secret: Plaintext, peer: str) -> Submitter:
    signed_in = await house.logins.submission(login, secret, peer=peer)
    return Submitter(signed_in.account_id, signed_in.address, signed_in.addresses, peer)


def _jmap_url(settings: Settings) -> str:
    """Return where programs find JMAP; empty where it is off, or its port is not known."""
    address, origin = settings.listeners.api.address, settings.web.api_url
    if not origin:
        if address is None or not address.port:
            return ""
        tail = "" if address.port == HTTPS_PORT else f":{address.port}"
        origin = f"https://{settings.hostname.lower()}{tail}"
    return f"{origin}/jmap/session"


@asynccontextmanager
async def imap_doors(hall: Hall) -> AsyncIterator[list[Door]]:
    """Open the doors for reading mail."""
    limits = hall.house.settings.limits

    async def sign_in(login: str, secret: Plaintext, peer: str) -> Account:
        lease = await hall.house.logins.app_password(login, secret, scope=Scope.IMAP, peer=peer)
        return hall.office.open(lease)

    shared = imap.Shared(
        sign_in=sign_in,
        literals=hall.budget,
        connections=hall.connections,
        paces=hall.paces,
        bounds=imap.Bounds(
            inactivity=timedelta(seconds=limits.imap_idle_seconds),
            life=timedelta(seconds=limits.imap_connection_seconds),
            machine=MachineLimits(message_octets=limits.message_octets),
        ),
        jmap_url=_jmap_url(hall.house.settings),
    )
    async with _opened(hall, ImapConnection, shared, "imap", "imaps") as doors:
        yield doors


@asynccontextmanager
async def managesieve_doors(hall: Hall) -> AsyncIterator[list[Door]]:
    """Open the door for keeping one's filters, where the settings turn it on."""
    house, bounds = hall.house, hall.house.settings.sieve

    async def sign_in(login: str, secret: Plaintext, peer: str) -> ScriptAccount:
        lease = await house.logins.app_password(login, secret, scope=Scope.SIEVE, peer=peer)
        return ScriptAccount(lease, hall.scripts_of(lease))

    shared = managesieve.Shared(
        sign_in=sign_in,
        connections=hall.connections,
        paces=hall.paces,
        redirects=bounds.redirects,
        bounds=managesieve.Bounds(
            life=timedelta(seconds=house.settings.limits.imap_connection_seconds),
            machine=ScriptLimits(literal_octets=bounds.script_octets + managesieve.NAMES),
        ),
    )
    async with _opened(hall, ManageSieveConnection, shared, "managesieve") as doors:
        yield doors


@asynccontextmanager
async def _opened(
    hall: Hall, connect: Callable[[Serving[S]], Protocol], shared: S, *names: str
) -> AsyncIterator[list[Door]]:
    """Open those of the named listeners that the settings turn on."""
    doors = []
    async with AsyncExitStack() as stack:
        for name, listener, address in hall.wanted(*names):
            opening = listening(
                *(name, connect, address, listener.tls, shared, hall.context(listener)),
                reuse_port=hall.shares_ports,
            )
            server = await stack.enter_async_context(opening)
            bound = Endpoint(host=address.host, port=server.port)
            doors.append(Door(name, bound, listener.tls))
        yield doors
