"""The breach register: from a suspicion to its end, by the clock of the law (PRIVACY §15).

    suspected ─► aware (t0) ─► assessed ─► authority answered ─► people answered ─► closed
        └─► dismissed

Answered means told, or why not is written down.

The authority hears of it within 72 hours of t0, exact hours, whatever the calendar says. What
Art. 33(3) asks for is filled in, or marked as not known yet and told in phases (Art. 33(4)). Who is
late says why, and without that an entry does not close.

Sources: GDPR Art. 33, 34; EDPB Guidelines 9/2022 for when one is aware.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailserver.privacy.clocks import breach_deadline, breach_reminders
from mailserver.privacy.ledger import Entry


class State(StrEnum):
    """How far it has come."""

    SUSPECTED = "suspected"
    AWARE = "aware"
    ASSESSED = "assessed"
    ANSWERED = "answered"
    """The authority was told, or why it need not be."""
    PEOPLE_ANSWERED = "people-answered"
    """Those concerned were told, or why they need not be."""
    CLOSED = "closed"
    DISMISSED = "dismissed"
    """It was none."""


OVER = frozenset({State.CLOSED, State.DISMISSED})


class Risk(StrEnum):
    """To the rights and freedoms of people. Source: GDPR Art. 33(1), 34(1)."""

    NONE = "none"
    """Unlikely to result in a risk."""
    RISK = "risk"
    HIGH = "high"


class Field(StrEnum):
    """What an entry tells; the first eight are those of Art. 33(3)."""

    NATURE = "nature"
    PEOPLE = "people"
    """Categories of the people concerned."""
    PEOPLE_NUMBER = "people-number"
    RECORDS = "records"
    """Categories of the records concerned."""
    RECORDS_NUMBER = "records-number"
    CONTACT = "contact"
    """The data protection officer, or where else to ask."""
    CONSEQUENCES = "consequences"
    MEASURES = "measures"
    EFFECTS = "effects"
    """What came of it. Source: GDPR Art. 33(5)."""
    CAUSE = "cause"
    ENCRYPTION = "encryption"
    """In which state what was lost or seen was."""


ASKED = (
    Field.NATURE,
    Field.PEOPLE,
    Field.PEOPLE_NUMBER,
    Field.RECORDS,
    Field.RECORDS_NUMBER,
    Field.CONTACT,
    Field.CONSEQUENCES,
    Field.MEASURES,
)
"""Without these, or a word that they are not known yet, nothing is notified. GDPR Art. 33(3)."""
UNKNOWN = "?"
"""Not known yet: told later, in phases. Source: GDPR Art. 33(4)."""


class Detector(StrEnum):
    """Who suspected it."""

    PERSON = "person"
    SCRUB = "scrub"
    """Stored ciphertext is not what was stored."""
    AUDIT = "audit"
    """The audit log is not what was written."""
    KEYS = "keys"
    """A row of the keystore is not authentic."""
    EXPORTS = "exports"
    """Many accounts were exported within a day."""
    TAKEOVER = "takeover"
    """Second factors were taken off by others, or an account sends as a thief would."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was done, when and by whom."""

    at: datetime
    actor: str
    what: str


@dataclass(frozen=True, slots=True)
class Breach:
    """An entry as it stands."""

    number: int
    state: State
    detector: Detector
    fields: Mapping[Field, str]
    """What is filled in; `UNKNOWN` for what is not known yet."""
    opened_at: datetime
    aware_at: datetime | None
    risk: Risk | None
    told_at: datetime | None
    """When the authority was told."""
    reason: str
    """Why the authority, or why people, were not told; why it was late; why it was none."""
    over_at: datetime | None
    occurrences: tuple[str, ...]
    timeline: tuple[Step, ...]

    @property
    def deadline(self) -> datetime | None:
        """By when the authority is told. Source: GDPR Art. 33(1)."""
        return None if self.aware_at is None else breach_deadline(self.aware_at)

    @property
    def reminders(self) -> tuple[datetime, ...]:
        """When to remind of it, as long as the authority has no answer."""
        return () if self.aware_at is None else breach_reminders(self.aware_at)

    @property
    def answered(self) -> bool:
        """Whether nothing is owed to the authority any more."""
        return self.state in OVER | {State.ANSWERED, State.PEOPLE_ANSWERED}

    def missing(self) -> tuple[Field, ...]:
        """Return what Art. 33(3) asks for and nobody has said anything of."""
        return tuple(field for field in ASKED if not self.fields.get(field))

    def unknown(self) -> tuple[Field, ...]:
        """Return what has to be told later."""
        return tuple(field for field in Field if self.fields.get(field) == UNKNOWN)

    def is_red(self, now: datetime) -> bool:
        """Say whether its deadline has passed without an answer."""
        return self.deadline is not None and not self.answered and now > self.deadline


def read(entry: Entry) -> Breach:
    """Read an entry of the register."""
    said = entry.fields
    return Breach(
        number=entry.number,
        state=State(said["state"]),
        detector=Detector(said["detector"]),
        fields={Field(name): text for name, text in said["fields"].items()},
        opened_at=datetime.fromisoformat(said["opened"]),
        aware_at=_instant(said.get("aware")),
        risk=Risk(said["risk"]) if said.get("risk") else None,
        told_at=_instant(said.get("told")),
        reason=" ".join(said.get("reasons", [])),
        over_at=_instant(said.get("over")),
        occurrences=tuple(said.get("occurrences", [])),
        timeline=tuple(
            Step(datetime.fromisoformat(at), actor, what) for at, actor, what in said["timeline"]
        ),
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
