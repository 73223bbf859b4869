"""What is done with breaches: suspected once, dated, assessed, answered for, and closed."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, SERVER, Event
from mailserver.model.errors import Condition, Conflict, PeerFault, Refused
from mailserver.privacy.breach import (
    OVER,
    Breach,
    Detector,
    Field,
    Risk,
    State,
    read,
)
from mailserver.privacy.ledger import Entry, Fields, Ledger
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.registers import Register

OCCURRENCES = 100
"""Of one entry; more tell nothing new."""
TIMELINE = 500
TRIES = 5
ENCRYPTED = (
    "Stored mail is encrypted with keys that only its owners' credentials open (AES-256-GCM)."
)

log = get_logger("breaches")


class Breaches:
    """The breach register of this server."""

    def __init__(self, ledger: Ledger, chain: Chain, clock: Clock, contact: str) -> None:
        """Keep it in `ledger`; `contact` is whom the authority may ask."""
        self._ledger = ledger
        self._chain = chain
        self._clock = clock
        self._contact = contact

    async def listing(self) -> list[Breach]:
        """Return every entry, by number."""
        return [read(entry) for entry in await self._ledger.entries(Register.BREACH)]

    async def get(self, number: int) -> Breach:
        """Return one entry. Raises Absent."""
        return read(await self._ledger.get(Register.BREACH, number))

    async def suspect(
        self, detector: Detector, key: str, occurrence: str, nature: str, *, actor: str = SERVER
    ) -> int | None:
        """Open an entry for a suspicion, or add to the one that is open; None: nothing new.

        Args:
            detector: who suspects it.
            key: what it is about; one entry is open for each.
            occurrence: this time; one that is known says nothing new. No name, address or mail.
            nature: what seems to have happened, for whoever looks at it.
            actor: who opens it.

        Raises:
            Transient: it could not be written down.
        """
        for _ in range(TRIES):
            entries = await self._ledger.entries(Register.BREACH)
            same = [
                entry
                for entry in entries
                if (entry.fields["detector"], entry.fields["key"]) == (detector.value, key)
            ]
            if any(occurrence in entry.fields["occurrences"] for entry in same):
                return None  # it is known, or was looked at and dismissed
            open_one = next((one for one in same if State(one.fields["state"]) not in OVER), None)
            try:
                return await self._suspected(open_one, (detector, key, occurrence, nature), actor)
            except Conflict:
                continue  # another process was first: look again
        raise Conflict(Condition.CHANGED_MEANWHILE, "the breach register is busy")

    async def open(self, nature: str, *, actor: str = OPERATOR) -> int:
        """Open an entry for what somebody noticed."""
        key = f"{self._clock.now().isoformat()} {nature}"
        number = await self.suspect(Detector.PERSON, key, "noticed", nature, actor=actor)
        if number is None:
            raise Conflict(Condition.ALREADY_EXISTS, "this was said just now")
        return number

    async def become_aware(
        self, number: int, at: datetime | None = None, *, actor: str = OPERATOR
    ) -> Breach:
        """Say that it is one, since `at` (now, if not given): the 72 hours run.

        Raises:
            Refused: it is not merely suspected.
            PeerFault: BAD_SYNTAX, the instant lies ahead.
        """
        now = self._clock.now()
        since = at or now
        if since > now:
            raise PeerFault(Condition.BAD_SYNTAX, "one is aware of a breach now or before")
        entry = await self._in(number, State.SUSPECTED)
        change = {"state": State.AWARE.value, "aware": since.isoformat()}
        return await self._changed(entry, change, f"aware since {since.isoformat()}", actor)

    async def fill(
        self, number: int, fields: Mapping[Field, str], *, actor: str = OPERATOR
    ) -> Breach:
        """Say what is known, `UNKNOWN` for what is not known yet; again at each phase.

        Raises:
            Refused: the entry is over.
        """
        entry = await self._in(number, *(set(State) - OVER))
        said = entry.fields["fields"] | {name.value: text.strip() for name, text in fields.items()}
        words = ", ".join(name.value for name in fields)
        return await self._changed(entry, {"fields": said}, f"said: {words}", actor)

    async def assess(
        self, number: int, risk: Risk, reason: str, *, actor: str = OPERATOR
    ) -> Breach:
        """Say how great the risk is, and why.

        Raises:
            Refused: it is not known to be a breach, or over, or there is no reason.
        """
        entry = await self._in(number, State.AWARE, State.ASSESSED)
        change = {"state": State.ASSESSED.value, "risk": risk.value} | _reason(entry, reason)
        return await self._changed(entry, change, f"risk: {risk.value}", actor)

    async def tell_authority(
        self, number: int, at: datetime | None = None, *, late: str = "", actor: str = OPERATOR
    ) -> Breach:
        """Say that the authority was told, and where late, why. Source: GDPR Art. 33(1).

        Raises:
            Refused: something that Art. 33(3) asks for is missing, or it was late without a reason.
        """
        entry = await self._in(number, State.AWARE, State.ASSESSED)
        breach = read(entry)
        _complete(breach)
        told = at or self._clock.now()
        change: Fields = {"state": State.ANSWERED.value, "told": told.isoformat()}
        if breach.deadline is not None and told > breach.deadline:
            change |= _reason(entry, late)
        return await self._changed(entry, change, "the authority was told", actor)

    async def spare_authority(self, number: int, reason: str, *, actor: str = OPERATOR) -> Breach:
        """Say why the authority need not be told: there is no risk. Source: GDPR Art. 33(1), (5).

        Raises:
            Refused: there is a risk, or no reason.
        """
        entry = await self._in(number, State.ASSESSED)
        if read(entry).risk is not Risk.NONE:
            raise Refused(Condition.NOT_PERMITTED, "where there is a risk the authority is told")
        change = {"state": State.ANSWERED.value} | _reason(entry, reason)
        return await self._changed(entry, change, "the authority need not be told", actor)

    async def answer_people(
        self, number: int, exemption: str = "", *, actor: str = OPERATOR
    ) -> Breach:
        """Say that those concerned were told, or which exemption there is. Source: GDPR Art. 34.

        Raises:
            Refused: the authority has no answer yet.
        """
        entry = await self._in(number, State.ANSWERED)
        change: Fields = {"state": State.PEOPLE_ANSWERED.value}
        if exemption:
            change |= _reason(entry, exemption)
        words = "people need not be told" if exemption else "people were told"
        return await self._changed(entry, change, words, actor)

    async def close(self, number: int, *, actor: str = OPERATOR) -> Breach:
        """End an entry.

        Raises:
            Refused: something is open still; the sentence says what.
        """
        entry = await self._in(number, State.ANSWERED, State.PEOPLE_ANSWERED)
        breach = read(entry)
        _complete(breach)
        if breach.unknown():
            names = ", ".join(breach.unknown())
            raise Refused(Condition.NOT_PERMITTED, f"not known yet: {names}")
        if breach.risk is None:
            raise Refused(Condition.NOT_PERMITTED, "its risk was not assessed")
        if breach.risk is Risk.HIGH and breach.state is not State.PEOPLE_ANSWERED:
            raise Refused(Condition.NOT_PERMITTED, "people are told of a high risk, or say why not")
        change = {"state": State.CLOSED.value, "over": self._clock.now().isoformat()}
        return await self._changed(entry, change, "closed", actor)

    async def dismiss(self, number: int, reason: str, *, actor: str = OPERATOR) -> Breach:
        """Say that a suspicion was none, and why. Raises Refused."""
        entry = await self._in(number, State.SUSPECTED)
        change = {"state": State.DISMISSED.value, "over": self._clock.now().isoformat()}
        return await self._changed(entry, change | _reason(entry, reason), "dismissed", actor)

    async def remind(self) -> list[Breach]:
        """Remind of what the authority has no answer to; return what was reminded of just now."""
        now, reminded = self._clock.now(), []
        for entry in await self._ledger.entries(Register.BREACH):
            breach, done = read(entry), int(entry.fields.get("reminded", 0))
            due = sum(now >= at for at in breach.reminders)
            if breach.answered or due <= done:
                continue
            assert breach.aware_at is not None  # noqa: S101 (else there are no reminders)
            hours = (now - breach.aware_at) // timedelta(hours=1)
            log.error("a breach waits for its authority", breach=breach.number, hours=hours)
            change = {"reminded": due}
            reminded.append(await self._changed(entry, change, f"reminded after {hours} h", SERVER))
        return reminded

    async def count_over(self, before: datetime) -> int:
        """Count the entries that were over at an instant."""
        return sum(
            breach.over_at is not None and breach.over_at <= before
            for breach in await self.listing()
        )

    async def drop_over(self, before: datetime) -> int:
        """Delete the entries that were over at an instant; return how many."""
        over = [one for one in await self.listing() if one.over_at and one.over_at <= before]
        for breach in over:
            await self._ledger.drop(Register.BREACH, breach.number)
        return len(over)

    async def _suspected(
        self, open_one: Entry | None, what: tuple[Detector, str, str, str], actor: str
    ) -> int | None:
        detector, key, occurrence, nature = what
        if open_one is not None:
            known = open_one.fields["occurrences"]
            if len(known) >= OCCURRENCES:
                return None
            change = {"occurrences": [*known, occurrence]}
            await self._changed(open_one, change, f"again: {occurrence}", actor)
            return None
        now = self._clock.now().isoformat()
        facts = {"detector": detector.value, "register": "breach"}
        await self._chain.record(Event.BREACH_SUSPECTED, actor=actor, facts=facts)
        fields = {Field.NATURE.value: nature, Field.ENCRYPTION.value: ENCRYPTED}
        if self._contact:
            fields[Field.CONTACT.value] = self._contact
        entry: Fields = {
            "state": State.SUSPECTED.value,
            "detector": detector.value,
            "key": key,
            "fields": fields,
            "opened": now,
            "occurrences": [occurrence],
            "timeline": [[now, actor, "suspected"]],
        }
        log.error("a breach is suspected", detector=detector)
        return await self._ledger.add(Register.BREACH, entry, actor=actor)

    async def _in(self, number: int, *states: State) -> Entry:
        entry = await self._ledger.get(Register.BREACH, number)
        state = State(entry.fields["state"])
        if state not in states:
            raise Refused(Condition.NOT_PERMITTED, f"this entry is {state.value}")
        return entry

    async def _changed(self, entry: Entry, change: Fields, what: str, actor: str) -> Breach:
        step = [self._clock.now().isoformat(), actor, what]
        timeline = [*entry.fields["timeline"], step][-TIMELINE:]
        fields = entry.fields | change | {"timeline": timeline}
        await self._ledger.change(Register.BREACH, entry, fields, actor=actor)
        return await self.get(entry.number)


def _reason(entry: Entry, reason: str) -> Fields:
    if not reason.strip():
        raise Refused(Condition.NOT_PERMITTED, "this needs a reason")
    return {"reasons": [*entry.fields.get("reasons", []), reason.strip()]}


def _complete(breach: Breach) -> None:
    if missing := breach.missing():
        names = ", ".join(missing)
        raise Refused(Condition.NOT_PERMITTED, f"fill in, or mark as not known yet: {names}")
