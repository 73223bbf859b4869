"""An export on disk: sealed, read from anywhere, and gone on with after any interruption."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from mailserver.mail.account import Account
from mailserver.model.errors import Condition, Corrupt, Transient
from mailserver.model.ids import new_account_id, new_object_id
from mailserver.transfer import shelf as shelves
from mailserver.transfer.exporting import Format
from mailserver.transfer.portable import PortableExport
from mailserver.transfer.shelf import Shelf, clear
from mailserver.vault.exported import ExportKey
from tests.mailserver.transfer.test_exporting import NAMES, ODD, brought, fill, kept
from tests.mailserver.transfer.test_portable import DOCUMENTS, NOW, unpacked
from tests.support.mail import MailNode

CANARY = b"kestrel-canary"


@pytest.fixture
def key() -> Iterator[ExportKey]:
    made = ExportKey.random(new_account_id(), new_object_id())
    yield made
    made.close()


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that these exports have many pieces."""
    monkeypatch.setattr(shelves, "PIECE_OCTETS", 1000)


class Dying(Shelf):
    """A shelf whose process ends after so many octets."""

    room = 0

    def write(self, octets: bytes) -> int:
        """Take octets until the end."""
        self.room -= len(octets)
        if self.room < 0:
            raise Transient(Condition.STORAGE_FULL, "the end")
        return super().write(octets)


async def written(mail: MailNode, account: Account, shelf: Shelf) -> bytes:
    """Write an export, or the rest of it; return the whole."""
    export = PortableExport(
        account, shelf, DOCUMENTS, mail.node.offload, NOW, marks=shelf, part_messages=4
    )
    await export.run(shelf.begin())
    octets = shelf.finish()
    assert shelf.whole() == octets
    return b"".join(shelf.read(0, octets))


def unzipped(whole: bytes, path: Path) -> Path:
    path.write_bytes(whole)
    return unpacked(path)


async def comes_back(mail: MailNode, account: Account, whole: bytes, path: Path) -> None:
    other = await mail.account(f"{path.stem}@example.org")
    report = await brought(mail, other, unzipped(whole, path), Format.MBOX)
    assert (report.left, report.messages) == ([], len(ODD) * len(NAMES))
    assert await kept(other) == await kept(account)


async def test_t_dsr_2_an_export_that_is_interrupted_again_and_again_comes_back_whole(
    mail: MailNode, account: Account, tmp_path: Path, key: ExportKey
) -> None:
    await fill(account)
    died, room = 0, 2_000
    while True:
        shelf = Dying(tmp_path / "shelf", key)
        shelf.room = room
        try:
            whole = await written(mail, account, shelf)
            break
        except Transient:
            died += 1
            room += 1_500  # beyond the next file of mail, sooner or later
    assert died >= 3
    await comes_back(mail, account, whole, tmp_path / "again.zip")


async def test_mail_that_comes_meanwhile_is_in_it_or_not_and_spoils_nothing(
    mail: MailNode, account: Account, tmp_path: Path, key: ExportKey
) -> None:
    await fill(account)
    shelf = Dying(tmp_path / "shelf", key)
    shelf.room = 6_000
    with pytest.raises(Transient):
        await written(mail, account, shelf)
    (inbox,) = [m for m in await account.mailboxes.listing() if m.name == "INBOX"]
    await account.messages.expunge(inbox.id, [(1, 2)])
    whole = await written(mail, account, Shelf(tmp_path / "shelf", key))
    root = unzipped(whole, tmp_path / "rest.zip")
    other = await mail.account("rest@example.org")
    assert (await brought(mail, other, root, Format.MBOX)).left == []


def test_any_range_is_read_as_it_was_written(tmp_path: Path, key: ExportKey) -> None:
    random = Random(4)
    whole = random.randbytes(7_777)
    shelf = Shelf(tmp_path / "shelf", key)
    assert shelf.begin() is None
    for start in range(0, len(whole), 123):
        shelf.write(whole[start : start + 123])
    assert shelf.finish() == len(whole)
    for _ in range(200):
        start, end = sorted(random.choices(range(len(whole) + 1), k=2))
        assert b"".join(shelf.read(start, end)) == whole[start:end]


def test_what_lies_there_is_sealed_and_for_its_owner_alone(tmp_path: Path, key: ExportKey) -> None:
    shelf = Shelf(tmp_path / "shelf", key)
    shelf.begin()
    shelf.write(CANARY * 300)
    shelf.mark({"archive": CANARY.decode()}, CANARY)
    files = list((tmp_path / "shelf").iterdir())
    assert len(files) >= 6
    for path in files:
        assert path.stat().st_mode & 0o077 == 0
        assert CANARY not in path.read_bytes()
    assert (tmp_path / "shelf").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("spoil", ["flip", "cut", "swap", "lose", "other"])
def test_what_was_altered_does_not_open(tmp_path: Path, key: ExportKey, spoil: str) -> None:
    shelf = Shelf(tmp_path / "shelf", key)
    shelf.begin()
    shelf.write(b"x" * 2_500)
    octets = shelf.finish()
    first, second = tmp_path / "shelf" / "000000", tmp_path / "shelf" / "000001"
    sealed = first.read_bytes()
    match spoil:
        case "flip":
            first.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
        case "cut":
            first.write_bytes(sealed[:-1])
        case "swap":
            first.write_bytes(second.read_bytes())
        case "lose":
            first.unlink()
        case "other":
            shelf = Shelf(tmp_path / "shelf", ExportKey.random(new_account_id(), new_object_id()))
    with pytest.raises(Corrupt):
        list(shelf.read(0, octets))


def test_what_is_not_whole_is_not_read_and_what_is_gone_is_gone(
    tmp_path: Path, key: ExportKey
) -> None:
    shelf = Shelf(tmp_path / "shelf", key)
    shelf.begin()
    with pytest.raises(Corrupt, match="not there any more"):
        shelf.whole()
    shelf.write(b"some")
    shelf.finish()
    assert shelf.whole() == 4
    clear(tmp_path / "shelf")
    clear(tmp_path / "shelf")
    with pytest.raises(Corrupt, match="not there any more"):
        shelf.whole()
