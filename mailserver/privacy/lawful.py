"""What authorities ask for by law, from receipt to answer (PRIVACY §15).

    received ─► validated by two persons ─► answered ─► (the user is told, once he may be)
       └─────────────────┴─► refused

Nothing is handed out before two different persons found that the request holds: its ground, its
scope, who asks. Before the answer the user is told, or the law that bars it is written down, with
the day the bar ends where there is one. What there is to hand out is what the schema says is not
sealed; sealed mail cannot be opened without its owner. Sources: GDPR Art. 6(1)(c), 48; EDPB
Guidelines 02/2024 on Article 48.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from mailserver.audit.entry import OPERATOR, SERVER
from mailserver.model.errors import Condition, PeerFault, Refused
from mailserver.privacy.clocks import ordered_until
from mailserver.privacy.diary import Diary
from mailserver.privacy.ledger import Entry, Fields, Ledger
from mailserver.privacy.legal_profile import LegalProfile
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.registers import Register

VALIDATIONS = 2
WORDS_CHARACTERS = 4_000

log = get_logger("lawful")


class State(StrEnum):
    """How far it has come."""

    RECEIVED = "received"
    VALIDATED = "validated"
    ANSWERED = "answered"
    REFUSED = "refused"


DECIDED = frozenset({State.ANSWERED, State.REFUSED})


@dataclass(frozen=True, slots=True, repr=False)
class LawfulRequest:
    """An entry as it stands."""

    number: int
    state: State
    authority: str
    """Who asks."""
    reference: str
    """Its own number for it."""
    basis: str
    """By which law."""
    scope: str
    """For what, of whom, of which time."""
    received_at: datetime
    deadline: date
    """The last day, as the order names it."""
    validated_by: tuple[str, ...]
    told_at: datetime | None
    """When the user was told."""
    bar: str
    """Which law bars that he is told; empty: none."""
    bar_until: date | None
    handed_out: str
    over_at: datetime | None

    def ends_at(self, profile: LegalProfile) -> datetime:
        """Return when its last day is over."""
        return ordered_until(self.deadline, profile).ends_at

    def is_red(self, profile: LegalProfile, now: datetime) -> bool:
        """Say whether its deadline has passed without an answer."""
        return self.state not in DECIDED and now >= self.ends_at(profile)


@dataclass(frozen=True, slots=True)
class Count:
    """How many requests came in one year, for the trust page. It names nobody."""

    year: int
    received: int
    answered: int
    refused: int
    users_told: int


class LawfulRequests:
    """The register of what authorities ask for."""

    def __init__(self, ledger: Ledger, clock: Clock, profile: LegalProfile) -> None:
        """Keep it in `ledger`, by the days of `profile`."""
        self._diary = Diary(ledger, Register.LAWFUL, clock)
        self._profile = profile

    async def listing(self) -> list[LawfulRequest]:
        """Return every entry, by number."""
        return [_read(entry) for entry in await self._diary.entries()]

    async def get(self, number: int) -> LawfulRequest:
        """Return one entry. Raises Absent."""
        return _read(await self._diary.get(number))

    async def counts(self) -> list[Count]:
        """Count by year of receipt, the first year first; entries past their retention are gone."""
        zone, years = ZoneInfo(self._profile.zone), dict[int, Counter[str]]()
        for one in await self.listing():
            counter = years.setdefault(one.received_at.astimezone(zone).year, Counter())
            counter.update(["all", one.state.value])
            counter["told"] += one.told_at is not None
        return [
            Count(year, c["all"], c["answered"], c["refused"], c["told"])
            for year, c in sorted(years.items())
        ]

    async def receive(
        self,
        authority: str,
        reference: str,
        basis: str,
        scope: str,
        deadline: date,
        *,
        actor: str = OPERATOR,
    ) -> LawfulRequest:
        """Write down what is asked. Raises PeerFault (BAD_SYNTAX) where something is missing."""
        asked = {"authority": authority, "reference": reference, "basis": basis, "scope": scope}
        fields: Fields = {name: _words(text, name) for name, text in asked.items()}
        fields |= {"state": State.RECEIVED.value, "received": self._diary.now().isoformat()}
        fields |= {"deadline": deadline.isoformat(), "validations": [], "reasons": []}
        fields |= {"told": "", "bar": "", "bar_until": "", "handed_out": "", "decided": ""}
        fields |= {"reminded": 0}
        return _read(await self._diary.add(fields, "received", actor=actor))

    async def validate(self, number: int, by: str, found: str) -> LawfulRequest:
        """Say that a person who proved who he is found it to hold, and why.

        Raises:
            Refused: it is validated or decided, or he validated it before.
        """
        entry = await self._in(number, State.RECEIVED)
        request, by = _read(entry), _words(by, "name")
        if by.casefold() in {one.casefold() for one in request.validated_by}:
            text = "two different persons validate it: this one did"
            raise Refused(Condition.NOT_PERMITTED, text)
        step = [self._diary.now().isoformat(), by, _words(found, "finding")]
        change: Fields = {"validations": [*entry.fields["validations"], step]}
        if len(change["validations"]) >= VALIDATIONS:
            change["state"] = State.VALIDATED.value
        return await self._changed(entry, change, "found to hold", by)

    async def tell_user(self, number: int, *, actor: str = OPERATOR) -> LawfulRequest:
        """Say that the user was told. Raises Refused where he was, or a bar stands."""
        entry = await self._diary.get(number)
        request, today = _read(entry), self._today()
        if request.told_at is not None:
            raise Refused(Condition.NOT_PERMITTED, "the user was told before")
        if request.bar and (request.bar_until is None or today <= request.bar_until):
            raise Refused(Condition.NOT_PERMITTED, f"the law bars it: {request.bar}")
        now = self._diary.now().isoformat()
        change: Fields = {"told": now}
        if request.state in DECIDED and not entry.fields["over"]:
            change["over"] = now
        return await self._changed(entry, change, "the user was told", actor)

    async def bar(
        self, number: int, law: str, until: date | None = None, *, actor: str = OPERATOR
    ) -> LawfulRequest:
        """Say which law bars that the user is told, and until which day, where it says one.

        Raises:
            Refused: he was told, or it is over.
        """
        entry = await self._in(number, State.RECEIVED, State.VALIDATED)
        if entry.fields["told"]:
            raise Refused(Condition.NOT_PERMITTED, "the user was told before")
        change = {"bar": _words(law, "law"), "bar_until": until.isoformat() if until else ""}
        return await self._changed(entry, change, "the user may not be told", actor)

    async def answer(
        self, number: int, handed_out: str, *, late: str = "", actor: str = OPERATOR
    ) -> LawfulRequest:
        """Say what was handed out, and where late, why.

        Raises:
            Refused: two persons have not validated it, the user was neither told nor is that
                barred, or it is late without a reason.
        """
        entry = await self._in(number, State.RECEIVED, State.VALIDATED)
        if _read(entry).state is not State.VALIDATED:
            raise Refused(Condition.NOT_PERMITTED, "two persons have to find that it holds")
        if not entry.fields["told"] and not entry.fields["bar"]:
            raise Refused(Condition.NOT_PERMITTED, "tell the user, or say which law bars it")
        change = {"handed_out": _words(handed_out, "answer")}
        return await self._decided(entry, State.ANSWERED, change, late, actor)

    async def refuse(
        self, number: int, reason: str, *, late: str = "", actor: str = OPERATOR
    ) -> LawfulRequest:
        """Say why nothing is handed out. Raises Refused."""
        entry = await self._in(number, State.RECEIVED, State.VALIDATED)
        reasons = [*entry.fields["reasons"], _words(reason, "reason")]
        return await self._decided(entry, State.REFUSED, {"reasons": reasons}, late, actor)

    async def remind(self) -> list[LawfulRequest]:
        """Write into the log what is due soon, and whom the law lets be told; return those."""
        now, reminded = self._diary.now(), []
        for entry in await self._diary.entries():
            request = _read(entry)
            if request.over_at is not None:
                continue
            day = request.bar_until if request.state in DECIDED else request.deadline
            if day is None:
                continue
            term = ordered_until(day, self._profile)
            due = term.reminders_due(now)
            if due <= entry.fields["reminded"]:
                continue
            days = (term.ends_at - now).days
            if request.state in DECIDED:
                log.error("a user may soon be told", request=request.number, days=days)
            else:
                log.error("an authority waits for its answer", request=request.number, days=days)
            change = {"reminded": due}
            reminded.append(await self._changed(entry, change, f"reminded, due {day}", SERVER))
        return reminded

    async def _decided(
        self, entry: Entry, state: State, change: Fields, late: str, actor: str
    ) -> LawfulRequest:
        now, request = self._diary.now(), _read(entry)
        change = change | {"state": state.value, "decided": now.isoformat(), "reminded": 0}
        if request.is_red(self._profile, now):
            reasons: list[str] = change.get("reasons") or entry.fields["reasons"]
            change["reasons"] = [*reasons, _words(late, "reason for being late")]
        # Where a bar ends on a day, the user is told after it; until then the entry is open.
        if request.told_at is not None or request.bar_until is None:
            change["over"] = now.isoformat()
        return await self._changed(entry, change, state.value, actor)

    async def _in(self, number: int, *states: State) -> Entry:
        entry = await self._diary.get(number)
        if State(entry.fields["state"]) not in states:
            raise Refused(Condition.NOT_PERMITTED, f"this request is {entry.fields['state']}")
        return entry

    async def _changed(self, entry: Entry, change: Fields, what: str, actor: str) -> LawfulRequest:
        return _read(await self._diary.change(entry, change, what, actor=actor))

    def _today(self) -> date:
        return self._diary.now().astimezone(ZoneInfo(self._profile.zone)).date()


def _words(text: str, name: str) -> str:
    text = " ".join(text.split())
    if not 0 < len(text) <= WORDS_CHARACTERS:
        raise PeerFault(Condition.BAD_SYNTAX, f"say the {name}")
    return text


def _read(entry: Entry) -> LawfulRequest:
    said = entry.fields
    return LawfulRequest(
        number=entry.number,
        state=State(said["state"]),
        authority=said["authority"],
        reference=said["reference"],
        basis=said["basis"],
        scope=said["scope"],
        received_at=datetime.fromisoformat(said["received"]),
        deadline=date.fromisoformat(said["deadline"]),
        validated_by=tuple(by for _at, by, _found in said["validations"]),
        told_at=datetime.fromisoformat(said["told"]) if said["told"] else None,
        bar=said["bar"],
        bar_until=date.fromisoformat(said["bar_until"]) if said["bar_until"] else None,
        handed_out=said["handed_out"],
        over_at=datetime.fromisoformat(said["over"]) if said["over"] else None,
    )
