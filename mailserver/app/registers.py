"""What keeps the law's books of this server: its registers, and what ends by age."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from mailserver.accounts.desk import Desk
from mailserver.accounts.provisioning import Provisioning
from mailserver.accounts.sessions import Sessions
from mailserver.app.papers import Papers, open_agreements, open_papers, paper_rows
from mailserver.audit.chain import Chain
from mailserver.audit.checkpoint import load_key
from mailserver.audit.verify import ChainBroken, verify
from mailserver.mail.outgoing import Outgoing
from mailserver.mail.parcels import Origin, Parcel
from mailserver.mail.tracing import Tracer
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Notify, Onward
from mailserver.model.ids import AccountId
from mailserver.model.notice import Tell
from mailserver.model.sealed import Plaintext
from mailserver.operations.scrub import Scrubber
from mailserver.privacy.activities import ACTIVITIES, of_escrow
from mailserver.privacy.breaches import Breaches
from mailserver.privacy.centre import PrivacyCentre
from mailserver.privacy.certificate import issue
from mailserver.privacy.consent_ending import ConsentEnding
from mailserver.privacy.consent_view import ConsentViews
from mailserver.privacy.consents import Consents
from mailserver.privacy.erasure import Erasure, Post
from mailserver.privacy.escrow import Openings
from mailserver.privacy.holds import Holds
from mailserver.privacy.ledger import Ledger
from mailserver.privacy.legal_profile import PROFILES, LegalProfile
from mailserver.privacy.looks import Look, looks_of
from mailserver.privacy.oversight import Oversight
from mailserver.privacy.processing import Processing
from mailserver.privacy.request_form import RequestForm
from mailserver.privacy.requests import Requests
from mailserver.privacy.retention import LOOK, Category, Retention
from mailserver.privacy.retention_rows import categories
from mailserver.privacy.suspicions import Suspicions
from mailserver.privacy.trace import Traces
from mailserver.privacy.trace_files import TraceFiles
from mailserver.privacy.trust import Trust, trust
from mailserver.runtime.background import Background
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.runtime.settings import Settings
from mailserver.store.keystore import Keystore
from mailserver.store.registers import Register
from mailserver.store.store import Store
from mailserver.transfer.exports import sweep as sweep_exports
from mailserver.vault.master import MasterKeys

SUSPECT = timedelta(minutes=1)  # how soon a suspicion in the audit log is in the register
REMIND = timedelta(minutes=10)
VERIFY = timedelta(days=1)
SETTLED = timedelta(seconds=30)  # after its start a server has other things to do
TRACES = "traces"  # below the data directory
_SCRUB = 1


class Desks(Protocol):
    """Those whose sessions, links and tombs end by themselves."""

    @property
    def desk(self) -> Desk:
        """Where people sign in and reset."""
        ...

    @property
    def sessions(self) -> Sessions:
        """What holds accounts open."""
        ...

    @property
    def provisioning(self) -> Provisioning:
        """Where accounts are made and end."""
        ...


@dataclass(frozen=True, slots=True)
class Books:
    """The registers of one server."""

    profile: LegalProfile
    ledger: Ledger
    holds: Holds
    retention: Retention
    breaches: Breaches
    requests: Requests
    consents: Consents
    consent_ending: ConsentEnding
    consent_views: ConsentViews
    suspicions: Suspicions
    scrubber: Scrubber
    processing: Processing
    centre: PrivacyCentre
    oversight: Oversight
    form: RequestForm
    openings: Openings
    traces: Traces
    erasure: Erasure
    papers: Papers
    verify_log: Callable[[], Coroutine[Any, Any, bool]]
    """Reads the whole audit log; where it is broken, that is a suspicion, and False."""

    async def looks_of(self, account_id: AccountId) -> list[Look]:
        """List who looked at an account, as its owner is told."""
        return await looks_of(self.openings, self.traces, account_id)

    async def trust(self) -> Trust:
        """Gather what the trust page says, as it is now."""
        versions, lawful = await self.processing.versions(), await self.papers.lawful.counts()
        return trust(self.processing, versions, lawful)

    def tend(self, tasks: Background) -> None:
        """Do what is to be done regularly, by one process of a server."""
        for period, work in (
            (LOOK, self.retention.tend),
            (LOOK, self.scrubber.tend),
            (SUSPECT, self.suspicions.look),
            (REMIND, self.breaches.remind),
            (REMIND, self.requests.remind),
            (REMIND, self.openings.tend),
            (REMIND, self.traces.tend),
            (REMIND, self.erasure.tend),
            (REMIND, self.papers.remind),
            (REMIND, self.consent_ending.tend),
            (VERIFY, self.verify_log),
        ):
            tasks.create_task(later(tasks, period, work))


def open_books(
    settings: Settings,
    store: Store,
    keystore: Keystore,
    master: MasterKeys,
    chain: Chain,
    desks: Desks,
    clock: Clock,
    offload: Offload,
    tell: Tell,
    tracer: Tracer,
    post: Post | None = None,
) -> Books:
    """Make the registers over what is open; letters leave by `post`, where there is one."""
    ledger = Ledger(store.registers, master.instance_guard, chain)
    holds, profile = Holds(ledger), PROFILES[settings.organisation.country]
    breaches = Breaches(ledger, chain, clock, settings.organisation.contact)
    suspicions = Suspicions(breaches, ledger, store.audit)
    requests = Requests(ledger, clock, profile)
    consents = Consents(store, master, chain, clock, settings.consent)
    ending = ConsentEnding(consents, store, clock)
    rows = categories(
        *(settings, store, chain, desks.desk, desks.provisioning, breaches, requests, ending),
        sweep_exports=partial(sweep_exports, store, settings.export_dir, offload),
    )
    rows += paper_rows(settings, ledger, clock)
    processing = _processing(settings, rows, ledger, desks)
    agreements = open_agreements(settings, store, master, chain, clock)
    return Books(
        profile=profile,
        ledger=ledger,
        holds=holds,
        retention=Retention(rows, store, ledger, holds, chain, clock),
        breaches=breaches,
        requests=requests,
        consents=consents,
        consent_ending=ending,
        consent_views=ConsentViews(consents, store, settings.consent),
        suspicions=suspicions,
        scrubber=_scrubber(store, ledger, suspicions, clock),
        processing=processing,
        centre=PrivacyCentre(processing, rows, requests, profile, clock),
        oversight=Oversight(store, desks.desk.keyring),
        form=_form(settings, requests, master, clock, post),
        openings=_openings(desks, ledger, holds, chain, clock, tell),
        traces=_traces(settings, desks, ledger, chain, clock, tell, tracer, offload),
        erasure=_erasure(settings, store, desks, requests, holds, clock, ending, post),
        papers=open_papers(settings, ledger, agreements, desks.provisioning, processing, clock),
        verify_log=partial(_verify, settings, store, keystore, master, suspicions),
    )


def _processing(
    settings: Settings, rows: list[Category], ledger: Ledger, desks: Desks
) -> Processing:
    """Make the record of processing; recovery by the organisation is in it while it is on."""
    activities = (*ACTIVITIES, of_escrow(lambda: desks.desk.escrow.is_on))
    return Processing(settings, activities, rows, ledger)


def _form(
    settings: Settings, requests: Requests, master: MasterKeys, clock: Clock, post: Post | None
) -> RequestForm:
    """Make what takes requests from people without an account."""
    host = settings.hostname.lower()
    return RequestForm(
        *(requests, master.instance_guard, clock),
        post=post,
        sender=f"postmaster@{host}",
        organisation=settings.organisation.name or host,
    )


def _erasure(
    settings: Settings,
    store: Store,
    desks: Desks,
    requests: Requests,
    holds: Holds,
    clock: Clock,
    ending: ConsentEnding,
    post: Post | None,
) -> Erasure:
    """Make what erases accounts."""
    desk = desks.desk
    return Erasure(
        *(store, desk.keyring, desks.provisioning, desk.wishes, requests, holds, clock),
        issue=lambda erased: issue(load_key(settings.keys.audit_file), erased),
        post=post,
        grace=timedelta(days=settings.retention.grace_days),
        end_consents=ending.end_account,
    )


def _openings(
    desks: Desks, ledger: Ledger, holds: Holds, chain: Chain, clock: Clock, tell: Tell
) -> Openings:
    """Make what lets custodians open accounts."""
    desk = desks.desk
    own = (desk.escrow, desk.escrow_wraps, desk.keyring, desks.sessions)
    return Openings(*own, ledger, holds, chain, clock, tell)


def _traces(
    settings: Settings,
    desks: Desks,
    ledger: Ledger,
    chain: Chain,
    clock: Clock,
    tell: Tell,
    tracer: Tracer,
    offload: Offload,
) -> Traces:
    """Make what looks at an account's delivery."""
    files = TraceFiles(settings.data_dir / TRACES)
    return Traces(ledger, desks.desk.keyring, chain, clock, tell, tracer, files, offload)


