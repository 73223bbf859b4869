"""A new master key: rows sealed anew, deposits marked anew, and no user needed (PRIVACY §5).

The instance's own guarded data are rows as well, of the mail database: signing keys of domains,
policies of other domains, reports, and what the server itself has in the queue.

In three steps, so that any number of nodes goes on serving. First the key file gets the new key
beside the old (`MasterKeys.rotate`), and each node is started again: it can now open rows under
either. Then `reseal` moves what is there, in batches; it may be interrupted and run again. Last,
when `status` counts nothing under the old key, the file drops it (`MasterKeys.retire`).

The recovery rows have no master-key layer and stay as they are.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mailserver.accounts.keyring import Keyring
from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, SERVER, Event
from mailserver.model.errors import Conflict, Corrupt
from mailserver.model.ids import AccountId, EpochId, ObjectId
from mailserver.model.sealed import Guarded
from mailserver.store.dkim import DkimKeyRow
from mailserver.store.instance_cells import Cell, Place
from mailserver.store.keystore import Replace, Row
from mailserver.store.keystore_tables import Rows
from mailserver.store.store import Store
from mailserver.vault.epochs import DepositMarks
from mailserver.vault.guard import Kind
from mailserver.vault.records import (
    UNSEALED_KID,
    RowName,
    Table,
    open_row,
    seal_row,
)
from mailserver.vault.server_mode import under_current
from mailserver.vault.signing_keys import open_signing_key, seal_signing_key

BATCH = 200
SEALED_ROWS = {
    Rows.ACCOUNTS: Table.ACCOUNT,
    Rows.WRAPS: Table.WRAP,
    Rows.SESSIONS: Table.SESSION,
    Rows.ADMINS: Table.ADMIN,
    Rows.CUSTODIANS: Table.CUSTODIAN,
    Rows.ADDRESSES: Table.ADDRESS,
    Rows.DOMAINS: Table.DOMAIN,
    Rows.TOMBS: Table.TOMB,
    Rows.FACTORS: Table.FACTORS,
    Rows.LINKS: Table.LINK,
    Rows.VAULTS: Table.VAULT,
    Rows.SEEN: Table.SEEN,
    Rows.ESCROW: Table.ESCROW,
}
OWN_BATCH = 50  # reports are large
OWN_DATA = {
    Place.STS_POLICY: Kind.CONFIGURATION,
    Place.REPORT: Kind.REPORT,
    Place.OBSERVATION: Kind.OBSERVATION,
    Place.QUEUED: Kind.QUEUE_ITEM,
    Place.SUBMISSION: Kind.QUEUE_ITEM,
    Place.DESTINATION: Kind.QUEUE_ITEM,
    Place.REGISTER: Kind.REGISTER,
    Place.CONSENT: Kind.CONSENT,
    Place.CONSENT_EVENT: Kind.CONSENT,
}
_FIRST = (AccountId(b""), EpochId(0))

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Status:
    """How many rows, deposits, signing keys and other data each master key still has."""

    current: int
    rows: dict[int, int]
    deposits: dict[int, int]
    signing_keys: dict[int, int]
    own_data: dict[int, int]
    """The instance's other guarded data: policies, reports, its mail in the queue."""

    def needing(self, kid: int) -> int:
        """Count what cannot be opened without a master key."""
        counts = (self.rows, self.deposits, self.signing_keys, self.own_data)
        return sum(count.get(kid, 0) for count in counts)

    def left(self) -> int:
        """Count what is to be moved before older keys can go."""
        of_rows = sum(n for kid, n in self.rows.items() if kid not in (UNSEALED_KID, self.current))
        of_deposits = sum(n for kid, n in self.deposits.items() if kid not in (0, self.current))
        of_domains = sum(n for kid, n in self.signing_keys.items() if kid != self.current)
        of_us = sum(n for kid, n in self.own_data.items() if kid != self.current)
        return of_rows + of_deposits + of_domains + of_us


@dataclass(slots=True)
class Resealed:
    """What a run did. `refused` of them are not authentic, and were left as they are."""

    rows: int = 0
    deposits: int = 0
    signing_keys: int = 0
    own_data: int = 0
    refused: int = 0

    @property
    def moved(self) -> int:
        """How many were sealed or marked anew."""
        return self.rows + self.deposits + self.signing_keys + self.own_data


