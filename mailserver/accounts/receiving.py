"""The keystore's rows of addresses and domains, opened; and the steps that change them.

A look costs nothing but a comparison while a row stands as it was: rows are kept opened beside the
octets they came from, as the keyring keeps those of accounts.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final, TypeVar

from mailserver.model.address import Address
from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded
from mailserver.store.keystore import DeleteAll, Insert, Keystore, Replace, Row, Step
from mailserver.store.keystore_tables import Rows
from mailserver.vault.master import MasterKeys
from mailserver.vault.receiving import (
    AddressRecord,
    DomainRecord,
    HolderRecord,
    TombRecord,
    name_in_address_row,
    open_address,
    open_domain,
    open_tomb,
    place_of,
    seal_address,
    seal_domain,
    seal_tomb,
    tomb_place,
)
from mailserver.vault.records import SealedRow, Table

OPENED_ROWS = 20_000  # of a few hundred octets
TOMB_LIFE: Final = timedelta(days=365)  # PRIVACY §5, §14: 12 months

RecordT = TypeVar("RecordT", AddressRecord, DomainRecord)


class Receiving:
    """Who receives, as the keystore has it."""

    def __init__(self, keystore: Keystore, master: MasterKeys) -> None:
        """Open rows of `keystore` with `master`."""
        self._keystore = keystore
        self._master = master
        self._addresses: OrderedDict[str, tuple[bytes, AddressRecord]] = OrderedDict()
        self._domains: OrderedDict[str, tuple[bytes, DomainRecord]] = OrderedDict()

    async def address(self, address: Address, *, fresh: bool = False) -> AddressRecord | None:
        """Return what stands at exactly that address, at most two seconds old, or read now.

        Raises:
            Corrupt: KEY_MISMATCH, the row is not authentic.
        """
        row = await self._row(Rows.ADDRESSES, place_of(Table.ADDRESS, address.key), fresh=fresh)
        if row is None:
            self._addresses.pop(address.key, None)
            return None
        known = _known(self._addresses, address.key, row.sealed)
        if known is None:
            known = open_address(self._master, address.key, row.sealed)
            _keep(self._addresses, address.key, row.sealed, known)
        return known

    async def domain(self, name: str, *, fresh: bool = False) -> DomainRecord:
        """Return what holds for a domain: nothing, where it has no row.

        Raises:
            Corrupt: KEY_MISMATCH, the row is not authentic.
        """
        row = await self._row(Rows.DOMAINS, place_of(Table.DOMAIN, name), fresh=fresh)
        if row is None:
            self._domains.pop(name, None)
            return DomainRecord(name)
        known = _known(self._domains, name, row.sealed)
        if known is None:
            known = open_domain(self._master, name, row.sealed)
            _keep(self._domains, name, row.sealed, known)
        return known

    async def former(self, address: Address, now: datetime) -> TombRecord | None:
        """Return whose address it was within the last twelve months; None if nobody's.

        Raises:
            Corrupt: KEY_MISMATCH, the row is not authentic.
        """
        for key in self._master.tomb_keys:
            place = tomb_place(key, address)
            row = await self._row(Rows.TOMBS, place, fresh=False)
            if row is not None:
                tomb = open_tomb(self._master, place, row.sealed)
                if now < tomb.until:
                    return tomb
        return None

    async def all_addresses(self) -> AsyncIterator[AddressRecord]:
        """Yield every address's row, in no order that means anything.

        Raises:
            Corrupt: KEY_MISMATCH, a row is not authentic.
        """
        last: Row | None = None
        while page := await self._keystore.page(Rows.ADDRESSES, last):
            for row in page:
                address = name_in_address_row(self._master, row.account_id, row.sealed)
                yield open_address(self._master, address, row.sealed)
            last = page[-1]

    # -- steps

    def hold(self, address: Address, account_id: AccountId) -> Insert:
        """Make the step that gives an address to an account: refused where anybody has it."""
        return self.add(HolderRecord(address.key, account_id))

    def add(self, record: AddressRecord) -> Insert:
        """Make the step that lets an address stand for something: refused where it does."""
        place = place_of(Table.ADDRESS, record.address)
        return Insert(Rows.ADDRESSES, _placed(place, seal_address(self._master, record)))

    async def change(self, record: AddressRecord) -> Step:
        """Make the step that puts `record` in the place of what its address stands for now."""
        place = place_of(Table.ADDRESS, record.address)
        row = await self._row(Rows.ADDRESSES, place, fresh=True)
        if row is None:
            return self.add(record)
        return Replace(
            Rows.ADDRESSES, _placed(place, seal_address(self._master, record)), row.sealed
        )

    def drop(self, address: Address) -> DeleteAll:
        """Make the step after which the address stands for nothing."""
        return DeleteAll(Rows.ADDRESSES, place_of(Table.ADDRESS, address.key))

    async def change_domain(self, record: DomainRecord) -> Step:
        """Make the step that lets `record` hold for its domain."""
        place = place_of(Table.DOMAIN, record.name)
        new = _placed(place, seal_domain(self._master, record))
        row = await self._row(Rows.DOMAINS, place, fresh=True)
        return Insert(Rows.DOMAINS, new) if row is None else Replace(Rows.DOMAINS, new, row.sealed)

    def drop_domain(self, name: str) -> DeleteAll:
        """Make the step after which nothing holds for the domain."""
        return DeleteAll(Rows.DOMAINS, place_of(Table.DOMAIN, name))

    def bury(self, address: Address, account_id: AccountId, now: datetime) -> list[Step]:
        """Make the steps that remember whose address it was."""
        place = tomb_place(self._master.tomb_key, address)
        record = TombRecord(account_id, now + TOMB_LIFE)
        row = _placed(place, seal_tomb(self._master, place, record))
        return [*self.unearth(address), Insert(Rows.TOMBS, row)]

    def unearth(self, address: Address) -> list[Step]:
        """Make the steps that forget whose address it was."""
        places = (tomb_place(key, address) for key in self._master.tomb_keys)
        return [DeleteAll(Rows.TOMBS, place) for place in places]

    async def forget_tombs(self, now: datetime) -> int:
        """Delete the tombs whose twelve months are over; return how many."""
        forgotten, last = 0, None
        while page := await self._keystore.page(Rows.TOMBS, last):
            last = page[-1]
            over = [
                DeleteAll(Rows.TOMBS, row.account_id) for row in page if self._is_over(row, now)
            ]
            if over:
                await self._keystore.apply(over)
            forgotten += len(over)
        return forgotten

    def _is_over(self, row: Row, now: datetime) -> bool:
        try:
            return open_tomb(self._master, row.account_id, row.sealed).until <= now
        except Corrupt:
            return False  # it stays, and whoever asks for its address is told

    async def _row(self, rows: Rows, place: AccountId, *, fresh: bool) -> Row | None:
        read = self._keystore.fresh if fresh else self._keystore.of
        found = await read(rows, place)
        if not found:
            return None
        if len(found) != 1 or found[0].row_id != place:
            raise Corrupt(Condition.KEY_MISMATCH, "a keystore row stands where it does not belong")
        return found[0]


def _placed(place: AccountId, sealed: SealedRow) -> Row:
    return Row(place, place, b"", sealed.kid, Guarded(sealed.sealed))


def _known(
    kept: OrderedDict[str, tuple[bytes, RecordT]], name: str, sealed: bytes
) -> RecordT | None:
    found = kept.get(name)
    if found is None or found[0] != sealed:
        return None
    kept.move_to_end(name)
    return found[1]


def _keep(
    kept: OrderedDict[str, tuple[bytes, RecordT]], name: str, sealed: bytes, record: RecordT
) -> None:
    kept[name] = (sealed, record)
    if len(kept) > OPENED_ROWS:
        kept.popitem(last=False)
