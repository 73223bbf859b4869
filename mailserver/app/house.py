"""All services of one process, opened once and closed in order.

On the way down first every open account is locked and every running key overwritten, then the audit
log's last batch is confirmed, then the databases are let go.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from mailserver.accounts.admin_sessions import AdminSessions
from mailserver.accounts.admins import Admins
from mailserver.accounts.app_passwords import AppPasswords
from mailserver.accounts.desk import Desk
from mailserver.accounts.directory import Directory, addresses_of
from mailserver.accounts.hashing import Hashing
from mailserver.accounts.keyring import Keyring
from mailserver.accounts.login import Logins
from mailserver.accounts.provisioning import Provisioning
from mailserver.accounts.recovery import Recovery
from mailserver.accounts.sending import SendingLimits
from mailserver.accounts.sessions import Sessions
from mailserver.accounts.signing_keys import SigningKeys
from mailserver.app.mailroom import Mailroom, furnish
from mailserver.app.people import People, people
from mailserver.app.reception import Reception, reception
from mailserver.app.registers import Books, open_books, posted
from mailserver.app.reports import Reporting, author
from mailserver.audit.chain import Chain
from mailserver.audit.checkpoint import load_key
from mailserver.audit.copies import Copies
from mailserver.crypto.suite import Suite, self_test
from mailserver.mail.delivery import Delivery
from mailserver.mail.inbound import Inbound
from mailserver.mail.outgoing import Outgoing
from mailserver.mail.push_desk import PushDesk
from mailserver.mail.queue_desk import QueueDesk
from mailserver.mail.reading_room import ReadingRoom
from mailserver.mail.signing import Signing
from mailserver.mail.spam import Spam
from mailserver.mail.tracing import Tracer
from mailserver.model.ids import AccountId
from mailserver.privacy.consent_desk import ConsentDesk
from mailserver.privacy.erasure import Post
from mailserver.runtime.clock import Clock, SystemClock
from mailserver.runtime.log import configure
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.settings import Settings
from mailserver.store.keystore import Keystore
from mailserver.store.store import Store
from mailserver.transfer.external import ExternalAccounts
from mailserver.vault.epochs import DepositMarks, Deposits
from mailserver.vault.master import MasterKeys

WORKERS = 4  # threads for large bodies: they release the interpreter lock, but there are few cores


@dataclass(frozen=True, slots=True)
class House:
    """What a command or a listener may ask for."""

    settings: Settings
    clock: Clock
    offload: Offload
    resolver: Resolver
    master: MasterKeys
    keystore: Keystore
    store: Store
    chain: Chain
    keyring: Keyring
    directory: Directory
    sessions: Sessions
    logins: Logins
    provisioning: Provisioning
    signing_keys: SigningKeys
    signing: Signing
    app_passwords: AppPasswords
    recovery: Recovery
    desk: Desk
    admins: Admins
    admin_sessions: AdminSessions
    people: People
    sending: SendingLimits
    inbound: Inbound
    spam: Spam
    delivery: Delivery
    external: ExternalAccounts
    reports: Reporting
    outgoing: Outgoing
    queue_desk: QueueDesk
    push_desk: PushDesk
    reading_room: ReadingRoom
    books: Books
    consents: ConsentDesk


@asynccontextmanager
async def open_house(settings: Settings, clock: Clock | None = None) -> AsyncIterator[House]:
    """Open everything that `settings` name for the length of a block.

    Raises:
        Misconfigured: a key is missing, or a database was never migrated.
        Transient: UNAVAILABLE, a database does not answer.
        Corrupt: the audit log does not end where the keystore says.
    """
    clock = clock or SystemClock()
    suite = self_test(settings.crypto.allow_classical)
    async with AsyncExitStack() as stack:
        master = MasterKeys.load(settings.keys.master_file, keep_out_of=[settings.data_dir])
        stack.callback(master.close)
        configure(level=settings.log.level, log_key=bytes(master.log_key), clock=clock)
        signing_key = load_key(settings.keys.audit_file)
        keystore = await Keystore.open(settings.keystore_url, clock=clock)
        stack.push_async_callback(keystore.close)
        store = await Store.open(settings.database_url, settings.blob_dir, clock=clock)
        stack.push_async_callback(store.close)
        chain = await Chain.open(
            *(store.audit, keystore, master),
            key=signing_key,
            clock=clock,
            copies=_copies(settings, stack),
        )
        stack.push_async_callback(chain.close)
        house = _furnished(settings, clock, suite, master, keystore, store, chain, stack)
        stack.push_async_callback(house.spam.close)
        await house.desk.escrow.look()
        yield house


def _furnished(
    settings: Settings,
    clock: Clock,
    suite: Suite,
    master: MasterKeys,
    keystore: Keystore,
    store: Store,
    chain: Chain,
    stack: AsyncExitStack,
) -> House:
    """Hand each service what it works with; what must be closed is told to `stack`."""
    offload, keyring = Offload(WORKERS), _keyring(settings, keystore, master)
    directory = Directory(store, keyring, chain, clock, settings.hostname)
    sessions, hashing = Sessions(keyring, clock), _hashing(settings, stack)
    deposits, resolver = _deposits(settings, clock, master), _resolver(settings, clock)
    signing_keys = SigningKeys(store, master.instance_guard, resolver, chain, clock, offload)
    common = (store, keyring, directory, chain, deposits, offload, clock)
    who = people(*common)
    desks = reception(
        *(store, keyring, directory, sessions, chain, hashing, deposits, clock, who.notices.tell),
        settings=settings,
        suite=suite,
        signing_keys=signing_keys,
    )
    mailroom = furnish(settings, *common, resolver, who)
    mailroom.trace_by(tracer := Tracer(clock))
    _close_with(stack, offload.close, sessions.close, deposits.close)
    books = open_books(
        *(settings, store, keystore, master, chain, desks, clock, offload),
        *(who.notices.tell, tracer, _posting(settings, mailroom, master)),
    )
    return House(
        *(settings, clock, offload, resolver, master, keystore, store, chain),
        *(keyring, directory, sessions, desks.logins, desks.provisioning, signing_keys),
        *(mailroom.signing, desks.app_passwords, desks.recovery, desks.desk),
        *_console(settings, keystore, master, chain, hashing, clock),
        people=who,
        sending=mailroom.sending,
        inbound=mailroom.inbound,
        spam=mailroom.spam,
        delivery=mailroom.delivery,
        external=_external(settings, *common),
        reports=mailroom.reports,
        outgoing=mailroom.outgoing,
        queue_desk=mailroom.queue_desk,
        push_desk=_pushing(settings, store, keyring, desks, mailroom, clock),
        reading_room=mailroom.reading_room,
        books=books,
        consents=_asking(settings, store, keyring, books, mailroom, clock),
    )


def _external(
    settings: Settings,
    store: Store,
    keyring: Keyring,
    _directory: Directory,
    chain: Chain,
    deposits: Deposits,
    offload: Offload,
    clock: Clock,
) -> ExternalAccounts:
    """Make what fetches from accounts elsewhere."""
    return ExternalAccounts(store, keyring, chain, deposits, offload, clock, settings.external)


def _console(
    settings: Settings,
    keystore: Keystore,
    master: MasterKeys,
    chain: Chain,
    hashing: Hashing,
    clock: Clock,
) -> tuple[Admins, AdminSessions]:
    """Make what keeps administrators, and lets them in."""
    admins, delays = Admins(keystore, master, chain, hashing, clock), settings.limits.login_delays
    return admins, AdminSessions(admins, keystore, master, chain, clock, delays=delays)


def _posting(settings: Settings, mailroom: Mailroom, master: MasterKeys) -> Post | None:
    """Return what sends letters of the server's own; None where nothing leaves it."""
    return partial(posted, mailroom.outgoing, master) if settings.relays else None


