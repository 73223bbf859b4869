"""The exports of one unlocked account: each with a key that only its owner can open."""

from collections.abc import Sequence
from datetime import datetime

from mailserver.mail.opened import Opened
from mailserver.model.ids import ObjectId, new_object_id
from mailserver.store.exports import ExportRow
from mailserver.vault.exported import KEY_OCTETS, ExportKey
from mailserver.vault.guard import Kind


class Exports:
    """What the owner of an open account asked to have exported."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._rows = opened.store.exports

    async def begin(
        self, origin: bytes, messages: int, expires_at: datetime
    ) -> tuple[ObjectId, ExportKey]:
        """Begin one of `messages`, with a key of its own; `origin` is kept beside the key.

        Raises:
            Conflict: ALREADY_EXISTS, one is being made.
            Locked: the account was closed meanwhile.
        """
        owner, name = self._opened.account_id, new_object_id()
        key = ExportKey.random(owner, name)
        own = await self._opened.owner_key()
        secret = own.seal_value(Kind.EXPORT, name, key.octets + origin)
        await self._rows.add(
            owner, name, own.epoch, secret, messages=messages, expires_at=expires_at
        )
        return name, key

    async def listing(self) -> Sequence[ExportRow]:
        """List them, the newest first."""
        return await self._rows.listing(self._opened.account_id)

    async def key(self, row: ExportRow) -> tuple[ExportKey, bytes]:
        """Return the key of one, and the origin that was given.

        Raises:
            Corrupt: DAMAGED, it was altered.
            Locked: the account was closed, or was given new keys since.
        """
        await self._opened.open_epochs([row.epoch])
        opened = self._opened.unlocked.open_value(
            Kind.EXPORT, row.epoch, row.export_id, row.secret
        ).reveal()
        key = ExportKey(opened[:KEY_OCTETS], self._opened.account_id, row.export_id)
        return key, opened[KEY_OCTETS:]
