"""What a thief of disks has, and all the ways there are to open it."""

import base64
import imaplib
import re
import secrets
import smtplib
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from mailserver.crypto.aead import Aead
from mailserver.crypto.context import FieldId, Kind, Origin
from mailserver.crypto.kdf import hkdf
from mailserver.crypto.secret import SecretKey
from mailserver.mail.office import Office
from mailserver.model.errors import Corrupt, Refused
from mailserver.model.ids import AccountId, EmailId, EpochId, ObjectId
from mailserver.model.sealed import Plaintext, Sealed
from mailserver.runtime.background import background
from mailserver.runtime.clock import ManualClock, SystemClock
from mailserver.store.epochs import EpochRow
from mailserver.store.keystore import Keystore, Row
from mailserver.store.keystore_tables import Rows
from mailserver.store.mailboxes import MailboxRow
from mailserver.store.store import Store
from mailserver.vault.account_key import AccountKey
from mailserver.vault.credentials import open_app_password_wrap
from mailserver.vault.epochs import DepositMarks, content_key_context
from mailserver.vault.guard import AccountGuard
from mailserver.vault.master import MasterKeys
from mailserver.vault.opening import OpenEpoch
from mailserver.vault.records import RowName, Scope, Table, open_account, open_row, open_wrap
from mailserver.vault.session import UnlockedAccount
from tests.support.accounts import open_node
from tests.support.mail import messages
from tests.support.server import Server

KEY_OCTETS = 32
EVERYTHING = [(1, 0xFFFF_FFFF)]
LABELS = (
    *(b"row", b"inst", b"dep", b"log", b"tomb", b"commit", b"link", b"body", b"seal", b"names"),
    *(b"threads", b"audit", b"storage\x01", b"index\x01", b"zegel session", b"zegel app password"),
)


@dataclass(frozen=True)
class SealedObject:
    """One field of one email, or a segment."""

    kind: Kind
    field: FieldId
    epoch: EpochId
    object_id: ObjectId
    sealed: Sealed


@dataclass(frozen=True)
class Taken:
    """One account, as it lies in the files."""

    account: AccountId
    row: Row
    wraps: tuple[Row, ...]
    sessions: tuple[Row, ...]
    epochs: list[EpochRow]
    objects: list[SealedObject]
    mailboxes: list[MailboxRow]


@dataclass(frozen=True)
class Loot:
    """The files: two database URLs, the blobs, and the master key's file apart from them."""

    database: str
    keystore: str
    blobs: Path
    master: Path
    login: str
    secret: str


def use(server: Server) -> None:
    """Deliver while the owner is away and append while he is here; make names and segments."""
    login, secret = server.user()
    with smtplib.SMTP(*server.address("mx")) as mx:
        for number in range(3):
            body = "\n".join(secrets.token_hex(30) for _ in range(3_000 * number))
            mx.sendmail("bob@elsewhere.test", [login], f"Subject: deposit {number}\n\n{body}\n")
    with imaplib.IMAP4(*server.address("imap")) as client:
        client.login(login, secret)
        assert client.create("Confidential")[0] == "OK"
        for number in range(3):
            octets = f"Subject: own {number}\r\n\r\nwords of mine\r\n".encode()
            assert client.append("Confidential", "(important)", "", octets)[0] == "OK"
        assert client.select("INBOX")[0] == "OK"
        assert client.search(None, "TEXT", "deposit")[1] == [b"1 2 3"]
    origin, password = str(server.found["https"]), str(server.found["account_password"])
    fields = {"origin": origin, "sec-fetch-site": "same-origin"}
    tls = ssl.create_default_context(cafile=str(server.found["ca_file"]))
    with httpx.Client(base_url=origin, verify=tls, trust_env=False, headers=fields) as browser:
        who = {"address": login, "password": password}
        begun = browser.post("/api/account/sign-in", json=who)
        assert begun.status_code == 200, begun.text
        assert browser.get("/api/account/session").status_code == 200, "and nobody signs out"


