"""Custodians' keys: files for two machines, a fingerprint to compare, an authentic row."""

import json
from datetime import UTC, datetime

import pytest

from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt, PeerFault, Refused
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.vault.administrators import INSTANCE
from mailserver.vault.canonical import encode, text
from mailserver.vault.custodians import (
    CustodianKey,
    CustodianRecord,
    custodian_row_id,
    key_of,
    load_custodian_key,
    new_custodian_key,
    open_custodian,
    read_public,
    seal_custodian,
)
from mailserver.vault.records import RowName, Table, seal_row
from tests.support.escrow import a_pair
from tests.support.vault import a_master

PHRASE = Plaintext("a lighthouse keeper’s third lamp".encode())
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def files() -> tuple[bytes, bytes]:
    return new_custodian_key(PHRASE)


def test_a_key_opens_by_its_passphrase_and_is_the_public_files(files: tuple[bytes, bytes]) -> None:
    private, public = files
    key = read_public(public)
    assert key_of(load_custodian_key(private, PHRASE)) == key
    assert len(key.fingerprint.split()) == 10
    assert key.id.hex().startswith(key.fingerprint.replace(" ", ""))
    with pytest.raises(Refused) as wrong:
        load_custodian_key(private, Plaintext(b"a lighthouse keeper's third lamp"))
    assert wrong.value.condition is Condition.AUTHENTICATION_FAILED


def test_a_file_that_was_altered_does_not_open(files: tuple[bytes, bytes]) -> None:
    private, public = (json.loads(file) for file in files)
    other = json.loads(new_custodian_key(PHRASE)[1])
    for changed in ({"public": other["public"]}, {"kdf": 9}, {"salt": private["sealed"]}):
        with pytest.raises(Refused):
            load_custodian_key(json.dumps(private | changed).encode(), PHRASE)
    for broken in ({"format": "x"}, {"suite": 7}, {"public": "%"}, {"kdf": "x"}):
        with pytest.raises(PeerFault):
            load_custodian_key(json.dumps(private | broken).encode(), PHRASE)
    for broken in ({"format": private["format"]}, {"suite": 2}, {"public": "AAAA"}):
        with pytest.raises(PeerFault, match="stays away"):
            read_public(json.dumps(public | broken).encode())
    for file in (b"", b"[]", b"\xff"):
        with pytest.raises(PeerFault):
            read_public(file)
        with pytest.raises(PeerFault):
            load_custodian_key(file, PHRASE)


@pytest.mark.parametrize("weak", [b"fourteen chars", b"\xff" * 30, "é".encode() * 14])
def test_a_passphrase_is_text_of_fifteen_characters(weak: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        new_custodian_key(Plaintext(weak))
    assert refusal.value.condition is Condition.WEAK_PASSWORD


def test_a_row_is_its_custodians_alone() -> None:
    master, pair = a_master(), a_pair()
    record = CustodianRecord("Ruth Vos", key_of(pair), NOW)
    row_id = custodian_row_id("RUTH vos")
    sealed = Guarded(seal_custodian(master, record).sealed)
    assert open_custodian(master, row_id, sealed) == record
    with pytest.raises(Corrupt):
        open_custodian(master, custodian_row_id("Jan Prins"), sealed)
    with pytest.raises(Corrupt):
        open_custodian(a_master(), row_id, sealed)
    for name, public in (("Jan Prins", pair.public_octets), ("Ruth Vos", b"short")):
        members: dict[str, object] = {
            "made": NOW.isoformat(),
            "name": name,
            "public": text(public),
            "suite": int(Suite.HYBRID),
        }
        place = RowName(Table.CUSTODIAN, INSTANCE, row_id)
        forged = Guarded(seal_row(master, place, encode(members)).sealed)
        with pytest.raises(Corrupt):
            open_custodian(master, row_id, forged)


def test_a_key_of_another_suite_has_another_name() -> None:
    key = CustodianKey(Suite.HYBRID, bytes(1216))
    assert key.id != CustodianKey(Suite.CLASSICAL, bytes(1216)).id
