"""Sets made while the house is open, proved, restored elsewhere; what stays away stays away."""

import base64
import errno
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from mailserver.app.drill import drill
from mailserver.app.house import House, open_house
from mailserver.audit.checkpoint import load_key
from mailserver.audit.entry import decode
from mailserver.crypto.hpke import KeyPair
from mailserver.crypto.suite import Suite
from mailserver.mail.incoming import Incoming
from mailserver.model.address import Address
from mailserver.model.errors import (
    Condition,
    Corrupt,
    MailError,
    Misconfigured,
    Refused,
    Transient,
)
from mailserver.model.ids import new_object_id
from mailserver.model.sealed import Plaintext, Sealed
from mailserver.operations.backup import keys
from mailserver.operations.backup.create import Source, create
from mailserver.operations.backup.restore import Place, opened, restore
from mailserver.operations.backup.sets import (
    Kind,
    faults,
    listing,
    read_manifest,
    write_manifest,
)
from mailserver.operations.backup.verify import verify
from mailserver.operations.check import check
from mailserver.runtime.settings import Settings
from mailserver.store.keystore_tables import Rows
from mailserver.store.migrate import Which, head, migrate
from mailserver.vault.escrow import WRAPS
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import Scope
from tests.support.escrow import escrow_in
from tests.support.house import DOMAIN, PASSWORD, add_person, house_in, settings_in
from tests.support.mail import RECEIVED
from tests.support.postgres import PostgresServer

KEEP = timedelta(days=30)
Keys = tuple[KeyPair, Path]


def ignore(_octets: int) -> None:
    """Take no notice of progress."""


@pytest.fixture
def pair(tmp_path: Path) -> Keys:
    private, public = tmp_path / "offline.key", tmp_path / "backup.pub"
    keys.create(private, public, Suite.HYBRID)
    return keys.load_private(private), public


def source(house: House) -> Source:
    key = load_key(house.settings.keys.audit_file)
    return Source(house.store, house.keystore, house.master, key, house.clock)


async def made(house: House, kind: Kind, pair: Keys, *targets: Path) -> Path:
    for target in targets:
        target.mkdir(exist_ok=True)
    public = keys.load_public(pair[1])
    manifest = await create(source(house), kind, targets, public, KEEP, ignore)
    return targets[0] / kind.value / manifest.name


def elsewhere(settings: Settings, directory: Path) -> Settings:
    """Return settings of an empty place that has the same secret files."""
    here = settings_in(
        directory,
        keys__master_file=settings.keys.master_file,
        keys__audit_file=settings.keys.audit_file,
    )
    here.data_dir.mkdir(parents=True)
    (directory / "keystore").mkdir()
    return here


def place(house: House, settings: Settings) -> Place:
    return Place(
        *(settings.database_url, settings.blob_dir, settings.keystore_url, house.master),
        *(load_key(settings.keys.audit_file), house.clock),
    )


async def deliver(house: House, message: bytes, recipient: str) -> None:
    """Let a letter arrive."""
    sender = Address.parse("bob@elsewhere.test")
    incoming = Incoming(Plaintext(message), sender, RECEIVED)
    holder = await house.delivery.recipient(Address.parse(recipient))
    assert await house.delivery.deliver(incoming, [holder]) == [None]


async def sign_in(house: House, name: str) -> None:
    lease = await house.logins.password(f"{name}@{DOMAIN}", PASSWORD, peer="127.0.0.1")
    await lease.close()


@pytest.mark.long
async def test_t_bk_1_what_was_backed_up_is_restored_whole(tmp_path: Path, pair: Keys) -> None:
    async with house_in(tmp_path / "one") as house:
        await add_person(house, "noor")
        body = new_object_id()
        house.store.blob_store.put(body, Sealed(os.urandom(3_000_000)))
        keystore = await made(house, Kind.KEYSTORE, pair, tmp_path / "k1", tmp_path / "k2")
        mail = await made(house, Kind.MAIL, pair, tmp_path / "m1", tmp_path / "m2")
        copy = tmp_path / "m2" / "mail" / mail.name
        assert verify(copy, source(house).key.public, ignore).objects == 1
        other = elsewhere(house.settings, tmp_path / "two")
        await restore(keystore, pair[0], place(house, other), ignore)
        restored = await restore(copy, pair[0], place(house, other), ignore)
        assert (restored.erased, restored.broken) == (0, "")
        assert restored.entries > 2
        body_was = house.store.blob_store.get(body)
    async with open_house(other) as again:
        assert again.store.blob_store.get(body) == body_was
        again.store.blob_store.delete(body)
        assert await check(again.store, again.keyring, lambda *_: None, quiet=True) == []
        await sign_in(again, "noor")


