"""Rows of the consent ledger, readable: JSON under the instance's guard key."""

import json
from typing import Any

from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import ObjectId, new_object_id
from mailserver.model.sealed import Guarded
from mailserver.privacy.consent import Channel, Course, Event, Person, Said
from mailserver.store.consents import CourseRow, EventRow
from mailserver.vault.guard import InstanceGuard, Kind


class ConsentRows:
    """Seals and opens what names people."""

    def __init__(self, guard: InstanceGuard) -> None:
        """Use the instance's `guard`."""
        self._guard = guard

    def whose(self, person: Person, purpose: str) -> tuple[ObjectId, Guarded]:
        """Seal whose course it is, and to which purpose."""
        return self._sealed(
            {"address": person.address, "account": person.account, "purpose": purpose}
        )

    def detail(self, channel: Channel, by: str, note: str) -> tuple[ObjectId, Guarded]:
        """Seal by which way something was said, by whom, and what proves it."""
        return self._sealed({"channel": channel.value, "by": by, "note": note})

    def course(self, row: CourseRow) -> Course:
        """Open a course. Raises Corrupt."""
        whose = self._json(row.object_id, row.person)
        return Course(
            row.course,
            row.subject,
            Person(whose["address"], whose["account"]),
            purpose=whose["purpose"],
            number=row.number,
            kept=row.kept,
            state=Said(row.state),
            settled=Said(row.settled),
            changed_at=row.changed_at,
            asked_at=row.asked_at,
            expires_at=row.expires_at,
        )

    def event(self, row: EventRow) -> Event:
        """Open an event. Raises Corrupt."""
        detail = self._json(row.object_id, row.detail)
        return Event(
            *(Said(row.kind), row.text, row.at),
            *(Channel(detail["channel"]), detail["by"], detail["note"]),
        )

    def _sealed(self, said: dict[str, str]) -> tuple[ObjectId, Guarded]:
        object_id = new_object_id()
        octets = json.dumps(said, sort_keys=True, ensure_ascii=False).encode()
        return object_id, self._guard.seal(Kind.CONSENT, object_id, octets)

    def _json(self, object_id: ObjectId, guarded: Guarded) -> dict[str, Any]:
        octets = self._guard.open(Kind.CONSENT, object_id, guarded)
        try:
            found: dict[str, Any] = json.loads(octets)
        except ValueError:
            raise Corrupt(Condition.DAMAGED, "a consent is not readable") from None
        return found
