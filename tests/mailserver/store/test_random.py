"""Random operations beside a plain model of two mailboxes: the two never disagree."""

import random
from collections.abc import Iterable

import pytest

from mailserver.model.ids import MailboxId
from mailserver.model.message import Flag, StoreMode
from mailserver.store.packing import ranges_of
from tests.support.store import House

OPERATIONS = 60
FLAGS = [Flag.SEEN, Flag.FLAGGED, Flag.DELETED, Flag.SEEN | Flag.DELETED, Flag.NONE]

Entry = tuple[int, tuple[int, ...]]


class Model:
    """What the two mailboxes should hold: flags and keywords by UID."""

    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.boxes: dict[MailboxId, dict[int, Entry]] = {house.inbox: {}, house.archive: {}}
        self.uid_next = dict.fromkeys(self.boxes, 1)
        self.random = random.Random(seed)

    def _box(self) -> MailboxId:
        return self.random.choice(list(self.boxes))

    def _some(self, box: MailboxId) -> list[int]:
        """Choose UIDs, most of which exist."""
        known = range(1, self.uid_next[box] + 2)
        return sorted(self.random.sample(known, self.random.randint(0, min(12, len(known)))))

    def _put(self, box: MailboxId, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.boxes[box][self.uid_next[box]] = entry
            self.uid_next[box] += 1

    async def append(self) -> None:
        box, flags = self._box(), self.random.choice(FLAGS)
        keywords = tuple(sorted(self.random.sample(range(1, 5), self.random.randint(0, 2))))
        count = self.random.randint(1, 4)
        new = [self.house.email(mailbox=box, flags=flags, keywords=keywords) for _ in range(count)]
        await self.house.store.emails.append_all(new)
        self._put(box, [(int(flags), keywords)] * count)

    async def store(self) -> None:
        box, flags = self._box(), self.random.choice(FLAGS)
        mode = self.random.choice(list(StoreMode))
        keywords = frozenset(self.random.sample(range(1, 5), self.random.randint(0, 2)))
        uids = self._some(box)
        stored = await self.house.store.entries.store_flags(
            self.house.account, box, ranges_of(uids), mode, flags, keywords
        )
        changed = []
        for uid in uids:
            if uid not in self.boxes[box]:
                continue
            before = self.boxes[box][uid]
            has = frozenset(before[1])
            after = {
                StoreMode.REPLACE: (int(flags), keywords),
                StoreMode.ADD: (before[0] | flags, has | keywords),
                StoreMode.REMOVE: (before[0] & ~flags, has - keywords),
            }[mode]
            entry = (int(after[0]), tuple(sorted(after[1])))
            if entry != before:
                changed.append(uid)
            self.boxes[box][uid] = entry
        assert [row.uid for row in stored.changed] == changed

    async def copy(self) -> None:
        box, to = self._box(), self._box()
        uids = self._some(box)
        copied = await self.house.store.entries.copy(self.house.account, box, ranges_of(uids), to)
        found = [uid for uid in uids if uid in self.boxes[box]]
        assert copied.source == found
        self._put(to, [self.boxes[box][uid] for uid in found])

    async def move(self) -> None:
        box, to = self._box(), self._box()
        uids = self._some(box)
        copied, _ = await self.house.store.entries.move(
            self.house.account, box, ranges_of(uids), to
        )
        found = [uid for uid in uids if uid in self.boxes[box]]
        assert copied.source == found
        self._put(to, [self.boxes[box].pop(uid) for uid in found])

    async def expunge(self) -> None:
        box = self._box()
        uids = self._some(box) if self.random.random() < 0.5 else None
        gone = await self.house.store.entries.expunge(
            self.house.account, box, None if uids is None else ranges_of(uids)
        )
        expected = [
            uid
            for uid, (flags, _) in self.boxes[box].items()
            if flags & Flag.DELETED and (uids is None or uid in uids)
        ]
        assert gone == expected
        for uid in expected:
            del self.boxes[box][uid]

    async def compare(self) -> None:
        for box, entries in self.boxes.items():
            rows = await self.house.store.entries.flags(self.house.account, box, None)
            assert {row.uid: (row.flags, row.keywords) for row in rows} == entries
            mailbox = await self.house.store.mailboxes.get(self.house.account, box)
            assert mailbox.uid_next == self.uid_next[box]


@pytest.mark.parametrize("seed", range(4))
async def test_the_store_does_what_a_plain_model_does(house: House, seed: int) -> None:
    model = Model(house, seed)
    start, _ = await house.store.changes.state(house.account)
    steps = [model.append, model.append, model.store, model.copy, model.move, model.expunge]
    for _ in range(OPERATIONS):
        await model.random.choice(steps)()
        await model.compare()
    assert await house.store.check(quiet=True) == []
    end, _ = await house.store.changes.state(house.account)
    log = await house.store.changes.between(house.account, start, end)
    assert [change.modseq for change in log] == list(range(start + 1, end + 1))
    for box, entries in model.boxes.items():
        present: set[int] = set()
        for part in (part for change in log for part in change.entries if part.mailbox_id == box):
            present = (present - set(part.vanished)) | set(part.appeared)
        assert present == set(entries)
