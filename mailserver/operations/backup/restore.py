"""Filling an empty place from a set, with the offline key; no server opens it before the end.

The database says that it is unfinished from its first table on, so that neither a half restore nor
one whose erasures were not gone through again can be served, by any node.

What was erased after the set was made does not come back. The mail follows the keystore: an
account that the keystore does not know is gone. The keystore follows the mail's audit log, and the
ids that the operator brings. And as nobody knows which sign-ins ended since, all end: sessions,
links and app passwords.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mailserver.accounts.directory import addresses_of
from mailserver.accounts.ending import buried, everything_of
from mailserver.accounts.keyring import Keyring
from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, Event, Facts
from mailserver.audit.head import End, HeadRow
from mailserver.audit.verify import ChainBroken, verify_copy
from mailserver.crypto.hpke import KeyPair
from mailserver.crypto.sign import SigningKey
from mailserver.crypto.stream import StreamOpener
from mailserver.model.errors import Absent, Condition, Corrupt, Misconfigured
from mailserver.model.ids import AccountId, ObjectId
from mailserver.model.sealed import Sealed
from mailserver.operations.backup.create import LONGEST, OBJECT, OBJECTS, ROWS
from mailserver.operations.backup.sets import Kind, Manifest
from mailserver.operations.backup.verify import verify
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.store.blobs.files import FileBlobs
from mailserver.store.database import Database
from mailserver.store.dumping import frames, load
from mailserver.store.engine import open_database
from mailserver.store.keystore import DeleteAll, Keystore, Row, Step
from mailserver.store.keystore_tables import Rows
from mailserver.store.migrate import (
    Which,
    begin_restore,
    current,
    end_restore,
    require_current,
    settle_schema,
)
from mailserver.store.store import Store
from mailserver.vault.administrators import INSTANCE
from mailserver.vault.escrow import WRAPS
from mailserver.vault.escrow_rows import RENEWAL_ROW
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import WrapKind

_PIECE_OCTETS = 1024 * 1024
_OBJECT_OCTETS = 1024 * 1024 * 1024  # no message is nearly as long
_PAGE = 1_000
_SIGN_INS = (Rows.SESSIONS, Rows.SEEN, Rows.LINKS)

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a restore goes to, and the keys that do not come out of a backup."""

    database_url: str
    blob_dir: Path
    keystore_url: str
    master: MasterKeys
    key: SigningKey
    clock: Clock
    allow_classical: bool = False


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did."""

    manifest: Manifest
    erased: int
    """Accounts in the set that were erased after it was made, and are so again."""
    sign_ins: int
    """Sessions, links and app passwords that ended."""
    entries: int = 0
    """Of the audit log, that came back and were walked."""
    broken: str = ""
    """What the audit log shows that was done to it before the set was made; empty: nothing."""


async def restore(
    directory: Path,
    pair: KeyPair,
    place: Place,
    progress: Progress,
    *,
    erased: Iterable[AccountId] = (),
) -> Restored:
    """Restore a set into an empty place.

    Args:
        directory: the set.
        pair: the offline key.
        place: its database must be empty; the mail's needs a keystore that is there already.
        progress: told how many more octets were read, each of them twice: proved, then opened.
        erased: accounts that must not come back, whatever the audit log says.

    Raises:
        Corrupt: the set is not whole, or is sealed to another key.
        Misconfigured: the place is not empty, or the set is of a newer program.
        Transient: a database or a disk cannot be written now.
    """
    offload = Offload(1, name="restore")
    try:
        proved = partial(verify, directory, place.key.public, progress)
        manifest = await offload.within(LONGEST, proved)
        if manifest.kind is Kind.MAIL:
            return await _mail(directory, manifest, pair, place, progress, offload)
        return await _keystore(directory, manifest, pair, place, progress, erased)
    finally:
        offload.close()


async def _mail(
    directory: Path,
    manifest: Manifest,
    pair: KeyPair,
    place: Place,
    progress: Progress,
    offload: Offload,
) -> Restored:
    keystore = await Keystore.open(place.keystore_url, clock=place.clock)
    try:
        blobs = FileBlobs(place.blob_dir)
        if next(blobs.stored(), None) is not None:
            raise Misconfigured("there are stored messages already: empty the data directory first")
        database = await open_database(place.database_url)
        store = Store(database, blobs, place.clock)
        try:
            await _fill(database, directory, manifest, pair, progress)
            octets = opened(directory, manifest, OBJECTS, pair, progress)
            put = await offload.within(LONGEST, partial(_put_all, blobs, octets))
            if put != manifest.objects:
                raise _damaged()
            keyring = Keyring(keystore, place.master, allow_classical=place.allow_classical)
            for each in sorted(await _erased(store)):  # the keystore may be of an older set
                await _erase(keyring, each, place.clock)
            gone = await _forget_unknown(store, keyring)
            entries, broken = await _walked(place, store, keystore, manifest)
            await _audited(place, store, keystore, {"restored": manifest.name, "erased": gone})
            await end_restore(database, Which.MAIN)
        finally:
            await store.close()
    finally:
        await keystore.close()
    return Restored(manifest, gone, 0, entries, broken)


async def _keystore(
    directory: Path,
    manifest: Manifest,
    pair: KeyPair,
    place: Place,
    progress: Progress,
    erased: Iterable[AccountId],
) -> Restored:
    database = await open_database(place.keystore_url)
    keystore = Keystore(database, place.keystore_url, place.clock)
    try:
        await _fill(database, directory, manifest, pair, progress)
        keyring = Keyring(keystore, place.master, allow_classical=place.allow_classical)
        main = await open_database(place.database_url)
        store = Store(main, FileBlobs(place.blob_dir), place.clock)
        try:
            there = await main.read(current) is not None
            if there:
                await require_current(main, Which.MAIN)
            known = {*erased, *(await _erased(store) if there else ())}
            gone = sum([await _erase(keyring, each, place.clock) for each in sorted(known)])
            ended = await _end_sign_ins(keyring)
            await _end_escrow(keyring)
            if there:
                facts: Facts = {"restored": manifest.name, "erased": gone, "sign_ins": ended}
                await _audited(place, store, keystore, facts)
        finally:
            await store.close()
        await end_restore(database, Which.KEYSTORE)
    finally:
        await keystore.close()
    return Restored(manifest, gone, ended)


async def _fill(
    database: Database, directory: Path, manifest: Manifest, pair: KeyPair, progress: Progress
) -> None:
    """Make the tables that the set has, fill them, and bring them to this program's schema."""
    which = manifest.kind.which
    await begin_restore(database, which, manifest.schema)
    octets = opened(directory, manifest, ROWS, pair, progress)
    counts = await load(database, which, frames(octets))
    if sum(counts.values()) != manifest.rows:
        raise _damaged()
    await settle_schema(database, which, manifest.schema)


