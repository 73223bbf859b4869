import stat
from pathlib import Path

import pytest

from mailserver.model.errors import Misconfigured
from mailserver.operations.first_run import make_certificate, make_secrets, prepare
from mailserver.runtime.settings import load


def modes(directory: Path) -> dict[str, int]:
    return {
        str(path.relative_to(directory)): stat.S_IMODE(path.stat().st_mode)
        for path in directory.rglob("*")
    }


def test_everything_is_made_for_its_owner_alone_and_apart(tmp_path: Path) -> None:
    settings = prepare(tmp_path / "run", {})
    assert make_certificate(settings)
    found = modes(tmp_path / "run")
    assert found["secrets/master.key"] == found["secrets/audit.key"] == 0o400
    assert found["tls/key.pem"] == 0o600
    assert all(not mode & 0o077 for path, mode in found.items() if "certificate" not in path)
    assert settings.data_dir == tmp_path / "run" / "data"
    assert all(
        door.address is None or door.address.is_loopback
        for door in settings.listeners.named().values()
    )


def test_second_time_changes_nothing(tmp_path: Path) -> None:
    settings = prepare(tmp_path, {})
    make_certificate(settings)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = prepare(tmp_path, {})
    assert again == settings
    assert not make_certificate(again)
    assert make_secrets(again) == []
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_settings_that_stand_there_are_used(tmp_path: Path) -> None:
    prepare(tmp_path, {})
    file = tmp_path / "zegel.toml"
    file.write_text(file.read_text().replace("2993", "3993"))
    imaps = prepare(tmp_path, {}).listeners.imaps.address
    assert imaps is not None
    assert imaps.port == 3993


def test_no_certificate_is_made_unless_asked_for(tmp_path: Path) -> None:
    settings = load(None, {}, {"tls.certificate": str(tmp_path / "c"), "tls.private_key": "k"})
    assert not make_certificate(settings)


def test_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match="file"):
        prepare(tmp_path / "file" / "run", {})