class Rotation:
    """Moves the keystore and the deposits of the mail database to the current master key."""

    def __init__(self, keyring: Keyring, store: Store, chain: Chain) -> None:
        """Work with the keys of `keyring`."""
        self._keyring = keyring
        self._store = store
        self._chain = chain

    async def status(self) -> Status:
        """Count rows and deposits by master key."""
        counts = [await self._keyring.keystore.kids(rows) for rows in (*SEALED_ROWS, Rows.HEADS)]
        return Status(
            self._keyring.master.current,
            _summed(counts),
            await self._store.epochs.mark_kids(),
            await self._signing_kids(),
            await self._own_kids(),
        )

    async def reseal(self, told: Progress | None = None) -> Resealed:
        """Move everything to the current key; `told` gets the number done so far.

        Raises:
            Transient: a database is busy or away; what was moved stays, run it again.
        """
        done = Resealed()
        current = self._keyring.master.current
        await self._chain.record(
            Event.MASTER_KEY_ROTATED, actor=OPERATOR, facts={"key": current, "step": "begun"}
        )
        for rows, table in SEALED_ROWS.items():
            await self._reseal_table(rows, table, done, told)
        await self._remark(done, told)
        await self._reguard(done, told)
        for place, kind in OWN_DATA.items():
            await self._reguard_own(place, kind, done, told)
        if done.refused:
            await self._chain.record(
                Event.KEY_MISMATCH, actor=SERVER, facts={"refused": done.refused}
            )
        # This entry also moves the head, the one row that is sealed with each write.
        await self._chain.record(
            Event.MASTER_KEY_ROTATED, actor=OPERATOR, facts={"key": current, "step": "done"}
        )
        await self._keyring.clear()
        return done

    async def _reseal_table(
        self, rows: Rows, table: Table, done: Resealed, told: Progress | None
    ) -> None:
        keystore, current = self._keyring.keystore, self._keyring.master.current
        last: Row | None = None
        while page := await keystore.page(rows, last, limit=BATCH, but_kid=current):
            last = page[-1]
            steps = [step for row in page if (step := self._anew(rows, table, row, done))]
            done.rows += await self._applied(steps)
            if told is not None:
                told(done.moved)

    def _anew(self, rows: Rows, table: Table, row: Row, done: Resealed) -> Replace | None:
        """Make the step that seals a row anew; none where it is not authentic, or not sealed."""
        if row.kid == UNSEALED_KID:
            return None
        master = self._keyring.master
        name = RowName(table, row.account_id, row.row_id, row.selector)
        try:
            record = open_row(master, name, row.sealed)
            if table is Table.WRAP:
                record = under_current(master.instance_guard, row.row_id, record)
            sealed = seal_row(master, name, record)
        except Corrupt:
            done.refused += 1
            return None
        moved = Row(row.account_id, row.row_id, row.selector, sealed.kid, sealed.sealed)
        return Replace(rows, moved, row.sealed)

    async def _applied(self, steps: list[Replace]) -> int:
        """Do the steps together; one by one where one of the rows changed meanwhile."""
        try:
            await self._keyring.apply(steps)
        except Conflict:
            applied = 0
            for step in steps:
                try:
                    await self._keyring.apply([step])
                    applied += 1
                except Conflict:
                    continue  # its writer sealed it under a key of its own choice: see `status`
            return applied
        return len(steps)

    async def _remark(self, done: Resealed, told: Progress | None) -> None:
        master = self._keyring.master
        marks, after = DepositMarks(master), _FIRST
        while page := await self._store.epochs.marked_otherwise(master.current, after, BATCH):
            renewed: dict[AccountId, list[tuple[EpochId, int, bytes]]] = {}
            for account_id, row in page:
                after = (account_id, row.epoch)
                try:
                    kid, mark = marks.renew(account_id, row)
                except Corrupt:
                    done.refused += 1
                    continue
                renewed.setdefault(account_id, []).append((row.epoch, kid, mark))
            for account_id, some in renewed.items():
                await self._store.epochs.remark(account_id, some)
                done.deposits += len(some)
            if told is not None:
                told(done.moved)

    async def _signing_kids(self) -> dict[int, int]:
        """Count the signing keys of domains by master key; 0 for one that names none."""
        counts: dict[int, int] = {}
        last: DkimKeyRow | None = None
        while page := await self._store.dkim_keys.page(last, BATCH):
            last = page[-1]
            for row in page:
                kid = self._kid(row)
                counts[kid] = counts.get(kid, 0) + 1
        return counts

    def _kid(self, row: DkimKeyRow) -> int:
        try:
            return self._keyring.master.instance_guard.kid_of(row.private)
        except Corrupt:
            return 0

    async def _reguard(self, done: Resealed, told: Progress | None) -> None:
        """Put the signing keys of domains under the current key."""
        master = self._keyring.master
        guard = master.instance_guard
        last: DkimKeyRow | None = None
        while page := await self._store.dkim_keys.page(last, BATCH):
            last = page[-1]
            for row in page:
                if self._kid(row) == master.current:
                    continue
                place = (guard, row.domain, row.selector)
                try:
                    sealed = seal_signing_key(*place, open_signing_key(*place, row.private))
                except Corrupt:
                    done.refused += 1
                    continue
                done.signing_keys += await self._store.dkim_keys.reseal(row, sealed)
            if told is not None:
                told(done.moved)

    async def _own_kids(self) -> dict[int, int]:
        """Count the instance's other guarded data by master key; 0 for what names none."""
        guard = self._keyring.master.instance_guard
        counts: list[dict[int, int]] = []
        for place in OWN_DATA:
            for prefix, number in (await self._store.instance_cells.prefixes(place)).items():
                try:
                    kid = guard.kid_of(Guarded(prefix))
                except Corrupt:
                    kid = 0
                counts.append({kid: number})
        return _summed(counts)

    async def _reguard_own(
        self, place: Place, kind: Kind, done: Resealed, told: Progress | None
    ) -> None:
        """Put the instance's data of one place under the current key."""
        guard, cells = self._keyring.master.instance_guard, self._store.instance_cells
        last: Cell | None = None
        while page := await cells.page(place, guard.prefix, last, limit=OWN_BATCH):
            last = page[-1]
            changes = []
            for cell in page:
                name = ObjectId(cell.object_id)
                try:
                    opened = guard.open(kind, name, cell.guarded)
                except Corrupt:
                    done.refused += 1
                    continue
                changes.append((cell, guard.seal(kind, name, opened)))
            done.own_data += await cells.replace(place, changes)
            if told is not None:
                told(done.moved)


def _summed(counts: Iterable[dict[int, int]]) -> dict[int, int]:
    summed: dict[int, int] = {}
    for count in counts:
        for kid, number in count.items():
            summed[kid] = summed.get(kid, 0) + number
    return summed
