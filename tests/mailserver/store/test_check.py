"""The check finds each kind of damage; what it cannot find, nobody would."""

import os

import pytest
from sqlalchemy import Connection

from mailserver.model.ids import new_account_id
from mailserver.model.sealed import Sealed
from mailserver.runtime.clock import ManualClock
from mailserver.store.driver import Sql, run
from mailserver.store.store import Store
from mailserver.store.sweeps import ORPHAN_AGE
from tests.support.store import House, build, name_hash, new_mailbox


async def damage(store: Store, *statements: str) -> None:
    def do(connection: Connection) -> None:
        for statement in statements:
            assert run(connection, Sql(statement)) > 0, statement

    await store.database.write(do)


def empty(connection: Connection) -> None:
    for table in EMPTIED:
        run(connection, Sql(f"DELETE FROM {table}"))


EMPTIED = (
    *("changes", "search_tails", "entries", "emails", "blobs", "thread_hashes", "keywords"),
    *("mailboxes", "subscriptions", "epochs", "addresses", "accounts"),
)

DAMAGES = [
    (["UPDATE mailboxes SET unseen = unseen + 1"], ["mailbox 1: it says 3 entries, 4 unseen"]),
    (["UPDATE mailboxes SET uid_next = 3 WHERE mailbox_id = 1"], ["mailbox 1: UIDNEXT"]),
    (["UPDATE mailboxes SET highest_modseq = 1 WHERE mailbox_id = 1"], ["HIGHESTMODSEQ"]),
    (["UPDATE mailboxes SET highest_modseq = 99 WHERE mailbox_id = 1"], ["mailbox 1: a counter"]),
    (["UPDATE accounts SET next_mailbox = 1"], ["mailbox 1: a counter"]),
    (["UPDATE entries SET email_id = 9 WHERE uid = 1"], ["UID 1 has no email", "email 1: it says"]),
    (["UPDATE entries SET mailbox_id = 9 WHERE uid = 1"], ["mailbox 9: UID 1 has no email or no"]),
    (["UPDATE emails SET entry_count = 2 WHERE email_id = 3"], ["email 3: it says 2 entries"]),
    (["UPDATE accounts SET next_email = 3"], ["email 3: a number is ahead"]),
    (["UPDATE emails SET epoch = 0 WHERE email_id = 3"], ["email 3: its content key 0"]),
    (["DELETE FROM blobs WHERE blob_id = 3"], ["email 3: it has no blob"]),
    (["UPDATE blobs SET blob_id = 9 WHERE blob_id = 3"], ["blob 9: no email has it"]),
    (["UPDATE search_tails SET email_id = 9 WHERE email_id = 3"], ["email 9: it is gone but its"]),
    (["UPDATE accounts SET used_octets = 7"], ["it holds 7 octets and holds"]),
    (["UPDATE accounts SET pruned_modseq = 2"], ["change 2, part 0"]),
    (["UPDATE changes SET part = 1 WHERE modseq = 2"], ["change 2: its parts"]),
    (["UPDATE keywords SET keyword = 9"], ["keyword, epoch or segment 9"]),
    (["UPDATE blobs SET sealed_octets = 1 WHERE blob_id = 1"], ["blob 1: it is not what was"]),
    (["UPDATE blobs SET data = NULL WHERE blob_id = 1"], ["blob 1: its ciphertext is missing"]),
    (["DELETE FROM accounts"], ["rows of mailboxes have no account"]),
]


@pytest.mark.parametrize(("statements", "expected"), DAMAGES)
async def test_damage_is_found(store: Store, statements: list[str], expected: list[str]) -> None:
    house = await build(store)
    await house.fill(3)
    await store.keyword_names.add(house.account, new_mailbox("k").name, name_hash("k"))
    assert await store.check() == []
    await damage(store, *statements)
    texts = "\n".join(finding.what for finding in await store.check())
    for each in expected:
        assert each in texts
    await store.database.write(empty)  # what the fixture proves at the end is then nothing


async def test_a_flipped_bit_is_found_in_a_row_and_in_a_file(house: House) -> None:
    large = house.email(os.urandom(100_000))
    await house.store.emails.append_all([house.email(b"small"), large])
    flip = Sql("UPDATE blobs SET sha256_ct = ?")
    await house.store.database.write(lambda connection: run(connection, flip, (bytes(32),)))
    found = await house.store.check(house.account)
    assert [each.what for each in found] == [
        "blob 1: it is not what was stored",
        "blob 2: it is not what was stored",
    ]
    house.store.blob_store.delete(large.object_id)
    found = await house.store.check(house.account)
    assert found[1].what == "blob 2: its ciphertext is missing"
    await house.store.accounts.remove(house.account)


async def test_orphans_are_found_and_deleted_when_they_are_old(
    house: House, store_clock: ManualClock
) -> None:
    house.store.blob_store.put(large := house.email().object_id, Sealed(b"x"))
    await house.store.emails.append(house.email(os.urandom(100_000)))
    assert await house.store.check() == []
    found = await house.store.check(quiet=True)
    assert [each.what for each in found] == [f"object {large.hex()}: no row names it"]
    assert await house.store.sweeps.delete_orphans(store_clock.now() - ORPHAN_AGE) == 0
    store_clock.set_calendar(store_clock.now().replace(year=2100))
    assert await house.store.sweeps.delete_orphans(store_clock.now() - ORPHAN_AGE) == 1
    assert len(list(house.store.blob_store.stored())) == 1


async def test_other_accounts_are_not_checked_when_one_is_named(store: Store) -> None:
    ann, bob = await build(store, "ann"), await build(store, "bob")
    await damage(store, "UPDATE accounts SET used_octets = 1")
    assert {each.account_id for each in await store.check()} == {ann.account, bob.account}
    assert {each.account_id for each in await store.check(ann.account)} == {ann.account}
    assert await store.check(new_account_id()) == []
    await damage(store, "UPDATE accounts SET used_octets = 0")