def opened(
    directory: Path, manifest: Manifest, part: str, pair: KeyPair, progress: Progress
) -> Iterator[bytes]:
    """Open a part of a set, piece by piece. Blocks.

    Raises:
        Corrupt: it is sealed to another key, or was altered.
    """
    opener = StreamOpener(pair, manifest.stream(part))
    with (directory / part).open("rb", buffering=0) as file:
        while piece := file.read(_PIECE_OCTETS):
            progress(len(piece))
            yield opener.feed(piece)
    yield opener.finish()


def _put_all(blobs: FileBlobs, octets: Iterator[bytes]) -> int:
    """Store every object of a part; return how many."""
    waiting = bytearray()
    count = 0
    for piece in octets:
        waiting += piece
        while len(waiting) >= OBJECT.size:
            name, length = OBJECT.unpack_from(waiting)
            if length > _OBJECT_OCTETS:
                raise _damaged()
            end = OBJECT.size + length
            if len(waiting) < end:
                break
            if length:
                blobs.put(ObjectId(name), Sealed(bytes(waiting[OBJECT.size : end])))
                count += 1
            del waiting[:end]
    if waiting:
        raise _damaged()
    return count


async def _forget_unknown(store: Store, keyring: Keyring) -> int:
    """Remove the mail of every account that the keystore does not know; return of how many."""
    gone = 0
    for row in await store.accounts.listing():
        try:
            await keyring.account(row.account_id, fresh=True)
        except Absent:
            await store.accounts.remove(row.account_id)
            gone += 1
    return gone


