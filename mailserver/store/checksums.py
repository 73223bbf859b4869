"""Whether stored ciphertext is what was stored: its SHA-256, without any key, a few at a time."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Corrupt
from mailserver.model.ids import AccountId, ObjectId
from mailserver.store.access import Access
from mailserver.store.blobs import Place
from mailserver.store.driver import Row, Sql, fetch, fetch_one


class Position(NamedTuple):
    """Behind which blob a walk goes on."""

    account_id: AccountId
    blob_id: int


BEGINNING = Position(AccountId(b""), 0)


class Damage(NamedTuple):
    """A blob that is not what was stored."""

    account_id: AccountId
    blob_id: int
    lost: bool
    """Whether it is missing; else it was altered."""


class Walked(NamedTuple):
    """What one step of a walk found."""

    looked_at: int
    octets: int
    damages: list[Damage]
    behind: Position | None
    """Where to go on; None at the end."""


_BLOBS = Sql(
    "SELECT account_id, blob_id, object_id, place, sealed_octets, sha256_ct, data FROM blobs"
    " WHERE (account_id, blob_id) > (?, ?) ORDER BY account_id, blob_id LIMIT ?"
)
_THERE = Sql("SELECT object_id FROM blobs WHERE account_id = ? AND blob_id = ?")


def _step(connection: Connection, behind: Position, limit: int) -> list[Row]:
    return fetch(connection, _BLOBS, (*behind, limit))


class Checksums:
    """A walk through all blobs, by account and number."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def walk(self, behind: Position, limit: int) -> Walked:
        """Look at up to `limit` blobs behind a position.

        Raises:
            Transient: one cannot be read now.
        """
        rows = await self._access.read_once(lambda c: _step(c, behind, limit))
        if not rows:
            return Walked(0, 0, [], None)
        found = await self._access.offload(lambda: list(self._damaged(rows)))
        damages = [one for one, object_id in found if await self._stands(one, object_id)]
        last = Position(AccountId(rows[-1][0]), rows[-1][1])
        return Walked(len(rows), sum(row[4] for row in rows), damages, last)

    def _damaged(self, rows: list[Row]) -> Iterator[tuple[Damage, bytes]]:
        """Compare some blobs; runs in a thread, for it hashes and reads files."""
        for account_id, blob_id, object_id, place, octets, sha256, data in rows:
            sealed = data
            if place == Place.FILE:
                try:
                    sealed = self._access.blobs.get(ObjectId(object_id))
                except Corrupt:
                    sealed = None
            whole = (
                sealed is not None
                and len(sealed) == octets
                and hashlib.sha256(sealed).digest() == sha256
            )
            if not whole:
                damage = Damage(AccountId(account_id), blob_id, lost=sealed is None)
                yield damage, bytes(object_id)

    async def _stands(self, damage: Damage, object_id: bytes) -> bool:
        """Say whether the row is still there: an expunged blob loses its file behind our back."""
        place = (damage.account_id, damage.blob_id)
        row = await self._access.read_once(lambda c: fetch_one(c, _THERE, place))
        return row is not None and bytes(row[0]) == object_id
