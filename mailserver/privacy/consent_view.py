"""What a person is told of his own consents: how each stands, and everything that was said."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from mailserver.model.errors import Absent
from mailserver.model.ids import AccountId
from mailserver.privacy.consent import (
    EVERYTHING,
    Course,
    Person,
    Reach,
    Said,
    Text,
    may_be_reached,
)
from mailserver.privacy.consents import Consents
from mailserver.runtime.settings_registers import Consent
from mailserver.store.store import Store


class Stand(StrEnum):
    """How a consent stands."""

    NOTHING = "nothing"
    WAITS = "waits"
    GIVEN = "given"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Standing:
    """A purpose, and what its person says to it."""

    purpose: str
    stand: Stand
    since: datetime | None
    agreed: Text | None
    """What was agreed to, where it stands."""
    question: Text | None
    """What is asked now; None where the purpose is not asked for any more."""
    as_customer: bool
    """Whether letters about similar products may come without a yes, until somebody says no."""


class ConsentViews:
    """Tells people."""

    def __init__(self, consents: Consents, store: Store, settings: Consent) -> None:
        """Read `consents`."""
        self._consents = consents
        self._store = store
        self._settings = settings

    async def standings(self, account_id: AccountId, language: str) -> list[Standing]:
        """Tell how the consents of an account stand, asked for ones first.

        Args:
            account_id: whose.
            language: in which to ask, where there is a text in it.

        Raises:
            Absent: NO_SUCH_USER.
        """
        offered = self._settings.offered_since
        row = await self._store.accounts.get(account_id)
        since = datetime(offered.year, offered.month, offered.day, tzinfo=UTC) if offered else None
        customer = since is not None and row.created_at >= since
        courses = await self._consents.of(Person("", account_id.hex()))
        known = (*self._settings.purposes, *(one.purpose for one in courses))
        found = []
        for purpose in dict.fromkeys(one for one in known if one != EVERYTHING):
            reached = may_be_reached(courses, purpose, customer=customer, reach=Reach.SIMILAR)
            course = next((one for one in courses if one.purpose == purpose), None)
            found.append(await self._standing(purpose, course, language, as_customer=reached))
        return [one for one in found if one.question or one.since]

    async def _standing(
        self, purpose: str, course: Course | None, language: str, *, as_customer: bool
    ) -> Standing:
        question = agreed = None
        if purpose in self._settings.purposes:
            try:
                question = await self._consents.texts.current(purpose, language)
            except Absent:  # the settings name it, and its text is still to be written
                question = None
        if course is None:
            return Standing(purpose, Stand.NOTHING, None, None, question, as_customer)
        stand, since = Stand.NOTHING, course.changed_at
        if course.settled is Said.CONFIRMED:
            stand = Stand.GIVEN
            events = await self._consents.events(course)
            agreed = await self._consents.texts.get(events[course.kept - 1].text)
        elif course.waits:
            stand, since = Stand.WAITS, course.asked_at
        elif course.settled is Said.WITHDRAWN:
            stand = Stand.WITHDRAWN
        return Standing(purpose, stand, since, agreed, question, as_customer)

    async def told(self, person: Person) -> list[dict[str, Any]]:
        """Tell everything that a person said, for a file; JSON. Source: GDPR Art. 15(1)."""
        texts = {text.number: text for text in await self._consents.texts.listing()}
        found = []
        for course in await self._consents.of(person):
            events = await self._consents.events(course)
            found.append(
                {
                    "purpose": "everything" if course.purpose == EVERYTHING else course.purpose,
                    "address": course.person.address,
                    "consents": course.settled is Said.CONFIRMED,
                    "events": [
                        {
                            "said": one.said.name.lower(),
                            "at": one.at.isoformat(),
                            "by": one.channel.value,
                            "note": one.note,
                            "text": _text(texts.get(one.text)),
                        }
                        for one in events
                    ],
                }
            )
        return found


def _text(text: Text | None) -> dict[str, str] | None:
    if text is None:
        return None
    return {
        "version": text.version,
        "language": text.language,
        "text": text.body,
        "sha256": text.sha256.hex(),
    }
