"""The instance's own guarded data in the queue, moved when the master key is exchanged.

Each server does it as it starts, and starting them all again is a step of every exchange: reports
that wait, and the names of destinations. Accounts' mail is under their guard keys and stays.
"""

from mailserver.model.errors import Corrupt
from mailserver.model.ids import ObjectId
from mailserver.model.sealed import Guarded
from mailserver.runtime.log import get_logger
from mailserver.store.queue import FIRST, Reguarded
from mailserver.store.queue_rows import INSTANCE, Part
from mailserver.store.store import Store
from mailserver.vault.guard import InstanceGuard, Kind

PAGE = 500

log = get_logger("outgoing")


async def move_to_current_key(store: Store, guard: InstanceGuard) -> list[str]:
    """Seal anew what is under an older key; return the paused domains whose hash is another now.

    That happens when the key that made the hashes was retired: new mail for such a domain goes
    under the new hash, which must be paused as well.
    """
    after = FIRST
    while rows := await store.queue.rows(PAGE, after, account_id=INSTANCE):
        changes: list[Reguarded] = []
        for row in rows:
            changes += _moved(guard, Part.ITEM, row.queue_id, row.item)
            changes += _moved(guard, Part.ENVELOPE, row.object_id, row.envelope)
        if changes:
            await store.queue.reguard(list(dict.fromkeys(changes)))
        after = rows[-1].queue_id
    paused: list[str] = []
    first = b""
    while found := await store.queue.destinations(PAGE, first):
        changes = []
        for each in found:
            changes += _moved(guard, Part.DOMAIN, each.destination, each.domain)
            if each.paused and (domain := _opened(guard, each.destination, each.domain)):
                name = domain.decode()
                paused += [name] if guard.name_hash(name) != each.destination else []
        if changes:
            await store.queue.reguard(changes)
        first = found[-1].destination + b"\0"
    return paused


def _moved(guard: InstanceGuard, part: Part, name: bytes, old: Guarded) -> list[Reguarded]:
    """Return the change that seals one object anew; none where it is current or does not open."""
    opened = _opened(guard, name, old)
    if opened is None or guard.kid_of(old) == guard.current:
        return []
    return [Reguarded(part, name, old, guard.seal(Kind.QUEUE_ITEM, ObjectId(name), opened))]


def _opened(guard: InstanceGuard, name: bytes, guarded: Guarded) -> bytes | None:
    try:
        return guard.open(Kind.QUEUE_ITEM, ObjectId(name), guarded)
    except Corrupt as error:
        log.error("queue entry does not open", condition=error.condition)
        return None
