"""What owners upload before they make something of it: sealed, in memory, for an hour (PRIVACY §2).

It never touches a disk, and once the account is locked nobody can read it here either. What is kept
is bounded for each account and for the process; of one account's the oldest goes first.

Source: RFC 8620 §6.1.
"""

from collections import OrderedDict
from dataclasses import dataclass

from mailserver.mail.opened import Opened
from mailserver.model.errors import Absent, Condition, Refused, Transient
from mailserver.model.ids import AccountId, EpochId, ObjectId, new_object_id
from mailserver.model.sealed import Plaintext, Sealed
from mailserver.runtime.clock import Clock, SystemClock
from mailserver.vault.guard import Kind

KEPT_SECONDS = 3600.0
UPLOADS_EACH = 200
OCTETS_EACH = 160 * 1024 * 1024  # three of the largest attachments
OCTETS_TOGETHER = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Upload:
    epoch: EpochId
    sealed: Sealed
    until: float


class Shelf:
    """The uploads of all accounts of one process."""

    def __init__(self, clock: Clock | None = None) -> None:
        """Measure by `clock`."""
        self._clock = clock or SystemClock()
        self._kept: dict[AccountId, OrderedDict[ObjectId, _Upload]] = {}
        self._octets = 0

    def put(self, account_id: AccountId, name: ObjectId, epoch: EpochId, sealed: Sealed) -> None:
        """Keep one; raises Transient (BUSY) where the process holds too much."""
        now = self._clock.monotonic()
        self._tend(now)
        kept = self._kept.setdefault(account_id, OrderedDict())
        own = sum(len(each.sealed) for each in kept.values())
        while kept and (len(kept) >= UPLOADS_EACH or own + len(sealed) > OCTETS_EACH):
            _, oldest = kept.popitem(last=False)
            own -= len(oldest.sealed)
            self._octets -= len(oldest.sealed)
        if self._octets + len(sealed) > OCTETS_TOGETHER:
            raise Transient(Condition.BUSY, "too much is being uploaded, try later")
        kept[name] = _Upload(epoch, sealed, now + KEPT_SECONDS)
        self._octets += len(sealed)

    def get(self, account_id: AccountId, name: ObjectId) -> _Upload | None:
        """Return one, if it is still there."""
        self._tend(self._clock.monotonic())
        return self._kept.get(account_id, OrderedDict()).get(name)

    def _tend(self, now: float) -> None:
        for account_id, kept in list(self._kept.items()):
            while kept and next(iter(kept.values())).until <= now:
                _, old = kept.popitem(last=False)
                self._octets -= len(old.sealed)
            if not kept:
                del self._kept[account_id]


class Uploads:
    """The uploads of one unlocked account."""

    def __init__(self, opened: Opened, shelf: Shelf) -> None:
        self._opened = opened
        self._shelf = shelf

    async def put(self, octets: Plaintext) -> ObjectId:
        """Seal and keep `octets`; return their name.

        Raises:
            Refused: LIMIT, it is more than an account may have.
            Transient: BUSY, all of them together are too much.
        """
        if len(octets) > OCTETS_EACH // 2:
            raise Refused(Condition.LIMIT, "the upload is too large")
        key, name = await self._opened.owner_key(), new_object_id()
        sealed = await self._opened.offload(key.seal_value, Kind.UPLOAD, name, octets.reveal())
        self._shelf.put(self._opened.account_id, name, key.epoch, sealed)
        return name

    async def get(self, name: bytes) -> Plaintext:
        """Return what was uploaded.

        Raises:
            Absent: NO_SUCH_MESSAGE, there is no such upload, or not any more.
        """
        found = self._shelf.get(self._opened.account_id, ObjectId(name))
        if found is None:
            raise Absent(Condition.NO_SUCH_MESSAGE, "there is no such upload")
        await self._opened.open_epochs([found.epoch])
        unlocked = self._opened.unlocked
        return await self._opened.offload(
            unlocked.open_value, Kind.UPLOAD, found.epoch, ObjectId(name), found.sealed
        )
