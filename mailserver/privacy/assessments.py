"""Data protection impact assessments: demanded, prefilled, written, approved (GDPR Art. 35).

    demanded ─► draft (prefilled from the register of processing) ─► approved ─► replaced

What demands one is turned on: escrow, scanning elsewhere, messages by SMS, monitoring of a tenant's
people. The server opens a draft by itself then, and reminds every week until it is approved; a year
later it is looked at again, as a new version.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mailserver.audit.entry import OPERATOR, SERVER
from mailserver.model.errors import Condition, PeerFault, Refused
from mailserver.privacy.clocks import term_of_months
from mailserver.privacy.diary import Diary
from mailserver.privacy.ledger import Entry, Fields, Ledger
from mailserver.privacy.legal_profile import ASSESSMENT_MONTHS, LegalProfile
from mailserver.privacy.matters import Matters
from mailserver.privacy.processing import Document, Processing
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.registers import Register

AGAIN = timedelta(days=7)
WORDS_CHARACTERS = 20_000

log = get_logger("assessments")


class Occasion(StrEnum):
    """What demands an assessment."""

    ESCROW = "escrow"
    REMOTE_SCANNING = "remote-scanning"
    SMS = "sms"
    TENANT_MONITORING = "tenant-monitoring"


_ACTIVITIES: Mapping[Occasion, str] = {
    Occasion.ESCROW: "escrow",
    Occasion.REMOTE_SCANNING: "scanning",
    Occasion.SMS: "sms",
    Occasion.TENANT_MONITORING: "tenant-monitoring",
}
"""Which activity of the register it is about."""


class Section(StrEnum):
    """What an assessment says. Source: GDPR Art. 35(2), (7), (9)."""

    DESCRIPTION = "description"
    NECESSITY = "necessity"
    RISKS = "risks"
    MEASURES = "measures"
    ADVICE = "advice"
    """Of the data protection officer and of those concerned, or why nobody was asked."""


class State(StrEnum):
    """How far it has come."""

    DRAFT = "draft"
    APPROVED = "approved"
    REPLACED = "replaced"


_RISKS: Mapping[Occasion, str] = {
    Occasion.ESCROW: "Custodians together, or whoever has both keys, read a mailbox without need;"
    " people write less freely.",
    Occasion.REMOTE_SCANNING: "Letters in full leave this network; the scanner keeps, leaks or uses"
    " them.",
    Occasion.SMS: "Telephone numbers go to a carrier; a code is read by somebody else.",
    Occasion.TENANT_MONITORING: "People are watched at work beyond what is needed; they learn of it"
    " too late.",
}
"""What could go wrong, to begin with; who writes the assessment says how likely and how bad."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """A version as it stands."""

    number: int
    occasion: Occasion
    version: int
    state: State
    sections: Mapping[Section, str]
    made_at: datetime
    approved_at: datetime | None
    approved_by: str
    review_at: datetime | None
    """When it has to have been looked at again."""

    def missing(self) -> tuple[Section, ...]:
        """Return what nobody has said anything of."""
        return tuple(one for one in Section if not self.sections[one])


class Assessments:
    """The assessments of this server."""

    def __init__(
        self,
        processing: Processing,
        remote: Callable[[], bool],
        risks: Matters,
        measures: Matters,
        ledger: Ledger,
        clock: Clock,
        profile: LegalProfile,
    ) -> None:
        """Keep them in `ledger`; `remote` says whether scanners are elsewhere."""
        self._processing = processing
        self._remote = remote
        self._risks = risks
        self._measures = measures
        self._diary = Diary(ledger, Register.DPIA, clock)
        self._profile = profile

    async def listing(self) -> list[Assessment]:
        """Return every version, by number."""
        return [_read(entry) for entry in await self._diary.entries()]

    async def get(self, number: int) -> Assessment:
        """Return one version. Raises Absent."""
        return _read(await self._diary.get(number))

    def demanded(self) -> list[Occasion]:
        """Return what is turned on that demands an assessment."""
        names = {one["name"] for one in self._processing.current()["activities"]}
        return [
            one
            for one, activity in _ACTIVITIES.items()
            if activity in names and (one is not Occasion.REMOTE_SCANNING or self._remote())
        ]

    async def owed(self) -> list[Occasion]:
        """Return what demands an assessment and has none that is approved and in time."""
        now, good = self._diary.now(), set()
        for one in await self.listing():
            if one.state is State.APPROVED and one.review_at is not None and now < one.review_at:
                good.add(one.occasion)
        return [one for one in self.demanded() if one not in good]

    async def draft(self, occasion: Occasion, *, actor: str = OPERATOR) -> Assessment:
        """Begin a version, prefilled; the one that is being written, where there is one."""
        theirs = [one for one in await self.listing() if one.occasion is occasion]
        if theirs and theirs[-1].state is State.DRAFT:
            return theirs[-1]
        before = theirs[-1] if theirs else None
        fields: Fields = {
            "occasion": occasion.value,
            "version": before.version + 1 if before else 1,
            "state": State.DRAFT.value,
            "sections": await self._prefilled(occasion, before),
            "made": self._diary.now().isoformat(),
            **{"approved": "", "approved_by": "", "review": "", "reminded": 0},
        }
        return _read(await self._diary.add(fields, "begun", actor=actor))

    async def fill(
        self, number: int, section: Section, text: str, *, actor: str = OPERATOR
    ) -> Assessment:
        """Write a section of a draft. Raises Refused, PeerFault (BAD_SYNTAX)."""
        entry = await self._in(number, State.DRAFT)
        if not 0 < len(text.strip()) <= WORDS_CHARACTERS:
            raise PeerFault(Condition.BAD_SYNTAX, f"1 to {WORDS_CHARACTERS} letters")
        sections = entry.fields["sections"] | {section.value: text.strip()}
        what = f"said: {section.value}"
        return _read(await self._diary.change(entry, {"sections": sections}, what, actor=actor))

    async def approve(self, number: int, by: str, *, actor: str = OPERATOR) -> Assessment:
        """Approve a draft: the version before it is replaced.

        Raises:
            Refused: it is no draft, a section is empty, or nobody approves.
        """
        entry = await self._in(number, State.DRAFT)
        draft, by = _read(entry), " ".join(by.split())
        if missing := draft.missing():
            raise Refused(Condition.NOT_PERMITTED, f"fill in: {', '.join(missing)}")
        if not by:
            raise Refused(Condition.NOT_PERMITTED, "say who approves it")
        now = self._diary.now()
        review = term_of_months(now, ASSESSMENT_MONTHS, self._profile).ends_at
        change = {"state": State.APPROVED.value, "approved": now.isoformat(), "approved_by": by}
        change |= {"review": review.isoformat()}
        approved = _read(await self._diary.change(entry, change, "approved", actor=actor))
        for one in await self._diary.entries():
            other = _read(one)
            same = (other.occasion, other.state) == (draft.occasion, State.APPROVED)
            if same and other.number != number:
                over = {"state": State.REPLACED.value, "over": now.isoformat()}
                await self._diary.change(one, over, "replaced", actor=actor)
        return approved

    async def remind(self) -> list[Assessment]:
        """Begin a draft of what is demanded, and write it into the log, weekly; return those."""
        now, reminded = self._diary.now(), []
        for occasion in await self.owed():
            draft = await self.draft(occasion, actor=SERVER)
            entry = await self._diary.get(draft.number)
            weeks = 1 + (now - draft.made_at) // AGAIN
            if weeks <= entry.fields["reminded"]:
                continue
            log.error("an impact assessment is demanded", occasion=occasion, number=draft.number)
            change = {"reminded": weeks}
            reminded.append(
                _read(await self._diary.change(entry, change, "reminded", actor=SERVER))
            )
        return reminded

    async def _prefilled(self, occasion: Occasion, before: Assessment | None) -> dict[str, str]:
        document = self._processing.current()
        about = [one for one in document["activities"] if one["name"] == _ACTIVITIES[occasion]]
        risks = [
            f"{one.title}: likelihood {one.said['likelihood']}, impact {one.said['impact']};"
            f" {one.said['treatment']}"
            for one in await self._risks.listing()
            if one.over_at is None
        ]
        measures = {said for one in about for said in one["measures"]}
        kept = [one.title for one in await self._measures.listing() if one.over_at is None]
        return {
            Section.DESCRIPTION.value: "\n".join(map(_described, about)),
            Section.NECESSITY.value: "\n".join(
                f"{one['purpose']}; {one['basis']}" for one in about
            ),
            Section.RISKS.value: "\n".join([_RISKS[occasion], *risks]),
            Section.MEASURES.value: "\n".join([*sorted(measures), *kept]),
            Section.ADVICE.value: before.sections[Section.ADVICE] if before else "",
        }

    async def _in(self, number: int, state: State) -> Entry:
        entry = await self._diary.get(number)
        if State(entry.fields["state"]) is not state:
            raise Refused(Condition.NOT_PERMITTED, f"this version is {entry.fields['state']}")
        return entry


def _described(activity: Document) -> str:
    """Say what an activity is, as the register has it. Source: GDPR Art. 35(7)(a)."""
    parts = (
        ("people", activity["subjects"]),
        ("data", activity["data"]),
        ("recipients", activity["recipients"]),
        ("transfers", activity["transfers"]),
        ("kept", activity["retention"]),
    )
    said = "; ".join(f"{name}: {', '.join(words)}" for name, words in parts if words)
    return f"{activity['title']}. {said}"


def _read(entry: Entry) -> Assessment:
    said = entry.fields
    return Assessment(
        number=entry.number,
        occasion=Occasion(said["occasion"]),
        version=said["version"],
        state=State(said["state"]),
        sections={one: said["sections"][one.value] for one in Section},
        made_at=datetime.fromisoformat(said["made"]),
        approved_at=datetime.fromisoformat(said["approved"]) if said["approved"] else None,
        approved_by=said["approved_by"],
        review_at=datetime.fromisoformat(said["review"]) if said["review"] else None,
    )
