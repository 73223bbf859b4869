"""How the machine and its stores are, in numbers: what alerts and metrics are made from."""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from mailserver.audit.entry import Event, decode
from mailserver.crypto.certificates import details, leaf_of
from mailserver.model.errors import Corrupt
from mailserver.operations.backup.sets import Kind, listing, made_at
from mailserver.runtime.offload import Offload
from mailserver.runtime.settings import Settings
from mailserver.runtime.settings_values import sqlite_path
from mailserver.store.audit import AuditLog
from mailserver.store.keystore import Keystore
from mailserver.store.keystore_tables import Rows
from mailserver.store.queue import Waiting
from mailserver.store.store import Store

PAGE = 1_000


class Disk(NamedTuple):
    """How much room there is."""

    place: str
    """`mail` or `keystore`."""
    free_octets: int
    total_octets: int


@dataclass(frozen=True, slots=True)
class Vitals:
    """Looks at what is open; changes nothing."""

    settings: Settings
    store: Store
    keystore: Keystore
    offload: Offload

    async def disks(self) -> list[Disk]:
        """Return the disks that mail and keystore lie on. Raises OSError: one is not there."""
        return await self.offload(_disks, self.settings)

    async def certificate_until(self) -> datetime | None:
        """Say when the certificate ends; None where there is none, or none that can be read."""
        return await self.offload(_certificate_until, self.settings.tls.certificate)

    async def backups(self) -> dict[Kind, datetime | None]:
        """Say when the newest set of each kind that has targets was begun; None: there is none.

        Where targets differ, the one that is behind counts: it is the copy that is missing.
        """
        return await self.offload(_backups, self.settings)

    async def queue(self) -> list[Waiting]:
        """Count what waits in the queue."""
        life = timedelta(seconds=self.settings.queue.expire_seconds)
        return await self.store.queue.ages(life)

    async def unfinished_erasures(self) -> int:
        """Count the accounts whose keys are gone and whose rows are not."""
        accounts = {row.account_id for row in await self.store.accounts.listing()}
        living = await self.keystore.living(Rows.ACCOUNTS, accounts)
        return len(accounts - {account_id for account_id, _ in living})


async def drills(log: AuditLog, mark: dict[str, Any]) -> dict[str, Any]:
    """Read what the audit log says of restore drills since `mark`; return the new mark.

    It has `entry`, up to where was read; and of the last drill `at` and `failed`, if there was one.
    """
    mark = dict(mark)
    read = int(mark.get("entry", 0))
    while rows := await log.rows(read, PAGE):
        for row in rows:
            if row.event != Event.BACKUP_RUN.value:
                continue
            try:
                outcome = decode(row.entry).facts.get("drill")
            except Corrupt:  # whoever verifies the log finds it
                continue
            if outcome is not None:
                mark |= {"at": row.at.isoformat(), "failed": outcome != "done"}
        read = rows[-1].number
    return mark | {"entry": read}


def _disks(settings: Settings) -> list[Disk]:
    places = {"mail": settings.data_dir}
    if (keystore := sqlite_path(settings.keystore_url)) is not None:
        places["keystore"] = keystore.parent
    found = []
    for name, place in places.items():
        usage = shutil.disk_usage(place)
        found.append(Disk(name, usage.free, usage.total))
    return found


def _certificate_until(file: Path) -> datetime | None:
    try:
        return details(leaf_of(file.read_bytes())).valid_until
    except (OSError, Corrupt):
        return None


def _backups(settings: Settings) -> dict[Kind, datetime | None]:
    targets = {
        Kind.MAIL: settings.backup.targets,
        Kind.KEYSTORE: settings.backup.keystore_targets,
    }
    found: dict[Kind, datetime | None] = {}
    for kind, places in targets.items():
        if not places:
            continue
        newest = [_newest(place, kind) for place in places]
        ages = [at for at in newest if at is not None]
        found[kind] = min(ages) if len(ages) == len(newest) else None
    return found


def _newest(target: Path, kind: Kind) -> datetime | None:
    return max((at for path in listing(target, kind) if (at := made_at(path))), default=None)
