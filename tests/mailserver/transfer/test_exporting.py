"""What goes out comes back: octets, flags, keywords, dates and mailboxes (T-DSR-2)."""

import json
import stat
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from mailserver.mail.account import Account
from mailserver.mail.arrivals import Arrival
from mailserver.model.errors import Conflict
from mailserver.model.ids import EmailId
from mailserver.model.message import Flag, NewMessage
from mailserver.model.sealed import Plaintext
from mailserver.store.driver import Sql, run
from mailserver.transfer.exporting import Exporting, Format
from mailserver.transfer.filing import Filing, find
from mailserver.transfer.report import Report
from tests.support.mail import MailNode, letter, messages

ODD = [
    letter("plain"),
    b"From: a\r\n\r\nFrom here\r\n>From there\r\n\r\n",
    b"no newline at the end",
    b"",
    b"bare\nnewlines\n",
    b"Subject: n\0ul \xff\xfe\r\n\r\n\0\r\n",
    b"A: b\r\n\r\n\r\n",
    b"\r\n",
    letter("large", "y" * 300_000),
]
NAMES = ["INBOX", "Work/2026.q1", "Entwürfe & Co", "INBOX/Child", "Sent", ".hidden", "a b"]
Kept = dict[str, list[tuple[bytes, Flag, frozenset[str], datetime]]]


async def fill(account: Account) -> None:
    for number, name in enumerate(NAMES):
        mailbox = await account.arrivals.mailbox(name)
        arrivals = [
            Arrival(
                NewMessage(
                    Plaintext(octets),
                    Flag(each % 32),
                    frozenset({"$Forwarded", f"kw{each % 3}"} if each % 2 else ()),
                    datetime(2000 + number, 1, 1 + each, 3, 4, 5, 678901, tzinfo=UTC),
                ),
                (mailbox,),
            )
            for each, octets in enumerate(ODD)
        ]
        await account.arrivals.store(arrivals)


async def kept(account: Account) -> Kept:
    found: Kept = {}
    for mailbox in await account.mailboxes.listing():
        if mailbox.total:
            found[mailbox.name] = [
                (m.octets.reveal(), m.flags, m.keywords, m.internaldate)
                for m in await messages(account, mailbox.name, content=True)
                if m.octets is not None
            ]
    return found


async def exported(mail: MailNode, account: Account, root: Path, kind: Format) -> Report:
    return await Exporting(account, root, kind, mail.node.offload).run()


async def brought(mail: MailNode, account: Account, root: Path, kind: Format) -> Report:
    source = account.arrivals.name(str(root).encode())
    boxes = find(kind.value, root)
    return await Filing(boxes, account.arrivals, source, mail.node.offload).run()


def modes(root: Path) -> dict[int, bool]:
    """Return every mode there is, and whether it is a directory's."""
    return {stat.S_IMODE(path.stat().st_mode): path.is_dir() for path in [root, *root.rglob("*")]}


@pytest.mark.parametrize("kind", Format)
async def test_t_dsr_2_an_export_comes_back_equal(
    mail: MailNode, account: Account, tmp_path: Path, kind: Format
) -> None:
    await fill(account)
    root = tmp_path / "export"
    report = await exported(mail, account, root, kind)
    assert (report.messages, report.left) == (len(ODD) * len(NAMES), [])
    other = await mail.account("bob@example.org")
    assert (await brought(mail, other, root, kind)).left == []
    assert await kept(other) == await kept(account)
    assert (await brought(mail, other, root, kind)).messages == 0


