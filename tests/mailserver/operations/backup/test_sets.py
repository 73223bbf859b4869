"""A set is there whole or not at all, ends by its age, and keys are not taken for each other."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailserver.crypto.suite import Suite
from mailserver.model.errors import Conflict, Misconfigured, Transient
from mailserver.operations.backup import keys
from mailserver.operations.backup.sets import Kind, listing, prune, unfinished


def test_what_was_broken_off_is_no_set_and_goes(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), unfinished(tmp_path, Kind.MAIL, "20261123T000000Z-00"):
        raise KeyboardInterrupt
    left = tmp_path / "mail" / ".unfinished-20261122T000000Z-00"
    left.mkdir()
    (left / "rows").write_bytes(b"half")
    assert listing(tmp_path, Kind.MAIL) == []
    name = "20261123T000000Z-01"
    with unfinished(tmp_path, Kind.MAIL, name) as draft:
        assert not left.exists()
        assert listing(tmp_path, Kind.MAIL) == []
        with (
            pytest.raises(Transient, match="another backup"),
            unfinished(tmp_path, Kind.MAIL, "20261123T000000Z-02"),
        ):
            pass
        (draft / "rows").write_bytes(b"whole")
    assert [path.name for path in listing(tmp_path, Kind.MAIL)] == [name]


def test_sets_end_by_their_age(tmp_path: Path) -> None:
    for name in ("20261101T000000Z-00", "20261110T000001Z-00"):
        (tmp_path / "keystore" / name).mkdir(parents=True)
    now = datetime(2026, 11, 17, tzinfo=UTC)
    assert prune(tmp_path, Kind.KEYSTORE, timedelta(days=7), now) == ["20261101T000000Z-00"]
    assert [path.name for path in listing(tmp_path, Kind.KEYSTORE)] == ["20261110T000001Z-00"]


def test_keys_are_not_mistaken_for_each_other(tmp_path: Path) -> None:
    private, public = tmp_path / "a.key", tmp_path / "a.pub"
    keys.create(private, public, Suite.HYBRID)
    with pytest.raises(Misconfigured):
        keys.load_public(private)
    with pytest.raises(Misconfigured):
        keys.load_private(public)
    with pytest.raises(Misconfigured):
        keys.load_public(tmp_path / "none")
    with pytest.raises(Conflict):
        keys.create(private, tmp_path / "b.pub", Suite.HYBRID)
    assert keys.load_private(private).public_octets == keys.load_public(public).octets