@pytest.mark.long
async def test_t_bk_1_a_drill_is_green_and_red_when_a_set_is_spoilt(
    tmp_path: Path, pair: Keys
) -> None:
    mail, keys_ = tmp_path / "m", tmp_path / "k"
    settings = {"backup__targets": [str(mail)], "backup__keystore_targets": [str(keys_)]}
    async with house_in(tmp_path / "one", **settings) as house:
        await add_person(house, "noor")
        await made(house, Kind.KEYSTORE, pair, keys_)
        newest = await made(house, Kind.MAIL, pair, mail)
        scratch = tmp_path / "scratch"
        done = await drill(house, tmp_path / "offline.key", scratch, ignore)
        assert done.accounts == 1
        assert done.entries > 2
        assert done.seconds > 0
        assert not scratch.exists()
        rows = newest / "rows"
        rows.write_bytes(rows.read_bytes()[:-1] + b"\0")
        with pytest.raises(Corrupt, match="rows is not what was written"):
            await drill(house, tmp_path / "offline.key", scratch, ignore)
        assert not scratch.exists()
        last = await house.store.audit.last()
        assert last is not None
        assert decode(last.entry).facts["drill"] == "failed"


async def test_t_bk_2_a_missing_or_altered_part_is_named(tmp_path: Path, pair: Keys) -> None:
    async with house_in(tmp_path / "one") as house:
        made_set = await made(house, Kind.MAIL, pair, tmp_path / "m")
        public = source(house).key.public
    for name in ("rows", "objects"):
        part = made_set / name
        whole = part.read_bytes()
        for spoilt in (whole[:-1], whole[:50] + bytes([whole[50] ^ 1]) + whole[51:], None):
            part.unlink()
            if spoilt is not None:
                part.write_bytes(spoilt)
            with pytest.raises(Corrupt, match=f"{made_set.name}/{name} "):
                verify(made_set, public, ignore)
        part.write_bytes(whole)
    assert verify(made_set, public, ignore).parts
    manifest = made_set / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"objects": 0', b'"objects": 1'))
    with pytest.raises(Corrupt, match="manifest"):
        verify(made_set, public, ignore)


@pytest.mark.long
async def test_t_bk_3_an_erased_account_stays_erased(tmp_path: Path, pair: Keys) -> None:
    async with house_in(tmp_path / "one") as house:
        await add_person(house, "noor")
        await add_person(house, "bram")
        keystore = await made(house, Kind.KEYSTORE, pair, tmp_path / "k")
        mail = await made(house, Kind.MAIL, pair, tmp_path / "m")
        await house.provisioning.remove_user(Address("bram", DOMAIN))
        # The keystore comes back from before the erasure; the living audit log knows of it.
        other = elsewhere(house.settings, tmp_path / "two")
        there = Place(
            *(house.settings.database_url, house.settings.blob_dir, other.keystore_url),
            *(house.master, source(house).key, house.clock),
        )
        back = await restore(keystore, pair[0], there, ignore)
        assert back.erased == 1
        # The mail comes back from before it as well, and follows the keystore.
        back = await restore(mail, pair[0], place(house, other), ignore)
        assert back.erased == 1
    async with open_house(other) as again:
        (left,) = await again.store.accounts.listing()
        assert left.addresses == ("noor@example.test",)
        assert await check(again.store, again.keyring, lambda *_: None, quiet=True) == []
        with pytest.raises(Refused):
            await sign_in(again, "bram")
        await sign_in(again, "noor")


@pytest.mark.long
async def test_t_lc_3_old_mail_and_todays_keystore_open_nothing_of_an_erased_account(
    tmp_path: Path, pair: Keys
) -> None:
    async with house_in(tmp_path / "one") as house:
        await add_person(house, "noor")
        mail = await made(house, Kind.MAIL, pair, tmp_path / "m")
        await house.provisioning.remove_user(Address("noor", DOMAIN))
        keystore = await made(house, Kind.KEYSTORE, pair, tmp_path / "k")
        other = elsewhere(house.settings, tmp_path / "two")
        await restore(keystore, pair[0], place(house, other), ignore)
        assert (await restore(mail, pair[0], place(house, other), ignore)).erased == 1
    async with open_house(other) as again:
        assert await again.store.accounts.listing() == []
        with pytest.raises(Refused):
            await sign_in(again, "noor")


