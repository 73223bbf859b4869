"""Each register as a paper: what its entries say, with the days that follow from them.

What an entry says is shown as it is stored, so that a register as a file holds all of it; what only
the server counts for itself is left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from mailserver.privacy import breach, request
from mailserver.privacy.agreement import Answer, Told
from mailserver.privacy.clocks import ordered_until, term_until
from mailserver.privacy.ledger import Entry, Fields, Ledger
from mailserver.privacy.legal_profile import LegalProfile
from mailserver.privacy.papers import Paper, Part
from mailserver.privacy.processing import Version, View, seen_by
from mailserver.store.registers import Register

_COUNTED = frozenset({"reminded", "key", "first", "secret"})
"""What the server notes for itself."""
_HIDDEN = frozenset({"views", "receipt"})
"""What is for programs: JSON and CSV have it."""
_FIRST = (
    *("number", "state", "title", "name", "customer", "authority", "right", "occasion", "version"),
    *("reference", "basis", "scope", "who", "signatory", "role", "owner", "received", "opened"),
    *("aware", "deadline", "target", "due", "begins", "late"),
)
"""What is said of an entry before all else; the rest is in the order of its names."""


class Book(StrEnum):
    """A register, by the name it is asked for."""

    PROCESSING = "processing"
    BREACHES = "breaches"
    REQUESTS = "requests"
    HOLDS = "holds"
    AGREEMENTS = "dpa"
    ANNOUNCEMENTS = "announcements"
    ACCEPTANCES = "acceptances"
    OBJECTIONS = "objections"
    ASSESSMENTS = "dpia"
    RISKS = "risks"
    TRAINING = "training"
    MEASURES = "measures"
    LAWFUL = "lawful"


Derive = Callable[[Entry, LegalProfile, datetime], Fields]


def _nothing(_entry: Entry, _profile: LegalProfile, _now: datetime) -> Fields:
    return {}


def _of_breach(entry: Entry, _profile: LegalProfile, now: datetime) -> Fields:
    one = breach.read(entry)
    due = one.deadline.isoformat() if one.deadline else ""
    return {"deadline": due, "late": _late(one.is_red(now))}


def _of_request(entry: Entry, profile: LegalProfile, now: datetime) -> Fields:
    one = request.read(entry)
    term = one.term(profile, now)
    days = {"target": term.target.isoformat(), "due": term.due.isoformat()}
    return days | {"late": _late(one.is_red(profile, now))}


def _of_matter(entry: Entry, profile: LegalProfile, now: datetime) -> Fields:
    due = term_until(datetime.fromisoformat(entry.fields["due"]).date(), profile)
    return {"late": _late(not entry.fields["over"] and now >= due.ends_at)}


def _of_lawful(entry: Entry, profile: LegalProfile, now: datetime) -> Fields:
    ends = ordered_until(datetime.fromisoformat(entry.fields["deadline"]).date(), profile).ends_at
    return {"late": _late(not entry.fields["decided"] and now >= ends)}


def _late(said: bool) -> str:
    return "yes" if said else ""


@dataclass(frozen=True, slots=True)
class _Sheet:
    """How a register is shown."""

    register: Register
    title: str
    headed_by: str
    derive: Derive = _nothing
    kind: str = ""
    """Only entries of that kind, where a register holds several."""


_SHEETS: Mapping[Book, _Sheet] = {
    Book.BREACHES: _Sheet(
        *(Register.BREACH, "Register of personal data breaches (GDPR Art. 33(5))", "number"),
        _of_breach,
    ),
    Book.REQUESTS: _Sheet(
        *(Register.REQUEST, "Register of requests of people (GDPR Art. 12)", "number"), _of_request
    ),
    Book.HOLDS: _Sheet(Register.HOLD, "Register of legal holds", "number"),
    Book.AGREEMENTS: _Sheet(
        *(Register.DPA, "Data processing agreement: its versions (GDPR Art. 28(3))", "version"),
        kind=Told.TEXT.value,
    ),
    Book.ANNOUNCEMENTS: _Sheet(
        *(Register.DPA, "Sub-processors announced (GDPR Art. 28(2))", "name"),
        kind=Told.ANNOUNCEMENT.value,
    ),
    Book.ACCEPTANCES: _Sheet(
        *(Register.ACCEPTANCE, "Acceptances of the data processing agreement", "customer"),
        kind=Answer.ACCEPTANCE.value,
    ),
    Book.OBJECTIONS: _Sheet(
        *(Register.ACCEPTANCE, "Objections to sub-processors (GDPR Art. 28(2))", "customer"),
        kind=Answer.OBJECTION.value,
    ),
    Book.ASSESSMENTS: _Sheet(
        Register.DPIA, "Data protection impact assessments (GDPR Art. 35)", "occasion"
    ),
    Book.RISKS: _Sheet(Register.RISK, "Register of risks (GDPR Art. 32(2))", "title", _of_matter),
    Book.TRAINING: _Sheet(
        Register.TRAINING, "Training of staff (GDPR Art. 39(1)(b))", "title", _of_matter
    ),
    Book.MEASURES: _Sheet(
        Register.MEASURE, "Measures, their owners and reviews (GDPR Art. 32)", "title", _of_matter
    ),
    Book.LAWFUL: _Sheet(
        Register.LAWFUL, "Register of requests of authorities", "authority", _of_lawful
    ),
}
_VIEWS = {
    View.CONTROLLER: "Record of processing activities (GDPR Art. 30(1))",
    View.PROCESSOR: "Record of processing activities as a processor (GDPR Art. 30(2))",
}


async def paper_of(
    book: Book,
    ledger: Ledger,
    organisation: Mapping[str, str],
    profile: LegalProfile,
    now: datetime,
    number: int | None = None,
) -> Paper:
    """Make a paper of a register, or of one of its entries.

    Raises:
        KeyError: `book` is the register of processing, which has versions (`processing_paper`).
        Absent: there is no such entry.
        Corrupt: one was altered.
    """
    sheet = _SHEETS[book]
    if number is None:
        entries = await ledger.entries(sheet.register)
    else:
        entries = [await ledger.get(sheet.register, number)]
    rows = [
        _row(entry, sheet.derive(entry, profile, now))
        for entry in entries
        if sheet.kind in ("", entry.fields.get("kind"))
    ]
    facts = {"register": book.value, "organisation": dict(organisation)}
    return Paper(sheet.title, now, facts, (Part("entries", "", rows, sheet.headed_by, _HIDDEN),))


def processing_paper(version: Version, view: View) -> Paper:
    """Make a paper of one view of a version of the register of processing."""
    document = version.document
    facts = {
        "version": version.number,
        "view": view.value,
        "organisation": document["organisation"],
    }
    activities = Part("activities", "", seen_by(document, view), "title", _HIDDEN | {"name"})
    processors = Part("processors", "Processors", document["processors"])
    return Paper(_VIEWS[view], version.at, facts, (activities, processors))


def _row(entry: Entry, derived: Fields) -> dict[str, Any]:
    said = {name: value for name, value in entry.fields.items() if name not in _COUNTED}
    timeline = {"timeline": said.pop("timeline")} if "timeline" in said else {}
    told = {"number": entry.number, **said, **derived}
    first = {name: told[name] for name in _FIRST if name in told}
    return first | told | timeline