@asynccontextmanager
async def opened(loot: Loot) -> AsyncIterator[tuple[Store, Keystore]]:
    store = await Store.open(loot.database, loot.blobs)
    keystore = await Keystore.open(loot.keystore, clock=SystemClock())
    try:
        yield store, keystore
    finally:
        await store.close()
        await keystore.close()


async def take(loot: Loot) -> list[Taken]:
    """Read every row of every account by the store's own code."""
    async with opened(loot) as (store, keystore):
        return [await _take_one(store, keystore, row) for row in await keystore.page(Rows.ACCOUNTS)]


async def _take_one(store: Store, keystore: Keystore, row: Row) -> Taken:
    account = row.account_id
    mailboxes = await store.mailboxes.listing(account)
    objects: list[SealedObject] = []
    for mailbox in mailboxes:
        for entry in await store.entries.rows(account, mailbox.id, EVERYTHING, summary=True):
            assert entry.summary is not None
            named = (entry.epoch, entry.object_id)
            objects.append(SealedObject(Kind.EMAIL, FieldId.SUMMARY, *named, entry.summary))
            for blob in await store.emails.blob(account, [EmailId(entry.email_id)]):
                objects.append(
                    SealedObject(Kind.EMAIL, FieldId.BODY, *named, Sealed(blob.body or b""))
                )
    for tail in await store.tails.tails(account):
        named = (tail.epoch, tail.object_id)
        objects.append(SealedObject(Kind.EMAIL, FieldId.TAIL, *named, tail.tail))
    return Taken(
        account,
        row,
        await keystore.of(Rows.WRAPS, account),
        await keystore.of(Rows.SESSIONS, account),
        await store.epochs.rows(account),
        objects,
        mailboxes,
    )


def open_objects(taken: Taken, key: bytes) -> int:
    """Try one key as the content key of everything; return how much opened."""
    count = 0
    for row in taken.epochs:
        epoch = OpenEpoch(SecretKey(key), taken.account, row.epoch, Origin(row.origin), row.suite)
        for each in taken.objects:
            if each.epoch == row.epoch:
                with suppress(Corrupt):
                    _open_one(epoch, each)
                    count += 1
    return count


def _open_one(epoch: OpenEpoch, each: SealedObject) -> bytes:
    if each.field is FieldId.BODY:
        return epoch.open_body(each.object_id, each.sealed)
    return epoch.open(each.kind, each.field, each.object_id, each.sealed)


def unwrap_epochs(taken: Taken, key: bytes) -> int:
    """Try one key as the storage key itself, on what sessions wrapped under it."""
    count = 0
    for row in taken.epochs:
        origin = Origin(row.origin)
        bound = content_key_context(taken.account, row.epoch, origin, row.generation, row.suite)
        with suppress(Corrupt):
            Aead(key).open(row.sealed, bound)
            count += 1
    return count


def open_epochs(taken: Taken, master: MasterKeys, key: bytes) -> int:
    """Try one key as the account's master key, through the vault; return how many epochs open."""
    record = open_account(master, taken.account, taken.row.sealed)
    own = AccountKey(SecretKey(key), 1, record.generations[0].suite)
    unlocked = UnlockedAccount(taken.account, record, own, DepositMarks(master))
    return len(taken.epochs) - len(unlocked.open_epochs(taken.epochs))


def open_names(taken: Taken, guard_key: bytes) -> int:
    """Try one key as the account's guard key."""
    guard, count = AccountGuard(guard_key, taken.account), 0
    for mailbox in taken.mailboxes:
        with suppress(Corrupt):
            guard.open_name(Kind.MAILBOX_NAME, mailbox.name_hash, mailbox.name)
            count += 1
    return count


def as_they_lie(everything: list[Taken]) -> list[bytes]:
    """Return every value of keystore and main database in which a key could lie open."""
    found: list[bytes] = []
    for taken in everything:
        for row in (taken.row, *taken.wraps, *taken.sessions):
            found += [row.sealed, row.row_id, row.selector, row.account_id]
        for epoch in taken.epochs:
            found += [epoch.sealed, epoch.dep_mac]
        for mailbox in taken.mailboxes:
            found += [mailbox.name, mailbox.name_hash]
        found += [each.object_id for each in taken.objects]
    return found


