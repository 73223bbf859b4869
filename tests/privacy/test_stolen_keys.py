"""T-KEY-2: whoever has all rows opens nothing without the master key, and no mail with it."""

import base64
import hashlib
import os
from contextlib import suppress

import pytest

from mailserver.crypto.aead import Aead
from mailserver.crypto.context import FORMAT, FieldId, Kind, Origin, context
from mailserver.crypto.kdf import hkdf
from mailserver.crypto.secret import SecretKey
from mailserver.model.errors import Corrupt
from mailserver.model.ids import ObjectId, new_object_id
from mailserver.model.sealed import Guarded
from mailserver.vault import records
from mailserver.vault.account_key import AccountKey
from mailserver.vault.guard import AccountGuard
from mailserver.vault.opening import OpenEpoch
from mailserver.vault.records import WrapKind
from tests.support.key_rows import (
    TOKEN,
    Loot,
    loot,
)
from tests.support.vault import a_master


async def test_t_key_2_without_the_master_key_nothing_opens() -> None:
    """(a) Database, blobs and keystore, and another server's master key."""
    taken = await loot()
    thief = a_master()
    with pytest.raises(Corrupt):
        records.open_account(thief, taken.person.account, taken.account_row)
    readable = 0
    for name, sealed, record in taken.wraps:
        try:
            readable += records.open_wrap(thief, name, sealed) == record
        except Corrupt:
            continue
    assert readable == 1  # the recovery row, of which 160 random bits are missing
    with pytest.raises(Corrupt):
        thief.instance_guard.open(Kind.DKIM_KEY, new_object_id(), Guarded(taken.guarded[1]))
    thiefs_guard = AccountGuard(os.urandom(32), taken.person.account)
    name_hash = taken.person.unlock().guard.name_hash("canary mailbox")
    with pytest.raises(Corrupt):
        thiefs_guard.open_name(Kind.MAILBOX_NAME, name_hash, Guarded(taken.guarded[0]))
    everything = b"".join(
        [
            taken.account_row,
            *(sealed for _, sealed, _ in taken.wraps),
            *taken.sealed,
            *taken.guarded,
        ]
    )
    for secret in (b"canary", b"ada@example.org", taken.person.amk, taken.person.record.guard_key):
        assert secret not in everything
        assert base64.b64encode(secret)[:-4] not in everything


def keys_within_reach(taken: Loot) -> set[bytes]:
    """Every key that master key and keystore give, and what is stored that might serve as one."""
    master = taken.person.master
    account = records.open_account(master, taken.person.account, taken.account_row)
    material = {
        bytes(master.deposit_key(1)),
        bytes(master.log_key),
        bytes(master.tomb_key),
        account.guard_key,
        account.generations[0].public[:32],
        account.generations[0].public[-32:],
    }
    for name, sealed, _ in taken.wraps:
        record = records.open_wrap(master, name, sealed)
        material |= {record.salt.ljust(32, b"\0"), record.commit.ljust(32, b"\0")}
        material.add(record.sealed_key[-32:])
    labels = (b"seal", b"names", b"threads", b"audit", b"commit", b"link", b"inst", b"row", b"wrap")
    return material | {bytes(hkdf(octets, label)) for octets in material for label in labels}


def break_in(taken: Loot, keys: set[bytes]) -> tuple[int, int, int]:
    """Try each key as account key, content key and root; count epochs, objects and wraps opened."""
    person, epochs, objects, wraps = taken.person, 0, 0, 0
    for key in keys:
        as_account_key = person.unlock(AccountKey(SecretKey(key), 1, person.suite))
        epochs += len(person.epochs.rows) - len(as_account_key.open_epochs(person.epochs.rows))
        for row in person.epochs.rows:
            opened = OpenEpoch(
                SecretKey(key), person.account, row.epoch, Origin(row.origin), row.suite
            )
            for email in (email for email in taken.emails if email.epoch == row.epoch):
                with suppress(Corrupt):
                    opened.open_body(email.object_id, email.body)
                    objects += 1
                with suppress(Corrupt):
                    opened.open(Kind.EMAIL, FieldId.SUMMARY, email.object_id, email.summary)
                    objects += 1
        for name, _, record in taken.wraps:
            row_object = ObjectId(hashlib.sha256(b"zegel wrap" + name.row_id).digest()[:16])
            bound = context(
                Kind.WRAP,
                Origin.CREDENTIAL,
                person.account,
                row_object,
                FieldId.MASTER_KEY,
                FORMAT,
                record.generation,
                record.suite,
            )
            for cipher in (Aead(key), Aead(hkdf(key, b"wrap" + bytes([record.kind])))):
                with suppress(Corrupt):
                    cipher.open(record.sealed_key, bound)
                    wraps += 1
    return epochs, objects, wraps


async def test_t_key_2_with_the_master_key_no_sealed_object_opens() -> None:
    """(b) The server's own keys decide who may receive; none of them reads."""
    taken = await loot()
    keys = keys_within_reach(taken)
    assert len(keys) > 150
    assert break_in(taken, keys) == (0, 0, 0)
    # The same attempts do find what there is to find, given one of a user's secrets.
    session = next(record for _, _, record in taken.wraps if record.kind is WrapKind.SESSION)
    root = bytes(hkdf(TOKEN.secret, b"zegel session", salt=session.salt))
    assert break_in(taken, {taken.person.amk}) == (2, 0, 0)
    assert break_in(taken, {root}) == (0, 0, 1)
    assert break_in(taken, {taken.content_key}) == (0, 2, 0)
