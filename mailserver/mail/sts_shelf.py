"""Where MTA-STS policies outlive the process: guarded rows, under a keyed hash of the domain.

It is `mailauth.mta_sts.Shelf`: that package may not see the store, nor the store a key.
"""

import struct
from datetime import UTC, datetime, timedelta

from mailserver.mailauth.mta_sts import Kept
from mailserver.model.errors import Corrupt
from mailserver.model.ids import ObjectId
from mailserver.runtime.log import get_logger
from mailserver.store.sts_policies import StsPolicies
from mailserver.vault.guard import InstanceGuard, Kind

_HEAD = struct.Struct(">qB")  # fetched at, microseconds since 1970; octets of the id
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

log = get_logger("mail")


class StsShelf:
    """Keeps policies in the store."""

    def __init__(self, rows: StsPolicies, guard: InstanceGuard) -> None:
        """Keep them in `rows`, under `guard`."""
        self._rows = rows
        self._guard = guard

    async def get(self, domain: str) -> Kept | None:
        """Return what is kept of a domain; what was altered counts as nothing, and is logged."""
        name = self._name(domain)
        guarded = await self._rows.get(name)
        if guarded is None:
            return None
        try:
            octets = self._guard.open(Kind.CONFIGURATION, name, guarded)
        except Corrupt as error:
            log.error("mta-sts policy damaged", condition=error.condition)
            return None
        at, size = _HEAD.unpack_from(octets)
        id_, text = octets[_HEAD.size : _HEAD.size + size], octets[_HEAD.size + size :]
        return Kept(id_.decode("ascii"), text, _EPOCH + at * _MICROSECOND)

    async def put(self, domain: str, kept: Kept, *, until: datetime) -> None:
        """Keep a policy until then, in place of what is kept."""
        name = self._name(domain)
        at = (kept.fetched_at - _EPOCH) // _MICROSECOND
        octets = _HEAD.pack(at, len(kept.id)) + kept.id.encode("ascii") + kept.text
        guarded = self._guard.seal(Kind.CONFIGURATION, name, octets)
        await self._rows.put(name, guarded, until=until)

    def _name(self, domain: str) -> ObjectId:
        return ObjectId(self._guard.name_hash(f"mta-sts {domain}"))
