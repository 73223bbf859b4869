"""`zegel backup`: a key, sets of both, a list, a proof, a drill, and all of it back."""

import shutil
from pathlib import Path

import pytest

from tests.support.command import Zegel, prepared


@pytest.mark.long
def test_a_server_is_backed_up_proved_and_restored(tmp_path: Path) -> None:
    for name in ("m1", "m2", "k1", "scratch"):
        (tmp_path / name).mkdir()
    settings = {
        "ZEGEL_BACKUP_PUBLIC_KEY_FILE": str(tmp_path / "backup.pub"),
        "ZEGEL_BACKUP_TARGETS": f"{tmp_path / 'm1'}:{tmp_path / 'm2'}",
        "ZEGEL_BACKUP_KEYSTORE_TARGETS": str(tmp_path / "k1"),
    }
    zegel = prepared(tmp_path / "run", **settings)
    key = str(tmp_path / "offline.key")
    assert "public backup key cannot be read" in zegel("backup", "create").err
    assert "copy" in zegel.done("backup", "key", key)
    assert "is a backup key already" in zegel.refused("backup", "key", key)
    said = zegel("backup", "create")
    assert said.status == 0
    assert "keystore: 1 target; two in separate places are safer" in said.err
    assert "keystore/" in said.out
    assert "mail/" in said.out
    sets = [Path(line.split()[0]) for line in zegel.done("backup", "list").splitlines()[1:]]
    assert [path.parts[-3] for path in sets] == ["m1", "m2", "k1"]
    for one in sets:
        assert "all as they were written" in zegel.done("backup", "verify", str(one))
    scratch = str(tmp_path / "scratch" / "here")
    drilled = zegel.done("backup", "drill", "--key", key, "--scratch", scratch)
    assert drilled.startswith("Restored and proved in ")
    _restore(zegel, tmp_path, key, sets)
    rows = sets[0] / "rows"
    rows.write_bytes(rows.read_bytes()[:-1])
    assert f"{sets[0].name}/rows has" in zegel.refused("backup", "verify", str(sets[0]))


def _restore(zegel: Zegel, tmp_path: Path, key: str, sets: list[Path]) -> None:
    """Lose everything but the secrets, and bring it back."""
    mail, keystore = str(sets[1]), str(sets[2])
    assert "empty place" in zegel.refused("backup", "restore", mail, "--key", key)
    for lost in ("data", "keystore"):
        shutil.rmtree(tmp_path / "run" / lost)
    assert "keystore is empty" in zegel.refused("backup", "restore", mail, "--key", key)
    ids = tmp_path / "erased"
    ids.write_text("no id")
    wrong = zegel.refused("backup", "restore", keystore, "--key", key, "--erased", str(ids))
    assert "is no list of account ids" in wrong
    ids.write_text("00" * 16)
    back = zegel.done("backup", "restore", keystore, "--key", key, "--erased", str(ids))
    assert "app passwords ended" in back
    assert "are back" in zegel.done("backup", "restore", mail, "--key", key)
    assert "Everything agrees." in zegel.done("check")