def _pushing(
    settings: Settings,
    store: Store,
    keyring: Keyring,
    desks: Reception,
    mailroom: Mailroom,
    clock: Clock,
) -> PushDesk:
    """Make what wakes programs by push services, for sessions that have not ended."""
    live, identity = desks.desk.web_sessions.is_live, keyring.master.push_identity
    return PushDesk(store, keyring.guard, live, mailroom.web, identity, clock, settings)


def _asking(
    settings: Settings,
    store: Store,
    keyring: Keyring,
    books: Books,
    mailroom: Mailroom,
    clock: Clock,
) -> ConsentDesk:
    """Make what asks for consent, by letters in the name of a domain of ours."""

    async def main_address(account_id: AccountId) -> str:
        return str(addresses_of(await keyring.account(account_id))[0])

    return ConsentDesk(
        books.consents,
        books.consent_ending,
        store,
        mailroom.outgoing,
        keyring.master.instance_guard,
        partial(author, settings, store),
        main_address,
        settings,
        clock,
    )


def _close_with(stack: AsyncExitStack, *closings: Callable[[], None]) -> None:
    for closing in closings:
        stack.callback(closing)


def _copies(settings: Settings, stack: AsyncExitStack) -> Copies | None:
    """Make the place for copies of the audit log, if there is one."""
    if settings.audit.copy_to is None:
        return None
    copies = Copies(settings.audit.copy_to)
    stack.callback(copies.close)
    return copies


def _keyring(settings: Settings, keystore: Keystore, master: MasterKeys) -> Keyring:
    return Keyring(keystore, master, allow_classical=settings.crypto.allow_classical)


def _hashing(settings: Settings, stack: AsyncExitStack) -> Hashing:
    """Make the threads that hash passwords, as many as the settings allow."""
    at_once = settings.limits.password_hashes
    hashes = Offload(at_once, name="hash")
    stack.callback(hashes.close)
    return Hashing(hashes, at_once)


def _deposits(settings: Settings, clock: Clock, master: MasterKeys) -> Deposits:
    """Make the running delivery keys."""
    return Deposits(
        DepositMarks(master),
        epoch_seconds=settings.crypto.epoch_seconds,
        epoch_messages=settings.crypto.epoch_messages,
        clock=clock,
    )


def _resolver(settings: Settings, clock: Clock) -> Resolver:
    servers = settings.dns.nameservers or None
    return Resolver(servers, clock=clock, validating=settings.dns.validating)
