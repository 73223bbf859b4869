"""The services that mail passes through, in and out, put together."""

from dataclasses import dataclass
from datetime import timedelta

from mailserver.accounts.directory import Directory
from mailserver.accounts.keyring import Keyring
from mailserver.accounts.languages import Languages
from mailserver.accounts.sending import SendingLimits
from mailserver.app.people import People
from mailserver.app.reports import Reporting, reporting
from mailserver.audit.chain import Chain
from mailserver.mail.backoff import Schedule
from mailserver.mail.delivery import Delivery
from mailserver.mail.forwarding import Forwarding, Reaches
from mailserver.mail.inbound import Inbound
from mailserver.mail.outgoing import Outgoing
from mailserver.mail.queue_desk import QueueDesk
from mailserver.mail.quota import QuotaWatch
from mailserver.mail.reading_room import ReadingRoom
from mailserver.mail.receipts import Deliveries, Receipts
from mailserver.mail.scripts import Approved
from mailserver.mail.sieve import Filtering
from mailserver.mail.signing import Signing
from mailserver.mail.spam import Spam
from mailserver.mail.tracing import Tracer
from mailserver.model.address import Address
from mailserver.model.ids import AccountId
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.settings import Queue, Settings
from mailserver.runtime.tls_client import verifying
from mailserver.runtime.web_client import WebClient
from mailserver.store.store import Store
from mailserver.vault.epochs import Deposits


@dataclass(frozen=True, slots=True)
class Mailroom:
    """Where mail is judged, delivered, filtered, queued and signed, and readers are helped."""

    reports: Reporting
    inbound: Inbound
    spam: Spam
    delivery: Delivery
    filtering: Filtering
    outgoing: Outgoing
    queue_desk: QueueDesk
    signing: Signing
    sending: SendingLimits
    reading_room: ReadingRoom
    web: WebClient

    def trace_by(self, tracer: Tracer) -> None:
        """Note by `tracer` what becomes of traced accounts' mail."""
        self.delivery.tracer = self.inbound.tracer = self.outgoing.tracer = tracer


def furnish(
    settings: Settings,
    store: Store,
    keyring: Keyring,
    directory: Directory,
    chain: Chain,
    deposits: Deposits,
    offload: Offload,
    clock: Clock,
    resolver: Resolver,
    who: People,
) -> Mailroom:
    """Hand each service what it works with."""
    instance = keyring.master.instance_guard
    signing = Signing(store, instance, clock, offload)
    reaches = _reaching(settings, directory)
    filtering = Filtering(store, clock, offload, settings.sieve, _approving(reaches, who))

    store.queue.per_destination = settings.queue.per_destination
    outgoing = Outgoing(store, keyring.guard, instance, clock, offload, _schedule(settings.queue))
    desk = QueueDesk(store, outgoing, keyring.guard, instance, chain, clock)
    tell, hold = who.notices.tell, desk.hold_account
    sending = SendingLimits(store, keyring, chain, clock, settings.limits, tell=tell, hold=hold)
    outgoing.on_failed = sending.failed
    web, keys = WebClient(resolver, verifying(settings.relay.ca_file)), keyring.master.bounce_keys
    reports = reporting(settings, store, instance, outgoing, resolver, web, clock, offload)
    delivery = Delivery(
        *(store, directory, deposits, offload, clock),
        filtering=filtering,
        forwarding=Forwarding(outgoing, signing, instance, keys, clock, reaches=reaches),
        quota=QuotaWatch(store, tell, clock),
        reports=reports.intake,
    )
    receipted = _receipted(settings, delivery, outgoing, keyring, clock)
    spam = Spam(settings, store, instance, resolver, offload, clock)
    return Mailroom(
        reports=reports,
        inbound=_inbound(settings, receipted, spam, reports, resolver, offload, clock),
        spam=spam,
        delivery=delivery,
        filtering=filtering,
        outgoing=outgoing,
        queue_desk=desk,
        signing=signing,
        sending=sending,
        reading_room=ReadingRoom.of(settings, web, resolver, clock, offload),
        web=web,
    )


def _reaching(settings: Settings, directory: Directory) -> Reaches:
    """Return what says where mail goes from here: elsewhere only with a relay."""

    async def reaches(domain: str) -> bool:
        return settings.relays or await directory.is_local(domain)

    return reaches


def _approving(reaches: Reaches, who: People) -> Approved:
    """Return what says whether filters may send mail on; what leads nowhere loses a message."""

    async def approved(account_id: AccountId, target: Address) -> bool:
        return await reaches(target.domain) and await who.forwards.approved(account_id, target)

    return approved


def _receipted(
    settings: Settings, delivery: Delivery, outgoing: Outgoing, keyring: Keyring, clock: Clock
) -> Deliveries:
    """Have deliveries of strangers' mail write receipts, where they can leave this server."""
    if not settings.relays:
        return delivery
    language = Languages(keyring).of
    return Receipts(delivery, outgoing, settings.hostname, clock, language=language)


def _inbound(
    settings: Settings,
    delivery: Deliveries,
    spam: Spam,
    reports: Reporting,
    resolver: Resolver,
    offload: Offload,
    clock: Clock,
) -> Inbound:
    """Make the way in for strangers' mail; what is judged is reported where reports can leave."""
    trusted = frozenset(settings.spam.trusted_sealers)
    name = settings.hostname
    inbound = Inbound(delivery, resolver, spam, offload, clock, name, trusted_sealers=trusted)
    if settings.relays:
        inbound.on_judged = reports.ledger.judged
    return inbound


def _schedule(queue: Queue) -> Schedule:
    return Schedule(
        first=timedelta(seconds=queue.first_retry_seconds),
        longest=timedelta(seconds=queue.longest_retry_seconds),
        life=timedelta(seconds=queue.expire_seconds),
        warn_after=timedelta(seconds=queue.warn_seconds) if queue.warn_seconds else None,
    )