async def _erased(store: Store) -> set[AccountId]:
    """Read out of the audit log which accounts were erased."""
    found: set[AccountId] = set()
    after = 0
    while rows := await store.audit.rows(after, _PAGE):
        after = rows[-1].number
        erasures = (row for row in rows if row.event == Event.ACCOUNT_ERASED.value)
        found.update(row.account_id for row in erasures if row.account_id is not None)
    return found


async def _erase(keyring: Keyring, account_id: AccountId, clock: Clock) -> int:
    """End an account in the keystore once more; 0 where it is not there."""
    try:
        account = await keyring.account(account_id, fresh=True)
    except Absent:
        return 0
    addresses = buried(keyring, addresses_of(account), account_id, clock.now())
    await keyring.apply([*everything_of(account_id), *addresses])
    return 1


async def _end_sign_ins(keyring: Keyring) -> int:
    """End every session, link and app password; return how many."""
    ended = 0
    for rows in _SIGN_INS:
        while page := await keyring.keystore.page(rows):
            owners = {row.account_id for row in page}
            await keyring.apply([DeleteAll(rows, owner) for owner in sorted(owners)])
            ended += len(page) if rows is not Rows.SEEN else 0
    last: Row | None = None
    while wraps := await keyring.keystore.page(Rows.WRAPS, last):
        last = wraps[-1]
        opened_wraps = [keyring.open_wrap(row) for row in wraps]
        passwords = [w for w in opened_wraps if w.record.kind is WrapKind.APP_PASSWORD]
        steps: list[Step] = [keyring.drop_wrap(wrap) for wrap in passwords]
        if steps:
            await keyring.apply(steps)
        ended += len(steps)
    return ended


async def _end_escrow(keyring: Keyring) -> None:
    """Turn escrow off: nobody knows which custodians left since, or whether it was turned off.

    That accounts are to get new keys stays.
    """
    last: Row | None = None
    while page := await keyring.keystore.page(Rows.ESCROW, last):
        last = page[-1]
        owners = {row.account_id for row in page}
        keep = (RENEWAL_ROW,)
        steps = [DeleteAll(Rows.ESCROW, owner, keep=keep) for owner in sorted(owners)]
        await keyring.apply(steps)
    wraps = await keyring.keystore.anywhere(Rows.WRAPS, WRAPS)
    custodians = DeleteAll(Rows.CUSTODIANS, INSTANCE)
    await keyring.apply([custodians, *(keyring.drop_wrap(keyring.open_wrap(w)) for w in wraps)])


async def _walked(
    place: Place, store: Store, keystore: Keystore, manifest: Manifest
) -> tuple[int, str]:
    """Walk the audit log that came back; return how many entries, and what is wrong with it."""
    head = await HeadRow(keystore, place.master).read()
    if head is None:
        return 0, "the keystore knows no audit log"
    end = End(manifest.audit_entry, bytes.fromhex(manifest.audit_hash))
    try:
        walked = await verify_copy(store.audit, head, end, place.key.public)
    except ChainBroken as broken:
        return 0, broken.text
    return walked.last - walked.first + 1, ""


async def _audited(place: Place, store: Store, keystore: Keystore, facts: Facts) -> None:
    """Let the audit log go on behind what either side knows of it, and say what was done."""
    parts = store.audit, keystore, place.master
    try:
        chain = await Chain.open(*parts, key=place.key, clock=place.clock)
    except Corrupt:  # the two are of different times
        chain = await Chain.resume(*parts, key=place.key, clock=place.clock)
    await chain.record(Event.BACKUP_RUN, actor=OPERATOR, facts=facts)
    await chain.close()


def _damaged() -> Corrupt:
    return Corrupt(Condition.DAMAGED, "this set holds something else than its manifest says")