@pytest.mark.long
async def test_t_bk_4_mail_and_master_key_without_keystore_open_no_account(
    tmp_path: Path, pair: Keys
) -> None:
    canary = b"kingfisher over the weir"
    async with house_in(tmp_path / "one") as house:
        await add_person(house, "noor")
        letter = b"Subject: " + canary + b"\r\n\r\n" + canary * 9_000 + b"\r\n"
        lease = await house.logins.password(f"noor@{DOMAIN}", PASSWORD, peer="127.0.0.1")
        await lease.close()
        await deliver(house, letter, f"noor@{DOMAIN}")
        mail = await made(house, Kind.MAIL, pair, tmp_path / "m")
        # The thief has the master key, and the offline key besides.
        manifest = read_manifest(mail, source(house).key.public)
        held = b"".join(
            b"".join(opened(mail, manifest, part.name, pair[0], ignore)) for part in manifest.parts
        )
        assert len(held) > 10_000
        assert canary not in held
        assert base64.b64encode(canary)[:-4] not in held
        other = elsewhere(house.settings, tmp_path / "two")
        with pytest.raises(Misconfigured, match="keystore is empty"):
            await restore(mail, pair[0], place(house, other), ignore)
        await migrate(other.keystore_url, Which.KEYSTORE)  # one of his own
        assert (await restore(mail, pair[0], place(house, other), ignore)).erased == 1
    async with open_house(other) as again:
        with pytest.raises(Refused):
            await sign_in(again, "noor")


@pytest.mark.long
async def test_t_bk_5_a_lost_keystore_comes_back_but_for_newer_accounts_and_sign_ins(
    tmp_path: Path, pair: Keys
) -> None:
    async with house_in(tmp_path / "one") as house:
        secret = Plaintext((await add_person(house, "noor")).encode())
        await escrow_in(house, f"noor@{DOMAIN}")
        keystore = await made(house, Kind.KEYSTORE, pair, tmp_path / "k")
        await add_person(house, "bram")
        old = house.settings
    lost = tmp_path / "one" / "keystore"
    lost.rename(tmp_path / "lost")
    lost.mkdir()
    master = MasterKeys.load(old.keys.master_file)
    there = Place(
        *(old.database_url, old.blob_dir, old.keystore_url, master),
        *(load_key(old.keys.audit_file), house.clock),
    )
    back = await restore(keystore, pair[0], there, ignore)
    assert (back.erased, back.sign_ins) == (0, 1)
    async with open_house(old) as again:
        await sign_in(again, "noor")
        assert await again.desk.escrow.standing() is None  # maybe it was turned off since
        assert await again.desk.escrow.custodians() == []
        assert await again.keystore.anywhere(Rows.WRAPS, WRAPS) == ()
        assert await again.keystore.page(Rows.ESCROW) == ()
        with pytest.raises(MailError):
            await sign_in(again, "bram")
        with pytest.raises(Refused):  # a revoked device stays revoked, for all are
            await again.logins.app_password(
                f"noor@{DOMAIN}", secret, scope=Scope.IMAP, peer="127.0.0.1"
            )
    master.close()


@pytest.mark.long
async def test_a_wrong_key_opens_nothing_and_nobody_serves_the_half(
    tmp_path: Path, pair: Keys
) -> None:
    keys.create(tmp_path / "other.key", tmp_path / "other.pub", Suite.HYBRID)
    async with house_in(tmp_path / "one") as house:
        keystore = await made(house, Kind.KEYSTORE, pair, tmp_path / "k")
        other = elsewhere(house.settings, tmp_path / "two")
        wrong = keys.load_private(tmp_path / "other.key")
        with pytest.raises(Corrupt):
            await restore(keystore, wrong, place(house, other), ignore)
        with pytest.raises(Misconfigured, match="not restored to the end"):
            async with open_house(other):
                pass
        with pytest.raises(Misconfigured, match="empty place"):
            await restore(keystore, pair[0], place(house, other), ignore)


