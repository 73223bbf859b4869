"""What an owner keeps beside mail: identities, submissions, address books, cards, all sealed.

Each is a JSON object under the owner's own key; what was deposited is none of them, for anybody can
deposit (PRIVACY §2). The server reads them only while their owner is there.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mailserver.mail.opened import Opened
from mailserver.model.errors import Corrupt
from mailserver.model.ids import ModSeq, new_object_id
from mailserver.model.record import RecordChange, RecordId, RecordKind
from mailserver.runtime.log import get_logger
from mailserver.store.records import RecordState, SealedRecord
from mailserver.vault.guard import Kind

Value = dict[str, Any]

_SEALED_AS = {
    RecordKind.IDENTITY: Kind.SIGNATURE,
    RecordKind.SUBMISSION: Kind.SETTING,
    RecordKind.ADDRESS_BOOK: Kind.CONTACT,
    RecordKind.CARD: Kind.CONTACT,
    RecordKind.SCRIPT: Kind.SETTING,
    RecordKind.PREFERENCE: Kind.SETTING,
}

log = get_logger("mail")

__all__ = ["RecordChange", "RecordState", "Records", "RecordsChange", "Value"]


@dataclass(slots=True)
class RecordsChange:
    """What becomes of the records of a kind, all of it or nothing."""

    create: list[Value] = field(default_factory=list)
    update: dict[RecordId, Value] = field(default_factory=dict)
    destroy: list[RecordId] = field(default_factory=list)


class Records:
    """The records of one unlocked account."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    async def state(self, kind: RecordKind) -> RecordState:
        """Return how far a kind has come."""
        return await self._opened.store.records.state(self._opened.account_id, kind)

    async def all(self, kind: RecordKind) -> tuple[RecordState, dict[RecordId, Value]]:
        """Return every record of a kind that opens, and the state they show."""
        opened = self._opened
        state, rows = await opened.store.records.listing(opened.account_id, kind)
        await opened.open_epochs({row.epoch for row in rows})
        found: dict[RecordId, Value] = {}
        for row in rows:
            try:
                told = opened.unlocked.open_value(
                    _SEALED_AS[kind], row.epoch, row.object_id, row.data
                )
            except Corrupt as error:  # one that is damaged hides no other
                log.error("record damaged", kind=kind.name, condition=error.condition.name)
                continue
            value: Mapping[str, Any] = json.loads(told.reveal())
            if value.get("kind") == kind.name:
                found[row.record_id] = value["value"]
        return state, found

    async def changes(
        self, kind: RecordKind, since: ModSeq
    ) -> tuple[RecordState, list[RecordChange]]:
        """Return what became of records after `since`, in order, as far as is known."""
        return await self._opened.store.records.changes(self._opened.account_id, kind, since)

    async def write(
        self, kind: RecordKind, change: RecordsChange, *, expected: ModSeq | None = None
    ) -> list[RecordId]:
        """Write all of it or nothing; return the numbers of what was created.

        Raises:
            Absent: a record is not there; Conflict: the state is not `expected` any more; Refused:
                LIMIT; Transient: nothing is written.
        """
        create = await self._sealed(kind, change.create)
        update = await self._sealed(kind, change.update.values())
        return await self._opened.store.records.write(
            self._opened.account_id,
            kind,
            create=create,
            update=list(zip(change.update, update, strict=True)),
            destroy=change.destroy,
            expected=expected,
        )

    async def _sealed(self, kind: RecordKind, values: Iterable[Value]) -> list[SealedRecord]:
        sealed = []
        for value in values:
            key = await self._opened.owner_key()
            object_id = new_object_id()
            octets = json.dumps({"kind": kind.name, "value": value}, ensure_ascii=False).encode()
            data = key.seal_value(_SEALED_AS[kind], object_id, octets)
            sealed.append(SealedRecord(object_id, key.epoch, data))
        return sealed
