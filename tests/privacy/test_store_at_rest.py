"""What lies on the disk: one flipped bit is found without a key, and the index tells no word."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailserver.mail.index import MERGE_TAILS
from mailserver.mail.lines import Listed
from mailserver.mail.regrouping import BLOCK_MESSAGES
from mailserver.model.query import Field, Text
from mailserver.protocol.imap.list_block import Item
from mailserver.runtime.clock import ManualClock
from tests.support.mail import EVERYTHING, MailNode, append, letter, open_mail
from tests.support.scanner import Scanner

WORD = b"zeldzaamwoordje"


@pytest.fixture
async def mail(tmp_path: Path) -> AsyncIterator[MailNode]:
    """A node on SQLite, whose files are at hand."""
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("mail", "keystore")]
    async with open_mail(urls[0], urls[1], tmp_path, ManualClock()) as node:
        yield node


async def test_t_obj_3_one_flipped_bit_is_found(mail: MailNode, tmp_path: Path) -> None:
    account = await mail.account()
    await append(account, letter(body="x"), letter(body=secrets.token_hex(100_000)))
    assert await mail.node.store.check() == []
    (blob,) = [path for path in (tmp_path / "blobs").glob("??/??/*") if path.is_file()]
    octets = bytearray(blob.read_bytes())
    octets[len(octets) // 2] ^= 0x10
    blob.chmod(0o600)
    blob.write_bytes(octets)
    (finding,) = await mail.node.store.check()
    assert finding.what == "blob 2: it is not what was stored"


async def test_t_srv_2_the_index_is_on_disk_in_no_readable_form(
    mail: MailNode, tmp_path: Path
) -> None:
    account = await mail.account()
    plain = letter(WORD.decode(), WORD.decode())
    await append(account, *[plain] * MERGE_TAILS, *[plain] * 3)
    inbox = await account.mailboxes.named("INBOX")
    view = await account.mailboxes.open(inbox.id, writable=False)
    query = Text(Field.BODY, WORD.decode())
    assert len(await account.searching.search(inbox.id, view, query)) == MERGE_TAILS + 3
    assert await account.index.merge() == MERGE_TAILS + 3
    await append(account, plain)
    scanner = Scanner(WORD)
    assert scanner.tree(tmp_path) == set()
    (tmp_path / "planted").write_bytes(plain)
    assert len(scanner.tree(tmp_path)) > 0


async def test_t_canary_list_blocks_are_on_disk_in_no_readable_form(
    mail: MailNode, tmp_path: Path
) -> None:
    account = await mail.account()
    await append(account, *[letter(WORD.decode(), To=f"{WORD.decode()}@x.test")] * BLOCK_MESSAGES)
    await account.regrouping.regroup()
    inbox = await account.mailboxes.named("INBOX")
    parts = [part async for part in account.lines.read(inbox.id, inbox.uid_validity, EVERYTHING)]
    block = parts[0]
    assert isinstance(block, Listed)
    assert block.block is not None
    assert WORD in block.block.slices(Item.ENVELOPE, Item.ENVELOPE)[0]
    assert WORD.decode() not in repr(block)
    assert Scanner(WORD).tree(tmp_path) == set()
