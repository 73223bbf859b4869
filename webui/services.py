"""What the web side may use of the server: services, never the store behind them.

The server hands its hall to the doors that plug in; here stands which part of it is looked at. A
route asks for `Services` by `webui.deps.Served`.
"""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, Self

from mailserver.accounts.admin_sessions import AdminSessions
from mailserver.accounts.admins import Admins
from mailserver.accounts.app_passwords import AppPasswords
from mailserver.accounts.desk import Desk
from mailserver.accounts.directory import Directory
from mailserver.accounts.login import Logins
from mailserver.accounts.provisioning import Provisioning
from mailserver.accounts.recovery import Recovery
from mailserver.accounts.sessions import Lease, Sessions
from mailserver.mail.account import Account
from mailserver.mail.office import Office
from mailserver.mail.outgoing import Outgoing
from mailserver.mail.push_desk import PushDesk
from mailserver.mail.reading_room import ReadingRoom
from mailserver.mail.rules import Rules
from mailserver.mail.scripts import Scripts
from mailserver.mail.submission import Submission
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.privacy.breaches import Breaches
from mailserver.privacy.centre import PrivacyCentre
from mailserver.privacy.consent_desk import ConsentDesk
from mailserver.privacy.erasure import Erasure
from mailserver.privacy.holds import Holds
from mailserver.privacy.legal_profile import LegalProfile
from mailserver.privacy.looks import Look
from mailserver.privacy.offers import Offers
from mailserver.privacy.oversight import Oversight
from mailserver.privacy.processing import Processing
from mailserver.privacy.request_form import RequestForm
from mailserver.privacy.requests import Requests
from mailserver.privacy.retention import Retention
from mailserver.privacy.trust import Trust
from mailserver.runtime.clock import Clock
from mailserver.runtime.limits import Budget, Connections
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.settings import Settings
from mailserver.transfer.exports import ExportDesk


class _Papers(Protocol):
    """The registers of agreements and such, as far as the web side looks."""

    @property
    def offers(self) -> Offers: ...


class _Books(Protocol):
    """The registers, as far as the web side looks."""

    @property
    def centre(self) -> PrivacyCentre: ...
    @property
    def profile(self) -> LegalProfile: ...
    @property
    def oversight(self) -> Oversight: ...
    @property
    def requests(self) -> Requests: ...
    @property
    def form(self) -> RequestForm: ...
    @property
    def breaches(self) -> Breaches: ...
    @property
    def holds(self) -> Holds: ...
    @property
    def retention(self) -> Retention: ...
    @property
    def processing(self) -> Processing: ...
    async def trust(self) -> Trust: ...
    async def looks_of(self, account_id: AccountId, /) -> list[Look]: ...
    @property
    def verify_log(self) -> Callable[[], Coroutine[Any, Any, bool]]: ...
    @property
    def erasure(self) -> Erasure: ...
    @property
    def papers(self) -> _Papers: ...


class _House(Protocol):
    """The services of the process, as far as the web side looks."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def offload(self) -> Offload: ...
    @property
    def resolver(self) -> Resolver: ...
    @property
    def directory(self) -> Directory: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def logins(self) -> Logins: ...
    @property
    def provisioning(self) -> Provisioning: ...
    @property
    def app_passwords(self) -> AppPasswords: ...
    @property
    def recovery(self) -> Recovery: ...
    @property
    def desk(self) -> Desk: ...
    @property
    def admins(self) -> Admins: ...
    @property
    def admin_sessions(self) -> AdminSessions: ...
    @property
    def outgoing(self) -> Outgoing: ...
    @property
    def reading_room(self) -> ReadingRoom: ...
    @property
    def push_desk(self) -> PushDesk: ...
    @property
    def books(self) -> _Books: ...
    @property
    def consents(self) -> ConsentDesk: ...


class _Opening(Protocol):
    """Opens an account by an app password of scope `jmap`."""

    def __call__(self, login: str, secret: Plaintext, peer: str, /) -> Awaitable[Account]: ...


class _ScriptsOf(Protocol):
    """Returns the filters of the account that a lease holds."""

    def __call__(self, lease: Lease, /) -> Scripts: ...


class _RulesOf(Protocol):
    """Returns the filters and settings of an open account."""

    def __call__(self, account: Account, /) -> Rules: ...


class ServingHall(Protocol):
    """What all doors of the server share, as far as the web side looks."""

    @property
    def house(self) -> _House:
        """What this process opened."""
        ...

    @property
    def office(self) -> Office:
        """What opens leases as accounts."""
        ...

    @property
    def exports(self) -> ExportDesk:
        """What exports accounts for their owners."""
        ...

    @property
    def budget(self) -> Budget:
        """Octets in flight."""
        ...

    @property
    def connections(self) -> Connections:
        """Connections that are open."""
        ...

    @property
    def submitting(self) -> Submission:
        """What takes mail from users."""
        ...

    @property
    def open_for_app(self) -> _Opening:
        """Open an account for a program."""
        ...

    @property
    def rules_of(self) -> _RulesOf:
        """Find an account's filters and settings."""
        ...

    @property
    def scripts_of(self) -> _ScriptsOf:
        """Find an account's filters."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a route may ask of the server."""

    settings: Settings
    clock: Clock
    offload: Offload
    resolver: Resolver
    directory: Directory
    sessions: Sessions
    logins: Logins
    provisioning: Provisioning
    app_passwords: AppPasswords
    recovery: Recovery
    desk: Desk
    """What `/api/account` asks for."""
    admins: Admins
    admin_sessions: AdminSessions
    books: _Books
    """The registers, for the console."""
    outgoing: Outgoing
    reading_room: ReadingRoom
    """What is done for readers with mail that strangers wrote."""
    push_desk: PushDesk
    privacy: PrivacyCentre
    exports: ExportDesk
    offers: Offers
    """Agreements that a customer may sign by a link."""
    consents: ConsentDesk
    office: Office
    """Opens a lease as an account with mailboxes, messages and search."""
    budget: Budget
    """Octets in flight, shared with SMTP and IMAP."""
    connections: Connections
    submission: Submission
    """Takes what a user sends."""
    open_for_app: _Opening
    scripts_of: _ScriptsOf
    rules_of: _RulesOf

    @classmethod
    def of(cls, hall: ServingHall) -> Self:
        """Take from `hall` what the web side may use."""
        house = hall.house
        return cls(
            settings=house.settings,
            clock=house.clock,
            offload=house.offload,
            resolver=house.resolver,
            directory=house.directory,
            sessions=house.sessions,
            logins=house.logins,
            provisioning=house.provisioning,
            app_passwords=house.app_passwords,
            recovery=house.recovery,
            desk=house.desk,
            admins=house.admins,
            admin_sessions=house.admin_sessions,
            books=house.books,
            outgoing=house.outgoing,
            reading_room=house.reading_room,
            push_desk=house.push_desk,
            privacy=house.books.centre,
            exports=hall.exports,
            offers=house.books.papers.offers,
            consents=house.consents,
            office=hall.office,
            budget=hall.budget,
            connections=hall.connections,
            submission=hall.submitting,
            open_for_app=hall.open_for_app,
            scripts_of=hall.scripts_of,
            rules_of=hall.rules_of,
        )