@pytest.mark.parametrize("kind", Format)
async def test_other_programs_find_the_mail_without_the_manifest(
    mail: MailNode, account: Account, tmp_path: Path, kind: Format
) -> None:
    mailbox = await account.arrivals.mailbox("Work")
    new = NewMessage(Plaintext(ODD[1]), Flag.SEEN, internaldate=datetime(2020, 1, 2, tzinfo=UTC))
    await account.arrivals.store([Arrival(new, (mailbox,))])
    await exported(mail, account, tmp_path / "export", kind)
    (tmp_path / "export" / "manifest.json").unlink()
    other = await mail.account("bob@example.org")
    root = tmp_path / "export" if kind is Format.MAILDIR else tmp_path / "export" / "mail"
    await brought(mail, other, root, kind)
    ((octets, flags, _, at),) = (await kept(other))["Work"]
    assert octets == ODD[1]
    assert at == new.internaldate
    assert flags == (Flag.SEEN if kind is Format.MAILDIR else Flag.NONE)


@pytest.mark.parametrize("kind", Format)
async def test_files_are_their_owners_alone_and_stand_in_the_manifest(
    mail: MailNode, account: Account, tmp_path: Path, kind: Format
) -> None:
    await fill(account)
    root = tmp_path / "export"
    await exported(mail, account, root, kind)
    assert modes(root) == {0o700: True, 0o600: False}
    manifest = json.loads((root / "manifest.json").read_text())
    assert manifest["counts"]["messages"] == len(manifest["messages"])
    for each in manifest["messages"]:
        assert (root / each["path"]).resolve().is_relative_to(root.resolve())
        if kind is Format.EML:
            octets = (root / each["path"]).read_bytes()
            assert len(octets) == each["octets"]
            assert sha256(octets).hexdigest() == each["sha256"]


async def test_nothing_is_written_over(mail: MailNode, account: Account, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(Conflict, match="not empty"):
        await exported(mail, account, tmp_path, Format.EML)
    assert (tmp_path / "file").read_text() == "mine"


async def put(mail: MailNode, account: Account, data: bytes | None) -> None:
    """Put other ciphertext in the place of the account's second message."""
    replaced = Sql("UPDATE blobs SET data = ? WHERE blob_id = 2 AND account_id = ?")
    await mail.node.store.database.write(lambda c: run(c, replaced, (data, account.account_id)))


async def test_a_damaged_message_is_listed_and_the_rest_goes_out(
    mail: MailNode, account: Account, tmp_path: Path
) -> None:
    await fill(account)
    ((_, _, _, whole),) = await mail.node.store.emails.blob(account.account_id, [EmailId(2)])
    await put(mail, account, b"\1" * 200)
    report = await exported(mail, account, tmp_path / "export", Format.MBOX)
    assert report.messages == len(ODD) * len(NAMES) - 1
    assert [(left.where, left.what) for left in report.left] == [("INBOX", "message 2")]
    manifest = json.loads((tmp_path / "export" / "manifest.json").read_text())
    assert [each for each in manifest["messages"] if each.get("damaged")] == [
        {"mailbox": 0, "uid": 2, "damaged": True}
    ]
    other = await mail.account("bob@example.org")
    again = await brought(mail, other, tmp_path / "export", Format.MBOX)
    assert (again.messages, again.left_count) == (report.messages, 1)
    await put(mail, account, whole)


async def test_an_altered_file_is_told_from_the_one_that_went_out(
    mail: MailNode, account: Account, tmp_path: Path
) -> None:
    await fill(account)
    root = tmp_path / "export"
    await exported(mail, account, root, Format.EML)
    victim = next((root / "mail" / "INBOX").glob("*.eml"))
    victim.chmod(0o600)
    victim.write_bytes(b"another")
    other = await mail.account("bob@example.org")
    report = await brought(mail, other, root, Format.EML)
    assert [left.why for left in report.left] == [
        "it is not the message that was exported: its hash is another"
    ]


async def test_an_export_cut_short_is_no_export(
    mail: MailNode, account: Account, tmp_path: Path
) -> None:
    await fill(account)
    root = tmp_path / "export"
    await exported(mail, account, root, Format.EML)
    text = (root / "manifest.json").read_text()
    (root / "manifest.json").write_text(text[: len(text) // 2])
    other = await mail.account("bob@example.org")
    with pytest.raises(Exception, match="cut short or altered"):
        await brought(mail, other, root, Format.EML)
