"""What somebody looks after and looks at again: risks, training, measures (PRIVACY §15).

A matter has an owner and a day by which it is looked at; then it gets the next one, or ends for a
reason. Fourteen, seven and two days before, and on the day, the log reminds of it; from then on it
is late, and it is late until somebody has looked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from mailserver.audit.entry import OPERATOR, SERVER
from mailserver.model.errors import Condition, PeerFault, Refused
from mailserver.privacy.clocks import Term, term_of_months, term_until
from mailserver.privacy.diary import Diary
from mailserver.privacy.ledger import Entry, Fields, Ledger
from mailserver.privacy.legal_profile import REVIEW_MONTHS, TRAINING_MONTHS, LegalProfile
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.registers import Register

WORDS_CHARACTERS = 4_000
PROCESSING_REVIEW = "processing-review"
"""The matter that the server opens by itself: the register of processing is looked at."""

log = get_logger("matters")


class Subject(StrEnum):
    """Of which register."""

    RISK = "risk"
    TRAINING = "training"
    MEASURE = "measure"


class Level(StrEnum):
    """How likely a risk is, and how much it would hurt."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a register asks of a matter."""

    register: Register
    asked: tuple[str, ...]
    """What is said of it beside its title and owner."""
    months: int
    """After which it is looked at again, where no day is given."""


KINDS: Mapping[Subject, Kind] = {
    Subject.RISK: Kind(Register.RISK, ("likelihood", "impact", "treatment"), REVIEW_MONTHS),
    Subject.TRAINING: Kind(Register.TRAINING, ("people", "held"), TRAINING_MONTHS),
    Subject.MEASURE: Kind(Register.MEASURE, ("evidence",), REVIEW_MONTHS),
}


@dataclass(frozen=True, slots=True, repr=False)
class Matter:
    """An entry as it stands."""

    number: int
    title: str
    owner: str
    """Who looks after it."""
    said: Mapping[str, str]
    """What the register asks, by name."""
    due: date
    """By when it is looked at again."""
    over_at: datetime | None

    def term(self, profile: LegalProfile) -> Term:
        """Return until when it is looked at in time."""
        return term_until(self.due, profile)

    def is_red(self, profile: LegalProfile, now: datetime) -> bool:
        """Say whether its time is over and nobody has looked."""
        return self.over_at is None and now >= self.term(profile).ends_at


class Matters:
    """One of these registers."""

    def __init__(
        self, subject: Subject, ledger: Ledger, clock: Clock, profile: LegalProfile
    ) -> None:
        """Keep it in `ledger`, by the calendar of `profile`."""
        self.subject = subject
        self._kind = KINDS[subject]
        self._diary = Diary(ledger, self._kind.register, clock)
        self._profile = profile

    async def listing(self) -> list[Matter]:
        """Return every entry, by number."""
        return [self._read(entry) for entry in await self._diary.entries()]

    async def get(self, number: int) -> Matter:
        """Return one entry. Raises Absent."""
        return self._read(await self._diary.get(number))

    async def add(
        self,
        title: str,
        owner: str,
        said: Mapping[str, str],
        *,
        due: date | None = None,
        key: str = "",
        actor: str = OPERATOR,
    ) -> Matter:
        """Write a matter down.

        Args:
            title: what it is.
            owner: who looks after it.
            said: what the register asks, by name; all of it.
            due: by when it is looked at; after some months, where it is not given.
            key: what the server knows it by, where the server itself opens it.
            actor: who writes it down.

        Raises:
            PeerFault: BAD_SYNTAX, something is missing, or no level is named so.
        """
        words = {"title": title, "owner": owner} | {one: said.get(one, "") for one in self.asked}
        words = {name: " ".join(text.split()) for name, text in words.items()}
        for name, text in words.items():
            if not 0 < len(text) <= WORDS_CHARACTERS:
                raise PeerFault(Condition.BAD_SYNTAX, f"say its {name}")
            if name in ("likelihood", "impact") and text not in set(Level):
                raise PeerFault(Condition.BAD_SYNTAX, f"{name} is low, medium or high")
        fields: Fields = {**words, "due": self._next(due).isoformat(), "key": key, "reminded": 0}
        fields |= {"reviews": []}
        return self._read(await self._diary.add(fields, "written down", actor=actor))

    @property
    def asked(self) -> tuple[str, ...]:
        """What is said of a matter beside its title and owner."""
        return self._kind.asked

    async def known(self, key: str) -> Matter | None:
        """Return the matter that the server opened under a key, unless it is over."""
        for entry in await self._diary.entries():
            if entry.fields["key"] == key and not entry.fields["over"]:
                return self._read(entry)
        return None

    async def review(
        self,
        number: int,
        found: str,
        *,
        due: date | None = None,
        said: Mapping[str, str] | None = None,
        actor: str = OPERATOR,
    ) -> Matter:
        """Say what was found when it was looked at; it gets its next day.

        Args:
            number: which one.
            found: what was found.
            due: by when it is looked at next; after some months, where it is not given.
            said: what is to be said of it from now on; the rest stays.
            actor: who looked.

        Raises:
            Refused: it is over, or nothing was found.
        """
        entry = await self._open(number)
        note = _words(found)
        news = {name: _words(text) for name, text in (said or {}).items() if name in self.asked}
        step = [self._diary.now().isoformat(), actor, note]
        change: Fields = news | {"due": self._next(due).isoformat(), "reminded": 0}
        change["reviews"] = [*entry.fields["reviews"], step]
        return self._read(await self._diary.change(entry, change, "looked at", actor=actor))

    async def close(self, number: int, reason: str, *, actor: str = OPERATOR) -> Matter:
        """End a matter, for a reason. Raises Refused."""
        entry = await self._open(number)
        change = {"over": self._diary.now().isoformat(), "reason": _words(reason)}
        return self._read(await self._diary.change(entry, change, "closed", actor=actor))

    async def remind(self) -> list[Matter]:
        """Write into the log what is due soon, once for each time to remind; return those."""
        now, reminded = self._diary.now(), []
        for entry in await self._diary.entries():
            matter = self._read(entry)
            term = matter.term(self._profile)
            due = term.reminders_due(now)
            if matter.over_at is not None or due <= entry.fields["reminded"]:
                continue
            days = (term.ends_at - now).days
            log.error(
                "a review is due", register=self.subject.value, number=matter.number, days=days
            )
            what = f"reminded, due {term.due}"
            changed = await self._diary.change(entry, {"reminded": due}, what, actor=SERVER)
            reminded.append(self._read(changed))
        return reminded

    def _next(self, due: date | None) -> date:
        now = self._diary.now()
        if due is not None and due < now.date():
            raise PeerFault(Condition.BAD_SYNTAX, "it is looked at today or later")
        return due or term_of_months(now, self._kind.months, self._profile).target

    async def _open(self, number: int) -> Entry:
        entry = await self._diary.get(number)
        if entry.fields["over"]:
            raise Refused(Condition.NOT_PERMITTED, "this entry is closed")
        return entry

    def _read(self, entry: Entry) -> Matter:
        said = entry.fields
        return Matter(
            *(entry.number, said["title"], said["owner"]),
            {name: said[name] for name in self._kind.asked},
            date.fromisoformat(said["due"]),
            datetime.fromisoformat(said["over"]) if said["over"] else None,
        )


def _words(text: str) -> str:
    text = " ".join(text.split())
    if not 0 < len(text) <= WORDS_CHARACTERS:
        raise Refused(Condition.NOT_PERMITTED, "say it in a sentence")
    return text