def _scrubber(store: Store, ledger: Ledger, suspicions: Suspicions, clock: Clock) -> Scrubber:
    """Make what walks through stored objects, and remembers how far it has come."""
    return Scrubber(
        store.checksums,
        clock,
        load=partial(ledger.noted, Register.SCRUB, _SCRUB),
        save=partial(ledger.note, Register.SCRUB, _SCRUB),
        tell=suspicions.damaged,
    )


async def later(
    tasks: Background, period: timedelta, work: Callable[[], Awaitable[object]]
) -> None:
    """Leave a server that has just begun to those who wait for it."""
    await asyncio.sleep(SETTLED.total_seconds())
    await tasks.every(period, work)


async def posted(outgoing: Outgoing, master: MasterKeys, octets: bytes, to: Address) -> None:
    """Hand a letter of the server's own to the queue; nobody is told where it cannot arrive."""
    onward = [Onward(to, Notify.NEVER)]
    origin = Origin(None, master.instance_guard)
    await outgoing.enqueue(Parcel(origin, Envelope(None), Plaintext(octets), onward))


async def _verify(
    settings: Settings,
    store: Store,
    keystore: Keystore,
    master: MasterKeys,
    suspicions: Suspicions,
) -> bool:
    public = load_key(settings.keys.audit_file).public
    try:
        await verify(store.audit, keystore, master, public)
    except ChainBroken as broken:
        await suspicions.audit_broken(broken.tampering.value, broken.number)
        return False
    return True
