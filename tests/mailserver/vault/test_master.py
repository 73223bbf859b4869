"""The master key file: made once, whole, for its owner only, and never inside a data directory."""

import base64
import json
import os
import pickle
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mailserver.crypto.context import Kind
from mailserver.crypto.secret import SecretKey
from mailserver.model.errors import Condition, Conflict, Corrupt, Misconfigured
from mailserver.model.ids import new_object_id
from mailserver.vault.master import MasterKeys


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "master.key"


def test_a_new_file_is_for_its_owner_only_and_comes_back(path: Path) -> None:
    made = MasterKeys.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert os.listdir(path.parent) == ["master.key"]
    loaded = MasterKeys.load(path)
    assert (made.kids, made.current) == (loaded.kids, loaded.current) == ((1,), 1)
    assert made.deposit_key(1) == loaded.deposit_key(1)
    assert loaded.row_key(1).open(made.row_key(1).seal(b"row", b""), b"") == b"row"


def test_a_file_is_never_overwritten(path: Path) -> None:
    MasterKeys.create(path)
    before = path.read_bytes()
    with pytest.raises(Conflict) as caught:
        MasterKeys.create(path)
    assert caught.value.condition is Condition.ALREADY_EXISTS
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["master.key"]


def test_a_file_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(
        Misconfigured, match=r"cannot be written: /.*/missing/master.key: No such file or directory"
    ):
        MasterKeys.create(tmp_path / "missing" / "master.key")


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o644, 0o420, 0o401, 0o600 | 0o010])
def test_a_file_that_others_reach_is_refused(path: Path, mode: int) -> None:
    MasterKeys.create(path)
    path.chmod(mode)
    with pytest.raises(Misconfigured, match="mode 0400"):
        MasterKeys.load(path)


def test_a_file_that_its_owner_may_write_is_taken(path: Path) -> None:
    MasterKeys.create(path)
    path.chmod(0o600)
    assert MasterKeys.load(path).kids == (1,)


@pytest.mark.parametrize("place", ["data/master.key", "data/deep/down/master.key", "data"])
def test_a_path_inside_a_data_directory_is_refused(tmp_path: Path, place: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for attempt in (MasterKeys.create, MasterKeys.load):
        with pytest.raises(Misconfigured, match="outside every data directory"):
            attempt(tmp_path / place, keep_out_of=[tmp_path / "blobs", data])


def test_a_link_into_a_data_directory_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "elsewhere").symlink_to(data)
    with pytest.raises(Misconfigured, match="outside every data directory"):
        MasterKeys.create(tmp_path / "elsewhere" / "master.key", keep_out_of=[data])


def test_a_path_beside_the_data_directories_is_taken(tmp_path: Path) -> None:
    MasterKeys.create(tmp_path / "data.key", keep_out_of=[tmp_path / "data"])
    assert MasterKeys.load(tmp_path / "data.key", keep_out_of=[tmp_path / "data"]).kids == (1,)


def test_a_missing_file_is_a_clear_error(path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"cannot be read: /.*\.key: No such file"):
        MasterKeys.load(path)


def document(**changes: object) -> bytes:
    members: dict[str, object] = {
        "format": "zegel master keys 1",
        "current": 1,
        "keys": {"1": base64.b64encode(bytes(32)).decode()},
    }
    return json.dumps({**members, **changes}).encode()


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b"\xff\xfe",
        document(format="zegel master keys 2"),
        document(keys=[]),
        document(keys={}),
        document(keys={"one": "AAAA"}),
        document(keys={"1": "not base64!"}),
        document(keys={"1": "AAAA"}),
        document(keys={"0": base64.b64encode(bytes(32)).decode()}, current=0),
        document(keys={str(1 << 32): base64.b64encode(bytes(32)).decode()}, current=1 << 32),
        document(current=2),
        document(current=None),
        document(tombs=[]),
        document(tombs={"1": "AAAA"}),
        document(tombs={"one": base64.b64encode(bytes(32)).decode()}),
    ],
)
def test_what_is_no_master_key_file_is_refused(octets: bytes) -> None:
    with pytest.raises(Misconfigured):
        MasterKeys.parse(octets)


def test_a_service_credential_is_read_from_octets() -> None:
    assert MasterKeys.parse(document()).kids == (1,)


def test_each_purpose_has_a_key_of_its_own() -> None:
    master = MasterKeys({1: SecretKey.random()}, 1)
    keys = [bytes(key) for key in (master.deposit_key(1), master.log_key, master.tomb_key)]
    assert len(set(keys)) == 3
    sealed = master.instance_guard.seal(Kind.DKIM_KEY, new_object_id(), b"text")
    with pytest.raises(Corrupt):
        master.row_key(1).open(sealed[5:], b"")


def test_the_labels_are_those_of_the_specification() -> None:
    master = MasterKeys.parse(document())
    for key, label in (
        (master.deposit_key(1), b"dep"),
        (master.log_key, b"log"),
        (master.tomb_key, b"tomb"),
    ):
        assert bytes(key) == HKDF(SHA256(), 32, None, label).derive(bytes(32))


def test_an_unknown_number_is_not_authentic() -> None:
    master = MasterKeys({1: SecretKey.random()}, 1)
    for look_up in (master.row_key, master.deposit_key):
        with pytest.raises(Corrupt) as caught:
            look_up(2)
        assert caught.value.condition is Condition.KEY_MISMATCH


def test_a_rotation_adds_a_key_and_retiring_drops_the_old(path: Path) -> None:
    first = MasterKeys.create(path)
    sealed = first.row_key(1).seal(b"row", b"")
    second = first.rotate(path)
    assert (second.kids, second.current) == ((1, 2), 2)
    assert second.row_key(1).open(sealed, b"") == b"row"
    assert second.log_key != first.log_key
    assert set(map(bytes, first.tomb_keys)) < set(map(bytes, second.tomb_keys))
    assert MasterKeys.load(path).kids == (1, 2)
    third = second.retire(path, 1)
    assert MasterKeys.load(path).kids == third.kids == (2,)
    assert base64.b64encode(first._keys[1].octets) not in path.read_bytes()
    remembered = set(map(bytes, second.tomb_keys))
    assert set(map(bytes, third.tomb_keys)) == remembered
    fourth = third.rotate(path).retire(path, 2)
    assert remembered < set(map(bytes, fourth.tomb_keys))
    assert set(map(bytes, MasterKeys.load(path).tomb_keys)) == set(map(bytes, fourth.tomb_keys))
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert os.listdir(path.parent) == ["master.key"]
    with pytest.raises(Corrupt):
        third.row_key(1)
    with pytest.raises(Conflict):
        third.retire(path, 2)


def test_closing_overwrites_the_keys() -> None:
    octets = bytearray(os.urandom(32))
    master = MasterKeys({1: SecretKey(octets)}, 1)
    deposit = master.deposit_key(1)
    master.close()
    assert octets == bytes(32)
    assert deposit == bytes(32)
    with pytest.raises(Corrupt):
        master.row_key(1)


def test_master_keys_do_not_print_or_pickle() -> None:
    master = MasterKeys({1: SecretKey.random(), 3: SecretKey.random()}, 3)
    assert repr(master) == "<master keys 1, 3; current 3>"
    with pytest.raises(TypeError):
        pickle.dumps(master)
