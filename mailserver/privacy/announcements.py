"""Who will process for us: customers hear of it thirty days ahead, and may object (PRIVACY §15).

Source: GDPR Art. 28(2): the processor informs the controller of intended changes concerning the
addition or replacement of other processors, thereby giving the opportunity to object.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from mailserver.audit.entry import OPERATOR
from mailserver.model.errors import Absent, Condition, PeerFault, Refused
from mailserver.privacy.agreement import Answer, Told, same
from mailserver.privacy.clocks import term_of_days
from mailserver.privacy.diary import Diary
from mailserver.privacy.ledger import Entry, Fields, Ledger
from mailserver.privacy.legal_profile import ANNOUNCEMENT_DAYS, LegalProfile
from mailserver.runtime.clock import Clock
from mailserver.store.registers import Register

WORDS_CHARACTERS = 4_000


@dataclass(frozen=True, slots=True)
class Announcement:
    """That somebody will process for us, or not any more."""

    number: int
    name: str
    role: str
    country: str
    basis: str
    ends: bool
    """Whether it ends instead of beginning."""
    announced_at: datetime
    begins: date
    """From which day on."""


@dataclass(frozen=True, slots=True, repr=False)
class Objection:
    """That a customer does not agree."""

    number: int
    announcement: int
    customer: str
    reason: str
    at: datetime


class Announcements:
    """What customers were told of other processors, and what they answered."""

    def __init__(self, ledger: Ledger, clock: Clock, profile: LegalProfile) -> None:
        """Keep them in `ledger`."""
        self._told = Diary(ledger, Register.DPA, clock)
        self._answers = Diary(ledger, Register.ACCEPTANCE, clock)
        self._profile = profile

    def earliest(self) -> date:
        """Return the first day on which somebody may begin who is announced now."""
        return term_of_days(self._told.now(), ANNOUNCEMENT_DAYS, self._profile).due

    async def listing(self) -> list[Announcement]:
        """Return every announcement, by number."""
        entries = await self._told.entries()
        return [_announcement(e) for e in entries if e.fields["kind"] == Told.ANNOUNCEMENT]

    async def objections(self) -> list[Objection]:
        """Return every objection, by number."""
        entries = await self._answers.entries()
        return [_objection(e) for e in entries if e.fields["kind"] == Answer.OBJECTION]

    async def announce(
        self,
        name: str,
        role: str,
        country: str,
        basis: str,
        *,
        begins: date | None = None,
        ends: bool = False,
        actor: str = OPERATOR,
    ) -> Announcement:
        """Write down that customers are told of a processor.

        Args:
            name: who it is.
            role: what it does.
            country: where it is established (ISO 3166).
            basis: on what ground data may go there.
            begins: from which day on; the earliest, where it is not given.
            ends: whether it ends then.
            actor: who announces it.

        Raises:
            PeerFault: BAD_SYNTAX, something is missing.
            Refused: NOT_PERMITTED, it is sooner than thirty days ahead.
        """
        words = [" ".join(word.split()) for word in (name, role, country, basis)]
        if not all(0 < len(word) <= WORDS_CHARACTERS for word in words):
            raise PeerFault(Condition.BAD_SYNTAX, "say who, what for, where, and on what ground")
        earliest = self.earliest()
        if begins is not None and begins < earliest:
            text = f"customers hear of it {ANNOUNCEMENT_DAYS} days ahead: {earliest} or later"
            raise Refused(Condition.NOT_PERMITTED, text)
        said: Fields = dict(zip(("name", "role", "country", "basis"), words, strict=True))
        said |= {"kind": Told.ANNOUNCEMENT.value, "ends": ends}
        said |= {"announced": self._told.now().isoformat()}
        said |= {"begins": (begins or earliest).isoformat()}
        return _announcement(await self._told.add(said, "announced", actor=actor))

    async def object(
        self, number: int, customer: str, reason: str, *, actor: str = OPERATOR
    ) -> Objection:
        """Write down that a customer does not agree.

        Raises:
            Absent: there is no such announcement.
            PeerFault: BAD_SYNTAX, nobody objects, or without a reason.
        """
        if number not in {one.number for one in await self.listing()}:
            raise Absent(Condition.NO_SUCH_MESSAGE, "there is no such announcement")
        customer, reason = " ".join(customer.split()), reason.strip()
        if not customer or not 0 < len(reason) <= WORDS_CHARACTERS:
            raise PeerFault(Condition.BAD_SYNTAX, "say who objects, and why")
        said = {"kind": Answer.OBJECTION.value, "announcement": number, "customer": customer}
        said |= {"reason": reason, "objected": self._answers.now().isoformat()}
        return _objection(await self._answers.add(said, "objected", actor=actor))

    async def unannounced(self, names: Iterable[str]) -> list[str]:
        """Return those processors whose day has not come, or of whom no customer was told."""
        today = self._told.now().date()
        told = [one for one in await self.listing() if one.begins <= today and not one.ends]
        return [name for name in names if not any(same(one.name, name) for one in told)]


def begun_since(first: Sequence[str], now: Iterable[str]) -> list[str]:
    """Return those that process now and did not when the register of processing began."""
    return [name for name in now if not any(same(name, one) for one in first)]


def _announcement(entry: Entry) -> Announcement:
    said = entry.fields
    return Announcement(
        *(entry.number, said["name"], said["role"], said["country"], said["basis"]),
        said["ends"],
        datetime.fromisoformat(said["announced"]),
        date.fromisoformat(said["begins"]),
    )


def _objection(entry: Entry) -> Objection:
    said = entry.fields
    return Objection(
        *(entry.number, said["announcement"], said["customer"], said["reason"]),
        datetime.fromisoformat(said["objected"]),
    )
