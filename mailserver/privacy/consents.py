"""The ledger of consents: texts that stay as they are, and who said what to them, and when.

What is said stands in the audit log before it is written, without who said it. Source: GDPR Art. 7;
PRIVACY §14.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, SERVER, Facts
from mailserver.audit.entry import Event as Entry
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Conflict, PeerFault
from mailserver.model.ids import AccountId, ObjectId
from mailserver.model.sealed import Guarded
from mailserver.privacy.consent import (
    EVERYTHING,
    TOKEN_LIFE,
    Channel,
    Course,
    Event,
    Person,
    Said,
    Text,
)
from mailserver.privacy.consent_book import ConsentTexts
from mailserver.privacy.consent_rows import ConsentRows
from mailserver.runtime.clock import Clock
from mailserver.runtime.settings_registers import Consent
from mailserver.store.consents import CourseRow, EventRow
from mailserver.store.store import Store
from mailserver.vault.consents import ConsentKeys
from mailserver.vault.master import MasterKeys

NOTE_CHARACTERS = 1_000
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
NO_TOKEN = b""


@dataclass(frozen=True, slots=True)
class Saying:
    """What is said, by which way and by whom."""

    said: Said
    text: int
    channel: Channel
    by: str = OPERATOR
    note: str = ""


class Consents:
    """The consents that this server keeps."""

    def __init__(
        self, store: Store, master: MasterKeys, chain: Chain, clock: Clock, settings: Consent
    ) -> None:
        """Keep them in `store`; asked for is what `settings` name."""
        self.texts = ConsentTexts(store.consents, chain, clock, settings)
        self.keys = ConsentKeys(master)
        self._store = store
        self._rows = ConsentRows(master.instance_guard)
        self._chain = chain
        self._clock = clock

    # -- whose

    async def person(self, address: Address) -> Person:
        """Return who is behind an address: an account here, or somebody elsewhere."""
        account_id = await self._store.accounts.by_address(address.key)
        return Person(str(address), "" if account_id is None else account_id.hex())

    async def of(self, person: Person) -> list[Course]:
        """Return how a person's consents stand."""
        names = self.keys.names(person.identity)
        rows = await self._store.consents.of_subjects([name.subject for name in names])
        return [self._rows.course(row) for row in rows]

    async def all(self) -> list[Course]:
        """Return everybody's."""
        return [self._rows.course(row) for row in await self._store.consents.all()]

    async def events(self, course: Course) -> list[Event]:
        """Return what was said, in order. Raises Corrupt."""
        return [self._rows.event(row) for row in await self._store.consents.events(course.name)]

    # -- what is said

    async def grant(
        self, person: Person, text: Text, channel: Channel, *, by: str = OPERATOR
    ) -> tuple[Course, str]:
        """Write down that somebody says yes and is to prove that it is him; return the token.

        Raises:
            Refused: NOT_PERMITTED, the settings do not name the purpose (any more).
            Conflict: ALREADY_EXISTS, he agrees to this text already, or was asked just now.
        """
        self.texts.check(text.purpose)
        was = await self._find(person, text.purpose)
        if was is not None and was.waits and self._clock.now() < was.expires_at:
            raise Conflict(Condition.ALREADY_EXISTS, "this was asked, and waits for an answer")
        if was is not None and await self._agrees(was, text):
            raise Conflict(Condition.ALREADY_EXISTS, "this text is agreed to already")
        token = self.keys.token()
        saying = Saying(Said.GRANTED, text.number, channel, by)
        course = await self._say(person, text.purpose, was, [saying], token=token)
        return course, token

    async def give(
        self, person: Person, text: Text, channel: Channel, by: str, note: str
    ) -> Course:
        """Write down a yes whose author is known: he signed in, or signed a paper.

        Raises:
            Refused: NOT_PERMITTED, the settings do not name the purpose (any more).
            PeerFault: BAD_SYNTAX, what proves it is too long.
        """
        self.texts.check(text.purpose)
        if len(note) > NOTE_CHARACTERS:
            raise PeerFault(Condition.BAD_SYNTAX, f"a proof has {NOTE_CHARACTERS:,} characters")
        was = await self._find(person, text.purpose)
        if was is not None and await self._agrees(was, text):
            return was
        granted = Saying(Said.GRANTED, text.number, channel, by, note)
        both = [granted, replace(granted, said=Said.CONFIRMED, note="")]
        return await self._say(person, text.purpose, was, both)

    async def asked(self, token: str) -> tuple[Course, Text]:
        """Return what a token would confirm.

        Raises:
            Absent: it was used, is over, or is none.
        """
        row = await self._store.consents.of_token(self.keys.token_hash(token))
        if row is None or self._clock.now() >= row.expires_at or row.state != Said.GRANTED:
            raise Absent(Condition.NO_SUCH_MESSAGE, "this link was used, or its 48 hours are over")
        events = await self._store.consents.events(row.course)
        return self._rows.course(row), await self.texts.get(events[-1].text)

    async def confirm(self, token: str) -> Course:
        """Write down that whoever has the token agrees. Raises Absent, as `asked`; Conflict."""
        course, text = await self.asked(token)
        saying = Saying(Said.CONFIRMED, text.number, Channel.MAIL, "")
        return await self._say(course.person, course.purpose, course, [saying])

    async def withdraw(
        self, person: Person, purpose: str, channel: Channel, *, by: str = OPERATOR
    ) -> Course:
        """Write down that somebody says no: to a purpose, or to `EVERYTHING`.

        It is always taken, of a purpose that is not asked for any more as well, and twice is once.
        """
        was = await self._find(person, purpose)
        if was is not None and was.state is Said.WITHDRAWN:
            return was
        text = 0
        if was is not None:
            text = (await self._store.consents.events(was.name))[-1].text
        saying = Saying(Said.WITHDRAWN, text, channel, by)
        return await self._say(person, purpose, was, [saying])

    async def object_to_all(self, person: Person, channel: Channel, *, by: str = OPERATOR) -> None:
        """Stop all marketing to a person at once. Source: GDPR Art. 21(2), (3)."""
        await self.withdraw(person, EVERYTHING, channel, by=by)
        for course in await self.of(person):
            if course.purpose != EVERYTHING:
                await self.withdraw(person, course.purpose, channel, by=by)

    async def linked(self, purpose: str, token: str) -> Person:
        """Return who may say no by a link in a letter.

        Raises:
            Absent: the link is none of ours, or nothing is known of whose it is any more.
        """
        subject = self.keys.linked(token, purpose)
        for row in await self._store.consents.of_subjects([subject]):
            return self._rows.course(row).person
        for account in await self._store.accounts.listing():
            person = Person(next(iter(account.addresses), ""), account.account_id.hex())
            if any(name.subject == subject for name in self.keys.names(person.identity)):
                return person
        raise Absent(Condition.NO_SUCH_MESSAGE, "nothing is kept of this address any more")

    def link(self, person: Person, purpose: str) -> str:
        """Return what says no by a link, for a URL."""
        return self.keys.link(self.keys.names(person.identity)[0].subject, purpose)

    # -- within

    async def _agrees(self, course: Course, text: Text) -> bool:
        if course.settled is not Said.CONFIRMED:
            return False
        events = await self._store.consents.events(course.name)
        agreed = await self.texts.get(events[course.kept - 1].text)
        # The same version in another language is the same question.
        return (agreed.purpose, agreed.version) == (text.purpose, text.version)

    async def _find(self, person: Person, purpose: str) -> Course | None:
        return next((one for one in await self.of(person) if one.purpose == purpose), None)

    async def _say(
        self,
        person: Person,
        purpose: str,
        was: Course | None,
        sayings: Sequence[Saying],
        *,
        token: str = "",
        ended: bool = False,
    ) -> Course:
        """Add events to a course, which begins with them where there is none. Raises Conflict."""
        now, last = self._clock.now(), sayings[-1].said
        number = 0 if was is None else was.number
        name = self.keys.names(person.identity)[0]
        # What the time ends was no proof, unless it ends with its account.
        proves = last in (Said.CONFIRMED, Said.WITHDRAWN) or ended
        object_id, sealed = self._rows.whose(person, purpose)
        row = CourseRow(
            course=name.course(purpose) if was is None else was.name,
            subject=name.subject if was is None else was.subject,
            number=number + len(sayings),
            kept=number + len(sayings) if proves else 0 if was is None else was.kept,
            state=last,
            settled=last if proves else Said.NOTHING if was is None else was.settled,
            changed_at=now if proves or was is None else was.changed_at,
            asked_at=now if was is None or last is not Said.EXPIRED else was.asked_at,
            customer=int(bool(person.account) and not ended),
            token=self.keys.token_hash(token) if token else NO_TOKEN,
            expires_at=now + TOKEN_LIFE if token else NEVER,
            object_id=object_id,
            person=sealed,
        )
        rows = [
            EventRow(
                row.course,
                number + n,
                one.said,
                one.text,
                now,
                *self._rows.detail(one.channel, one.by, one.note),
            )
            for n, one in enumerate(sayings, 1)
        ]
        for one in sayings:
            await self.record(one.said.name.lower(), self._rows.course(row), one)
        await self._store.consents.write(row, rows, number)
        return self._rows.course(row)

    async def end(self, course: Course, saying: Saying, *, ended: bool) -> None:
        """Write down what ended a course; `ended`: with its account. Raises Conflict."""
        await self._say(course.person, course.purpose, course, [saying], ended=ended)

    def opened(self, row: CourseRow) -> Course:
        """Open a course. Raises Corrupt."""
        return self._rows.course(row)

    def sealed(self, person: Person, purpose: str) -> tuple[ObjectId, Guarded]:
        """Seal whose course it is, as another object than before."""
        return self._rows.whose(person, purpose)

    async def record(self, what: str, course: Course, saying: Saying | None = None) -> None:
        """Write into the audit log what is done to a course; not whose it is."""
        facts: Facts = {"what": what, "purpose": course.purpose}
        by = SERVER
        if saying is not None:
            facts = {**facts, "text": saying.text, "channel": saying.channel.value}
            by = saying.by or SERVER
        mine = by.startswith("account:")
        account_id = AccountId(bytes.fromhex(course.person.account)) if mine else None
        await self._chain.record(
            Entry.CONSENT_CHANGED, actor=by, account_id=account_id, facts=facts
        )


def by_person(courses: Sequence[Course]) -> dict[str, list[Course]]:
    """Put courses together by whose they are (`Person.identity`)."""
    found: dict[str, list[Course]] = defaultdict(list)
    for course in courses:
        found[course.person.identity].append(course)
    return dict(found)
