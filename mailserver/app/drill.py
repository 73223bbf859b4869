"""A drill: the newest sets restored to a scratch place, and what came back proved.

It does what an operator would do with an empty machine: keystore first, then mail, then the whole
house opened over both; the audit chain walked, every count, blob and key checked. The scratch place
goes at the end, whatever happened, and the audit log of the living server says how it went.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mailserver.app.house import House, open_house
from mailserver.audit.checkpoint import load_key
from mailserver.audit.entry import OPERATOR, Event, Facts
from mailserver.model.errors import Absent, Condition, Corrupt, MailError, Misconfigured
from mailserver.operations.backup.keys import load_private
from mailserver.operations.backup.restore import Place, restore
from mailserver.operations.backup.sets import Kind, listing
from mailserver.operations.check import check
from mailserver.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a drill proved, and how long it took."""

    seconds: float
    rows: int
    objects: int
    accounts: int
    entries: int


async def drill(house: House, key: Path, scratch: Path, progress: Callable[[int], None]) -> Drilled:
    """Restore the newest keystore and mail below `scratch`, prove them, and delete them.

    `key` is the file of the offline key.

    Raises:
        Misconfigured: `scratch` is not an empty directory that can be made.
        Absent: there is no set.
        Corrupt: what came back does not hold; the sentence says what.
    """
    settings = house.settings
    sets = {kind: _newest(settings, kind) for kind in Kind}
    begun = house.clock.monotonic()
    _make(scratch)
    try:
        drilled = await _proved(house, key, _below(settings, scratch), sets, progress, begun)
    except MailError as error:
        failed: Facts = {"drill": "failed", "condition": error.condition.name}
        await house.chain.record(Event.BACKUP_RUN, actor=OPERATOR, facts=failed)
        raise
    finally:
        shutil.rmtree(scratch)
    facts: Facts = {
        "drill": "done",
        "mail": sets[Kind.MAIL].name,
        "keystore": sets[Kind.KEYSTORE].name,
        "milliseconds": round(drilled.seconds * 1_000),
        "accounts": drilled.accounts,
    }
    await house.chain.record(Event.BACKUP_RUN, actor=OPERATOR, facts=facts)
    return drilled


async def _proved(
    house: House,
    key: Path,
    settings: Settings,
    sets: dict[Kind, Path],
    progress: Callable[[int], None],
    begun: float,
) -> Drilled:
    pair = load_private(key)
    place = Place(
        *(settings.database_url, settings.blob_dir, settings.keystore_url, house.master),
        *(load_key(settings.keys.audit_file), house.clock),
        allow_classical=settings.crypto.allow_classical,
    )
    await restore(sets[Kind.KEYSTORE], pair, place, progress)
    mail = await restore(sets[Kind.MAIL], pair, place, progress)
    if mail.broken:
        raise Corrupt(Condition.DAMAGED, mail.broken)
    async with open_house(settings, house.clock) as restored:
        found = await check(restored.store, restored.keyring, lambda _done, _all: None, quiet=True)
        if found:
            text = f"{len(found)} things do not hold in what was restored, first: {found[0]}"
            raise Corrupt(Condition.DAMAGED, text)
        accounts = len(await restored.store.accounts.listing())
    manifest, seconds = mail.manifest, house.clock.monotonic() - begun
    return Drilled(seconds, manifest.rows, manifest.objects, accounts, mail.entries)


def _make(scratch: Path) -> None:
    try:
        for directory in (scratch, scratch / "data", scratch / "keystore"):
            directory.mkdir(mode=0o700)
    except OSError as error:
        raise Misconfigured(f"{scratch} cannot be made anew: {error.strerror}") from error


def _newest(settings: Settings, kind: Kind) -> Path:
    backup = settings.backup
    targets = backup.targets if kind is Kind.MAIL else backup.keystore_targets
    found = [path for target in targets for path in listing(target, kind)]
    if not found:
        raise Absent(Condition.UNAVAILABLE, f"there is no backup of the {kind.value} yet")
    return max(found, key=lambda path: path.name)


def _below(settings: Settings, scratch: Path) -> Settings:
    """Return the settings of a server whose data lie below `scratch`, on SQLite."""
    keystore = scratch / "keystore" / "keystore.sqlite3"
    changed = {
        "data_dir": scratch / "data",
        "database": settings.database.model_copy(update={"url": "", "password_file": None}),
        "keystore": settings.keystore.model_copy(
            update={"url": f"sqlite:///{keystore}", "password_file": None}
        ),
        "audit": settings.audit.model_copy(update={"copy_to": None}),
    }
    # Not a copy: that would take the URLs along, which were written out already.
    kept = {name: getattr(settings, name) for name in type(settings).model_fields}
    return type(settings).model_validate(kept | changed).checked()
