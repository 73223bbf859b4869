"""What is done with requests: received, looked into, extended in time, answered or handed on."""

from datetime import datetime

from mailserver.audit.entry import OPERATOR, SERVER, account_actor
from mailserver.model.errors import Condition, Conflict, PeerFault, Refused
from mailserver.model.ids import AccountId
from mailserver.privacy.ledger import Entry, Fields, Ledger
from mailserver.privacy.legal_profile import LegalProfile
from mailserver.privacy.request import OVER, Request, Right, Source, State, read
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.registers import Register

WHO_CHARACTERS = 500
REASON_CHARACTERS = 4_000
TIMELINE = 500
TRIES = 5
_NEW: Fields = {
    "state": State.RECEIVED.value,
    "pauses": [],
    "extended": False,
    "reasons": [],
    "over": "",
    "reminded": 0,
}
_OPEN = tuple(state for state in State if state not in OVER)

log = get_logger("requests")


class Requests:
    """The register of requests of this server."""

    def __init__(self, ledger: Ledger, clock: Clock, profile: LegalProfile) -> None:
        """Keep it in `ledger`, by the clocks of `profile`."""
        self._ledger = ledger
        self._clock = clock
        self._profile = profile

    async def listing(self) -> list[Request]:
        """Return every entry, by number."""
        return [read(entry) for entry in await self._ledger.entries(Register.REQUEST)]

    async def get(self, number: int) -> Request:
        """Return one entry. Raises Absent."""
        return read(await self._ledger.get(Register.REQUEST, number))

    async def receive(
        self,
        right: Right,
        source: Source,
        who: str,
        *,
        at: datetime | None = None,
        controller: str = "",
        account: AccountId | None = None,
        erase_at: datetime | None = None,
        answer_to: str = "",
        words: str = "",
        form: str = "",
        actor: str = OPERATOR,
    ) -> Request:
        """Write down what was asked; the clock runs since it came.

        Args:
            right: what is asked for.
            source: by which way.
            who: who asks, and where to answer.
            at: when it came, aware; now, if not given.
            controller: whose data it is about, where that is another than this server's operator.
            account: whose owner asks, where it came from an account.
            erase_at: when that account is erased, if it is.
            answer_to: where the certificate of it goes.
            words: what who asks wrote beside it.
            form: names the form it came by.
            actor: who writes it down.

        Raises:
            PeerFault: BAD_SYNTAX, it came in the future, or from nobody.
            Conflict: others write just now.
        """
        now = self._clock.now()
        received, who = _came(at or now, now), _checked(who)
        entry: Fields = {
            **(_NEW | {"right": right.value, "source": source.value}),
            "who": who,
            "received": received.isoformat(),
            "controller": controller.strip(),
            "account": "" if account is None else account.hex(),
            "erase_at": "" if erase_at is None else erase_at.isoformat(),
            "answer_to": answer_to,
            "words": words,
            "form": form,
            "timeline": [[now.isoformat(), actor, "received"]],
        }
        return await self._added(entry, right, who, actor)

    async def begin(self, number: int, *, actor: str = OPERATOR) -> Request:
        """Say that it is being worked at; a doubt about who asks is over. Raises Refused."""
        entry = await self._in(number, State.RECEIVED, State.IDENTITY)
        change = {"state": State.IN_PROGRESS.value, "reminded": 0} | self._resumed(entry)
        return await self._changed(entry, change, "in progress", actor)

    async def doubt(self, number: int, reason: str, *, actor: str = OPERATOR) -> Request:
        """Stop the clock, while it is in doubt who asks. Source: GDPR Art. 12(6).

        Raises:
            Refused: the doubt has no reason, or who asks has just signed in.
        """
        entry = await self._in(number, State.RECEIVED, State.IN_PROGRESS)
        if entry.fields["source"] == Source.ACCOUNT.value:
            raise Refused(Condition.NOT_PERMITTED, "who asks has just signed in")
        pauses = [*entry.fields["pauses"], [self._clock.now().isoformat(), None]]
        change = {"state": State.IDENTITY.value, "pauses": pauses} | _reason(entry, reason)
        return await self._changed(entry, change, "it is in doubt who asks", actor)

    async def extend(self, number: int, reason: str, *, actor: str = OPERATOR) -> Request:
        """Take two months more, whose reason was told to who asks. Source: GDPR Art. 12(3).

        Raises:
            Refused: the first term is over, it was extended before, or there is no reason.
        """
        entry = await self._in(number, State.RECEIVED, State.IN_PROGRESS)
        request, now = read(entry), self._clock.now()
        if request.controller:
            raise Refused(Condition.NOT_PERMITTED, "it is handed on, not answered here")
        if now >= request.term(self._profile, now).ends_at:
            raise Refused(Condition.NOT_PERMITTED, "its first term is over: too late to extend it")
        change: Fields = {"state": State.EXTENDED.value, "extended": True, "reminded": 0}
        change |= _reason(entry, reason)
        return await self._changed(entry, change, "extended by two months", actor)

    async def answer(self, number: int, *, late: str = "", actor: str = OPERATOR) -> Request:
        """Say that it was answered, and where late, why.

        Raises:
            Refused: it is over, another's, in doubt, or late without a reason.
        """
        entry = await self._answerable(number)
        change = self._over(State.DONE) | self._late(entry, late)
        return await self._changed(entry, change, "answered", actor)

    async def refuse(self, number: int, reason: str, *, actor: str = OPERATOR) -> Request:
        """Say why nothing is done; who asks is told where to complain. Source: GDPR Art. 12(4).

        Raises:
            Refused: it is over, another's, or there is no reason.
        """
        entry = await self._answerable(number)
        change = self._over(State.REFUSED) | _reason(entry, reason)
        return await self._changed(entry, change, "refused", actor)

    async def forward(self, number: int, *, late: str = "", actor: str = OPERATOR) -> Request:
        """Say that it was handed on to its controller, and who asked was told so.

        Raises:
            Refused: it is over, nobody else's, or late without a reason.
        """
        entry = await self._in(number, *_OPEN)
        if not entry.fields["controller"]:
            raise Refused(Condition.NOT_PERMITTED, "this is ours to answer")
        change = self._over(State.FORWARDED) | self._resumed(entry) | self._late(entry, late)
        return await self._changed(entry, change, "handed on", actor)

    async def withdraw(self, number: int) -> Request:
        """Say that who asked wants it no more. Raises Refused, it is over."""
        entry = await self._in(number, *_OPEN)
        actor = _owner(entry)
        return await self._changed(entry, self._over(State.WITHDRAWN), "withdrawn", actor)

    async def answer_erased(self, number: int, certificate: str, *, note: str = "") -> Request:
        """Say that the account was erased, with the certificate or why there is none.

        Raises:
            Refused: it is over.
        """
        entry = await self._in(number, *_OPEN)
        change = self._over(State.DONE) | {"certificate": certificate}
        if note:
            change |= _reason(entry, note)
        return await self._changed(entry, change, "erased", SERVER)

    async def remind(self) -> list[Request]:
        """Write into the log what is due soon, once for each time to remind; return those.

        Raises:
            Transient: the register does not answer.
        """
        now, reminded = self._clock.now(), []
        for entry in await self._ledger.entries(Register.REQUEST):
            request = read(entry)
            if request.state in OVER or request.state is State.IDENTITY:
                continue
            term = request.term(self._profile, now)
            due = term.reminders_due(now)
            if due <= entry.fields["reminded"]:
                continue
            days = (term.ends_at - now).days
            log.error("a request waits for its answer", request=request.number, days=days)
            change = {"reminded": due}
            reminded.append(await self._changed(entry, change, f"reminded, due {term.due}", SERVER))
        return reminded

    async def count_over(self, before: datetime) -> int:
        """Count the entries that were over at an instant."""
        return sum(
            one.over_at is not None and one.over_at <= before for one in await self.listing()
        )

    async def drop_over(self, before: datetime) -> int:
        """Delete the entries that were over at an instant; return how many."""
        over = [one for one in await self.listing() if one.over_at and one.over_at <= before]
        for request in over:
            await self._ledger.drop(Register.REQUEST, request.number)
        return len(over)

    async def _added(self, entry: Fields, right: Right, who: str, actor: str) -> Request:
        for _ in range(TRIES):
            entry["first"] = await self._same(right, who)
            try:
                return await self.get(await self._ledger.add(Register.REQUEST, entry, actor=actor))
            except Conflict:
                continue  # another process took the number
        raise Conflict(Condition.CHANGED_MEANWHILE, "the register of requests is busy")

    async def _same(self, right: Right, who: str) -> int | None:
        for one in await self.listing():
            if one.state not in OVER and (one.right, one.who.casefold()) == (right, who.casefold()):
                return one.first or one.number
        return None

    async def _answerable(self, number: int) -> Entry:
        entry = await self._in(number, State.RECEIVED, State.IN_PROGRESS, State.EXTENDED)
        if entry.fields["controller"]:
            raise Refused(Condition.NOT_PERMITTED, "its controller answers it: hand it on")
        return entry

    async def _in(self, number: int, *states: State) -> Entry:
        entry = await self._ledger.get(Register.REQUEST, number)
        state = State(entry.fields["state"])
        if state not in states:
            raise Refused(Condition.NOT_PERMITTED, f"this request is {state.value}")
        return entry

    def _over(self, state: State) -> Fields:
        return {"state": state.value, "over": self._clock.now().isoformat()}

    def _resumed(self, entry: Entry) -> Fields:
        now = self._clock.now().isoformat()
        return {"pauses": [[since, until or now] for since, until in entry.fields["pauses"]]}

    def _late(self, entry: Entry, reason: str) -> Fields:
        if not read(entry).is_red(self._profile, self._clock.now()):
            return {}
        return _reason(entry, reason)

    async def _changed(self, entry: Entry, change: Fields, what: str, actor: str) -> Request:
        step = [self._clock.now().isoformat(), actor, what]
        timeline = [*entry.fields["timeline"], step][-TIMELINE:]
        fields = entry.fields | change | {"timeline": timeline}
        await self._ledger.change(Register.REQUEST, entry, fields, actor=actor)
        return await self.get(entry.number)


def _came(at: datetime, now: datetime) -> datetime:
    """Return when a request came. Raises PeerFault: BAD_SYNTAX, that is still to come."""
    if at > now:
        raise PeerFault(Condition.BAD_SYNTAX, "a request came now or before")
    return at


def _checked(who: str) -> str:
    who = " ".join(who.split())
    if not 0 < len(who) <= WHO_CHARACTERS:
        raise PeerFault(Condition.BAD_SYNTAX, f"say who asks in 1 to {WHO_CHARACTERS} letters")
    return who


def _owner(entry: Entry) -> str:
    account = entry.fields.get("account", "")
    return account_actor(AccountId(bytes.fromhex(account))) if account else OPERATOR


def _reason(entry: Entry, reason: str) -> Fields:
    if not 0 < len(reason.strip()) <= REASON_CHARACTERS:
        raise Refused(Condition.NOT_PERMITTED, "this needs a reason")
    return {"reasons": [*entry.fields["reasons"], reason.strip()]}