@pytest.mark.long
async def test_only_an_empty_place_is_filled(tmp_path: Path, pair: Keys) -> None:
    async with house_in(tmp_path / "one") as house:
        mail = await made(house, Kind.MAIL, pair, tmp_path / "m")
        with pytest.raises(Misconfigured, match="empty place"):
            await restore(mail, pair[0], place(house, house.settings), ignore)
        house.store.blob_store.put(new_object_id(), Sealed(b"x"))
        with pytest.raises(Misconfigured, match="stored messages"):
            await restore(mail, pair[0], place(house, house.settings), ignore)


@pytest.mark.long
async def test_a_full_or_missing_target_leaves_no_set(tmp_path: Path, pair: Keys) -> None:
    async with house_in(tmp_path / "one") as house:
        public = keys.load_public(pair[1])
        gone = tmp_path / "not-mounted"
        with pytest.raises(Misconfigured, match="is not there"):
            await create(source(house), Kind.MAIL, [gone], public, KEEP, ignore)
        (here := tmp_path / "m").mkdir()
        with pytest.raises(Misconfigured, match="is not there"):  # the other one stands
            await create(source(house), Kind.MAIL, [here, gone], public, KEEP, ignore)
        assert len(listing(here, Kind.MAIL)) == 1
        listing(here, Kind.MAIL)[0].rename(here / "mail/20200101T000000Z-00000000")
        with pytest.raises(Misconfigured, match="is not there"):
            await create(source(house), Kind.MAIL, [gone, here], public, KEEP, ignore)
        (new,) = listing(here, Kind.MAIL)  # whatever target is away, nothing stays for longer
        assert not new.match("2020*")
    with pytest.raises(Transient) as full, faults(here):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert full.value.condition is Condition.STORAGE_FULL


@pytest.mark.long
async def test_a_set_of_a_newer_program_is_refused(tmp_path: Path, pair: Keys) -> None:
    async with house_in(tmp_path / "one") as house:
        newer = await made(house, Kind.KEYSTORE, pair, tmp_path / "k")
        key = source(house).key
        manifest = read_manifest(newer, key.public)
        assert manifest.schema == head(Which.KEYSTORE)
        for file in ("manifest.json", "manifest.sig"):
            (newer / file).unlink()
        write_manifest(newer, msgspec.structs.replace(manifest, schema="9999"), key)
        other = elsewhere(house.settings, tmp_path / "two")
        with pytest.raises(Misconfigured, match="newer version of this program"):
            await restore(newer, pair[0], place(house, other), ignore)


@pytest.mark.long
async def test_mail_goes_from_postgresql_to_sqlite_and_back(
    tmp_path: Path,
    pair: Keys,
    postgres_main: PostgresServer,
    postgres_keystore: PostgresServer,
) -> None:
    stores = [await postgres_main.create_database() for _ in range(2)]
    keystore = await postgres_keystore.create_database()
    urls = {"database__url": stores[0], "keystore__url": keystore}
    async with house_in(tmp_path / "one", **urls) as house:
        await add_person(house, "noor")
        await deliver(
            house, b"Subject: a\r\n\r\n" + os.urandom(90_000).hex().encode(), f"noor@{DOMAIN}"
        )
        key_set = await made(house, Kind.KEYSTORE, pair, tmp_path / "k")
        mail = await made(house, Kind.MAIL, pair, tmp_path / "m")
        two = elsewhere(house.settings, tmp_path / "two")
        await restore(key_set, pair[0], place(house, two), ignore)
        await restore(mail, pair[0], place(house, two), ignore)
    async with open_house(two) as house:
        assert await check(house.store, house.keyring, lambda *_: None, quiet=True) == []
        await sign_in(house, "noor")
        key_set = await made(house, Kind.KEYSTORE, pair, tmp_path / "k")
        mail = await made(house, Kind.MAIL, pair, tmp_path / "m")
        three = elsewhere(house.settings, tmp_path / "three")
        there = replace(place(house, three), database_url=stores[1])
        await restore(key_set, pair[0], replace(there, database_url=three.database_url), ignore)
        await restore(mail, pair[0], there, ignore)
    back = settings_in(
        tmp_path / "three",
        keys__master_file=two.keys.master_file,
        keys__audit_file=two.keys.audit_file,
        database__url=stores[1],
    )
    async with open_house(back) as house:
        assert await check(house.store, house.keyring, lambda *_: None, quiet=True) == []
        await sign_in(house, "noor")
    for url in stores:
        await postgres_main.drop_database(url)
    await postgres_keystore.drop_database(keystore)