def ends(values: Iterable[bytes]) -> set[bytes]:
    """Return the likeliest keys: how each value begins and ends."""
    found = set()
    for value in values:
        found.add(value[:KEY_OCTETS].ljust(KEY_OCTETS, b"\0"))
        found.add(value[-KEY_OCTETS:].rjust(KEY_OCTETS, b"\0"))
    return found


def derived(keys: Iterable[bytes]) -> set[bytes]:
    """Return what each label makes of each key."""
    return {bytes(hkdf(key, label)) for key in keys for label in LABELS}


def windows(values: Iterable[bytes]) -> set[bytes]:
    """Return every run of octets, of values that are not long, that might be a key."""
    return {
        value[at : at + KEY_OCTETS]
        for value in values
        if len(value) < 3_000
        for at in range(len(value) - KEY_OCTETS + 1)
    }


def thief() -> MasterKeys:
    """Return a master key that is somebody else's."""
    return MasterKeys({1: SecretKey.random()}, 1)


def opened_rows(everything: list[Taken], master: MasterKeys) -> Iterator[bytes]:
    """Yield what the keystore's rows say once MASTER has opened them."""
    for taken in everything:
        name = RowName(Table.ACCOUNT, taken.account, taken.row.row_id, taken.row.selector)
        yield open_row(master, name, taken.row.sealed)
        record = open_account(master, taken.account, taken.row.sealed)
        yield record.guard_key
        for generation in record.generations:
            yield from (generation.public, generation.link)
        for row in taken.wraps:
            named = RowName(Table.WRAP, taken.account, row.row_id, row.selector)
            if row.kid:  # the recovery row survives the loss of MASTER: nothing is around it
                yield open_row(master, named, row.sealed)
            wrap = open_wrap(master, named, row.sealed)
            yield from (wrap.salt, wrap.commit, wrap.sealed_key)
        for row in taken.sessions:
            named = RowName(Table.SESSION, taken.account, row.row_id, row.selector)
            yield open_row(master, named, row.sealed)


def of_master(loot: Loot, master: MasterKeys) -> Iterator[bytes]:
    """Yield the master key's file, what it says in base64, and what is derived from it."""
    octets = loot.master.read_bytes()
    yield octets
    for word in re.findall(rb"[A-Za-z0-9+/_-]{40,}={0,2}", octets):
        yield base64.b64decode(word + b"==", altchars=b"-_" if b"_" in word else None)
    yield from (bytes(master.deposit_key(1)), bytes(master.log_key), bytes(master.tomb_key))


def account_key_of(taken: Taken, master: MasterKeys, secret: str) -> bytes:
    """Open the account's master key with the app password, as the vault does."""
    for row in taken.wraps:
        named = RowName(Table.WRAP, taken.account, row.row_id, row.selector)
        record = open_wrap(master, named, row.sealed)
        with suppress(Refused):
            key = open_app_password_wrap(
                taken.account, row.row_id, record, Plaintext(secret.encode())
            )
            assert key is not None
            return bytes(key.amk.octets)
    raise AssertionError("no credential is opened by the app password")


async def signed_in(loot: Loot, directory: Path, master: MasterKeys, secret: str) -> int:
    """Sign in with the whole program and read INBOX; return how many letters were read."""
    clock = ManualClock(datetime.now(UTC))
    node = await open_node(loot.database, loot.keystore, directory, clock, master=master)
    try:
        lease = await node.logins.app_password(
            loot.login, Plaintext(secret.encode()), scope=Scope.IMAP, peer="127.0.0.1"
        )
        async with background() as tasks:
            account = Office(node.store, node.offload, tasks).open(lease)
            letters = await messages(account, summary=True)
            await account.close()
        return len([letter for letter in letters if letter.summary is not None])
    finally:
        await node.close()
