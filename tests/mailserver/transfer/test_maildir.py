"""Maildir as servers leave it behind."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailserver.model.errors import Absent
from mailserver.model.message import Flag
from mailserver.transfer.files import FreeNames, Unreadable, safe_name
from mailserver.transfer.maildir import MaildirWriter, boxes

SIZE = 1_000_000


def a_box(path: Path) -> Path:
    for part in ("cur", "new", "tmp"):
        (path / part).mkdir(parents=True)
    return path


def test_both_layouts_are_read_with_names_as_people_wrote_them(tmp_path: Path) -> None:
    root = a_box(tmp_path)
    for name in (".Entw&APw-rfe", ".Work.2026", ".Work", "Plain/Below", "cur/x"):
        a_box(root / name)
    (root / "notes").mkdir()
    (root / "link").symlink_to(root / ".Work")
    assert {box.levels for box in boxes(root, SIZE)} == {
        *{("INBOX",), ("Entwürfe",), ("Work", "2026"), ("Work",), ("Plain", "Below")}
    }


def test_flags_keywords_and_dates(tmp_path: Path) -> None:
    root = a_box(tmp_path)
    (root / "dovecot-keywords").write_text("0 $Forwarded\n1 Work\nx y\n99 z\n")
    for name, mtime in (
        ("cur/1500000000.M1.host,S=4:2,FRSab", 1_400_000_000),
        ("cur/1500000001.M2.host:2,DTPq", 1_700_000_000),
        ("cur/noname", 1_600_000_000),
        ("new/1500000002.M3.host:2,S", 1_500_000_002),
    ):
        (root / name).write_bytes(b"a: b\n\nx\r\n\n")
        os.utime(root / name, (mtime, mtime))
    (box,) = boxes(root, SIZE)
    odd, first, second, new = [entry.read() for entry in box.entries("")]
    assert first.flags == Flag.FLAGGED | Flag.ANSWERED | Flag.SEEN
    assert first.keywords == {"$Forwarded", "Work"}
    assert first.internaldate == datetime.fromtimestamp(1_400_000_000, UTC)  # as it was received
    assert second.flags == Flag.DRAFT | Flag.DELETED
    assert second.keywords == {"$Forwarded"}
    assert second.internaldate == datetime.fromtimestamp(1_500_000_001, UTC)  # a careless copy
    assert new.flags == Flag.NONE
    assert odd.octets == b"a: b\r\n\r\nx\r\n\r\n"


def test_what_is_behind_a_key_is_what_is_new(tmp_path: Path) -> None:
    root = a_box(tmp_path)
    for number in range(5):
        (root / "cur" / f"{1_500_000_000 + number}.x:2,").write_bytes(b"")
    (box,) = boxes(root, SIZE)
    keys = [entry.key for entry in box.entries("")]
    assert [entry.key for entry in box.entries(keys[2])] == keys[3:]
    assert box.count(keys[2]) == 3
    (root / "cur" / "1500000001.x:2,").rename(root / "cur" / "1500000001.x:2,S")
    assert [entry.key for entry in box.entries("")] == keys


def test_files_that_are_none_are_told(tmp_path: Path) -> None:
    root = a_box(tmp_path)
    (root / "cur" / "1.link").symlink_to("/etc/passwd")
    (root / "cur" / "2.dir").mkdir()
    os.mkfifo(root / "cur" / "3.pipe")
    (root / "cur" / "4.large").write_bytes(b"x" * 100)
    (box,) = boxes(root, 99)
    for entry in box.entries(""):
        with pytest.raises(Unreadable):
            entry.read()


def test_no_maildir_is_said(tmp_path: Path) -> None:
    with pytest.raises(Absent, match="no Maildir"):
        boxes(tmp_path, SIZE)


@pytest.mark.parametrize(
    "name",
    ["../../etc", ".", "..", "a/../..", "\0", "a\nb", ".hidden", "x" * 900, "ü" * 400, "con."],
)
def test_no_name_leads_outside(tmp_path: Path, name: str) -> None:
    root = tmp_path / "export"
    writer = MaildirWriter(root, name, FreeNames())
    assert writer.path.parent == root
    assert {path.name for path in tmp_path.iterdir()} == {"export"}
    safe = safe_name(name)
    assert "/" not in safe
    assert safe not in {".", ".."}
    assert len(safe.encode()) <= 200


def test_names_are_given_out_once_also_where_case_is_nothing() -> None:
    free = FreeNames()
    assert [free(name) for name in ("Work", "work", "WORK")] == ["Work", "work~2", "WORK~3"]
