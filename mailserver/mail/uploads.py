"""What owners upload before they make something of it: sealed, for an hour (PRIVACY §2).

It is sealed before it leaves this process's memory, and lies in the store, so that any process
makes a message of what another one took.

Source: RFC 8620 §6.1.
"""

from mailserver.mail.opened import Opened
from mailserver.model.errors import Condition, Refused
from mailserver.model.ids import ObjectId, new_object_id
from mailserver.model.sealed import Plaintext
from mailserver.store.uploads import UploadRow
from mailserver.vault.guard import Kind


class Uploads:
    """The uploads of one unlocked account."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    async def put(self, octets: Plaintext) -> ObjectId:
        """Seal and keep `octets`; return their name.

        Raises:
            Refused: LIMIT, it is more than an account may have.
            Transient: the store does not take it now.
        """
        if len(octets) > self._opened.store.uploads.octets_each // 2:
            raise Refused(Condition.LIMIT, "the upload is too large")
        key, name = await self._opened.owner_key(), new_object_id()
        sealed = await self._opened.offload(key.seal_value, Kind.UPLOAD, name, octets.reveal())
        row = UploadRow(name, key.epoch, sealed)
        await self._opened.store.uploads.add(self._opened.account_id, row)
        return name

    async def get(self, name: bytes) -> Plaintext:
        """Return what was uploaded.

        Raises:
            Absent: NO_SUCH_MESSAGE, there is no such upload, or not any more.
            Corrupt: DAMAGED.
        """
        found = await self._opened.store.uploads.get(self._opened.account_id, ObjectId(name))
        await self._opened.open_epochs([found.epoch])
        unlocked = self._opened.unlocked
        return await self._opened.offload(
            unlocked.open_value, Kind.UPLOAD, found.epoch, found.object_id, found.data
        )
