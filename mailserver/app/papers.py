"""The registers beside those of breaches and requests: agreements, assessments, risks and such."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from mailserver.accounts.provisioning import Provisioning
from mailserver.audit.chain import Chain
from mailserver.audit.checkpoint import load_key
from mailserver.audit.entry import SERVER
from mailserver.model.errors import Corrupt
from mailserver.privacy.agreements import Agreements
from mailserver.privacy.announcements import Announcements, begun_since
from mailserver.privacy.assessments import Assessments
from mailserver.privacy.diary import Diary
from mailserver.privacy.lawful import LawfulRequests
from mailserver.privacy.ledger import Ledger
from mailserver.privacy.legal_profile import PROFILES
from mailserver.privacy.matters import PROCESSING_REVIEW, Matter, Matters, Subject
from mailserver.privacy.offers import Offers
from mailserver.privacy.processing import Processing
from mailserver.privacy.retention import Category
from mailserver.privacy.retention_rows import kept_after_its_end
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.settings import Settings
from mailserver.store.registers import Register
from mailserver.store.store import Store
from mailserver.vault.master import MasterKeys

RECORDS_KEPT = timedelta(days=1827)  # five years, two of them leap years, as breaches
YEAR = timedelta(days=365.25)

log = get_logger("papers")


@dataclass(frozen=True, slots=True)
class Papers:
    """These registers of one server."""

    agreements: Agreements
    offers: Offers
    announcements: Announcements
    assessments: Assessments
    risks: Matters
    training: Matters
    measures: Matters
    lawful: LawfulRequests
    processing: Processing
    customers: Callable[[], Awaitable[dict[str, list[str]]]]
    """Returns each customer's domains."""

    def matters(self, subject: Subject) -> Matters:
        """Return the register of a subject."""
        named = {one.subject: one for one in (self.risks, self.training, self.measures)}
        return named[subject]

    async def remind(self) -> None:
        """Remind of everything in them that is due; a register that fails holds up no other."""
        for work in (
            *(self._agreements, self.processing_review, self._processors),
            *(self.assessments.remind, self.lawful.remind),
            *(self.risks.remind, self.training.remind, self.measures.remind),
        ):
            try:
                await work()
            except Corrupt as error:
                log.error("a register was altered", condition=error.condition.name)

    async def processing_review(self) -> Matter:
        """Return the review of the register of processing, which there always is."""
        known = await self.measures.known(PROCESSING_REVIEW)
        if known is not None:
            return known
        title, owner = "The register of processing is looked at", self.processing.contact
        said = {"evidence": "zegel privacy register reviewed"}
        return await self.measures.add(title, owner, said, key=PROCESSING_REVIEW, actor=SERVER)

    async def unannounced(self) -> list[str]:
        """Return those processors that came without customers having been told in time."""
        versions = await self.processing.versions()
        if not versions or not await self.customers():
            return []
        first = [one["name"] for one in versions[0].document["processors"]]
        named = [one["name"] for one in self.processing.current()["processors"]]
        return await self.announcements.unannounced(begun_since(first, named))

    async def _agreements(self) -> None:
        await self.agreements.remind(list(await self.customers()))

    async def _processors(self) -> None:
        for name in await self.unannounced():
            log.error("a processor was not announced to customers", processor=name)


def open_agreements(
    settings: Settings, store: Store, master: MasterKeys, chain: Chain, clock: Clock
) -> Agreements:
    """Make the register of agreements, which says who may make accounts."""
    return Agreements(
        Ledger(store.registers, master.instance_guard, chain),
        clock,
        PROFILES[settings.organisation.country],
        settings.organisation.name or settings.hostname,
        partial(load_key, settings.keys.audit_file),
    )


def open_papers(
    settings: Settings,
    ledger: Ledger,
    agreements: Agreements,
    provisioning: Provisioning,
    processing: Processing,
    clock: Clock,
) -> Papers:
    """Make these registers."""
    profile = PROFILES[settings.organisation.country]
    risks, training, measures = (
        Matters(subject, ledger, clock, profile)
        for subject in (Subject.RISK, Subject.TRAINING, Subject.MEASURE)
    )
    return Papers(
        agreements=agreements,
        offers=Offers(agreements, ledger, clock),
        announcements=Announcements(ledger, clock, profile),
        assessments=Assessments(
            *(processing, lambda: bool(settings.scanners.elsewhere), risks, measures),
            *(ledger, clock, profile),
        ),
        risks=risks,
        training=training,
        measures=measures,
        lawful=LawfulRequests(ledger, clock, profile),
        processing=processing,
        customers=provisioning.customers,
    )


def paper_rows(settings: Settings, ledger: Ledger, clock: Clock) -> list[Category]:
    """Return for how long these registers keep what is over."""
    years = PROFILES[settings.organisation.country].bookkeeping_years
    rows = (
        ("agreements", "who accepted our agreement", years * YEAR, Register.ACCEPTANCE),
        ("assessments", "impact assessments that were replaced", RECORDS_KEPT, Register.DPIA),
        ("risks", "risks that are closed", RECORDS_KEPT, Register.RISK),
        ("training", "training that is over", RECORDS_KEPT, Register.TRAINING),
        ("measures", "measures that ended", RECORDS_KEPT, Register.MEASURE),
        ("lawful", "what authorities asked for, from its answer", RECORDS_KEPT, Register.LAWFUL),
    )
    return [
        kept_after_its_end(name, what, period, Diary(ledger, register, clock))
        for name, what, period, register in rows
    ]
