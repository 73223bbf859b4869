"""One zip of everything: it comes back elsewhere octet for octet (T-DSR-2), whatever is damaged."""

import json
import stat
import tracemalloc
from contextlib import ExitStack
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from zipfile import ZipFile

import pytest

from mailserver.mail.account import Account
from mailserver.mail.arrivals import Arrival
from mailserver.model.errors import Condition, Conflict, Transient
from mailserver.model.ids import EmailId
from mailserver.model.message import NewMessage
from mailserver.model.sealed import Plaintext
from mailserver.transfer.exporting import Format
from mailserver.transfer.file_sink import FileSink
from mailserver.transfer.portable import PortableExport
from mailserver.transfer.report import Report
from tests.mailserver.transfer.test_exporting import (
    NAMES,
    ODD,
    brought,
    fill,
    kept,
    put,
)
from tests.support.mail import MailNode, letter

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DOCUMENTS = {"settings.json": Plaintext(b"{}"), "rules/001.sieve": Plaintext(b"keep;\r\n")}


async def exported(mail: MailNode, account: Account, path: Path) -> Report:
    with FileSink(path) as sink:
        return await PortableExport(account, sink, DOCUMENTS, mail.node.offload, NOW).run()


def unpacked(path: Path) -> Path:
    root = path.with_suffix("")
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(root)
    return root


async def test_t_dsr_2_an_export_comes_back_elsewhere_with_equal_hashes(
    mail: MailNode, account: Account, tmp_path: Path
) -> None:
    await fill(account)
    report = await exported(mail, account, tmp_path / "all.zip")
    assert (report.messages, report.left) == (len(ODD) * len(NAMES), [])
    root = unpacked(tmp_path / "all.zip")
    other = await mail.account("bob@example.org")
    assert (await brought(mail, other, root, Format.MBOX)).left == []
    assert await kept(other) == await kept(account)
    assert (await brought(mail, other, root, Format.MBOX)).messages == 0


async def test_t_dsr_2_the_manifest_has_every_file_and_every_message(
    mail: MailNode, account: Account, tmp_path: Path
) -> None:
    await fill(account)
    await exported(mail, account, tmp_path / "all.zip")
    root = unpacked(tmp_path / "all.zip")
    manifest = json.loads((root / "manifest.json").read_text())
    files = {each["path"]: each for each in manifest["files"]}
    there = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert there == {*files, "manifest.json"}
    assert set(DOCUMENTS) < there
    for path, each in files.items():
        octets = (root / path).read_bytes()
        assert (each["octets"], each["sha256"]) == (len(octets), sha256(octets).hexdigest())
    originals = [sha256(octets).hexdigest() for octets in ODD] * len(NAMES)
    assert sorted(each["sha256"] for each in manifest["messages"]) == sorted(originals)
    assert manifest["counts"]["messages"] == len(originals)
    assert manifest["schema"] == 1


async def test_a_damaged_message_is_listed_and_the_rest_goes_out(
    mail: MailNode, account: Account, tmp_path: Path
) -> None:
    await fill(account)
    ((_, _, _, whole),) = await mail.node.store.emails.blob(account.account_id, [EmailId(2)])
    await put(mail, account, b"\1" * 200)
    report = await exported(mail, account, tmp_path / "all.zip")
    assert report.messages == len(ODD) * len(NAMES) - 1
    manifest = json.loads((unpacked(tmp_path / "all.zip") / "manifest.json").read_text())
    assert [each for each in manifest["messages"] if each.get("damaged")] == [
        {"mailbox": 0, "uid": 2, "damaged": True}
    ]
    assert manifest["counts"]["damaged"] == 1
    await put(mail, account, whole)


async def test_the_file_is_its_owners_alone_and_writes_over_nothing(
    mail: MailNode, account: Account, tmp_path: Path
) -> None:
    path = tmp_path / "all.zip"
    await exported(mail, account, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(Conflict, match="there already"):
        await exported(mail, account, path)
    assert path.read_bytes() == before


class Full:
    """A disk with little room."""

    room = 5_000

    def write(self, octets: bytes, /) -> int:
        """Take octets while there is room."""
        self.room -= len(octets)
        if self.room < 0:
            raise Transient(Condition.STORAGE_FULL, "no room")
        return len(octets)

    def flush(self) -> None:
        """Do nothing."""


async def test_where_the_room_ends_the_export_ends_with_a_word(
    mail: MailNode, account: Account
) -> None:
    await fill(account)
    with pytest.raises(Transient, match="no room"):
        await PortableExport(account, Full(), DOCUMENTS, mail.node.offload, NOW).run()


def _fail(*_: object) -> bool:
    raise Transient(Condition.STORAGE_FULL, "no room")


def test_a_file_that_was_not_finished_leaves_no_trace(tmp_path: Path) -> None:
    stack = ExitStack()
    stack.enter_context(FileSink(tmp_path / "all.zip")).write(b"some")
    assert len(list(tmp_path.iterdir())) == 1
    stack.push(_fail)
    with pytest.raises(Transient, match="no room"):
        stack.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
async def test_an_export_of_many_messages_is_quick_and_takes_little_memory(
    mail: MailNode, account: Account, tmp_path: Path
) -> None:
    inbox = await account.arrivals.mailbox("INBOX")
    octets = letter("one of many", "words " * 800)
    arrivals = [Arrival(NewMessage(Plaintext(octets)), (inbox,)) for _ in range(500)]
    for _ in range(4):
        await account.arrivals.store(arrivals)
    begun = perf_counter()
    report = await exported(mail, account, tmp_path / "quick.zip")
    rate = report.messages / (perf_counter() - begun)
    tracemalloc.start()
    try:
        await exported(mail, account, tmp_path / "small.zip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report.messages == 2_000
    assert rate > 500, f"{rate:.0f} messages/s"
    assert peak < 40 << 20, f"{peak:,} octets"
