"""`zegel privacy breaches`, `scrub` and `check`: from a flipped bit to a draft in Dutch."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from mailserver.app.house import open_house
from mailserver.mail.incoming import Incoming
from mailserver.model.address import Address
from mailserver.model.sealed import Plaintext
from mailserver.runtime.settings import load
from tests.support.command import Zegel, prepared
from tests.support.house import PASSWORD

LETTER = b"From: bob@elsewhere.test\r\nSubject: a letter\r\n\r\nWords.\r\n"


async def deliver(zegel: Zegel) -> None:
    async with open_house(load(zegel.config, {})) as house:
        alice = Address("alice", "example.org")
        await house.provisioning.add_user(alice, PASSWORD, quota_octets=1 << 20)
        recipient = await house.delivery.recipient(alice)
        mail = Incoming(Plaintext(LETTER), None, b"")
        assert await house.delivery.deliver(mail, [recipient]) == [None]


def tamper(directory: Path, statement: str) -> None:
    (database,) = directory.rglob("zegel.sqlite3")
    with sqlite3.connect(database) as store:
        store.execute(statement)
    store.close()


@pytest.mark.long
def test_t_br_3_a_flipped_bit_and_a_broken_log_open_an_entry_each(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    zegel.done("domain", "add", "example.org")
    asyncio.run(deliver(zegel))
    assert "1 objects" in zegel.done("scrub")
    tamper(tmp_path, "UPDATE blobs SET sha256_ct = randomblob(32)")
    assert "damaged" in zegel("scrub").err
    assert zegel("check").status == 1
    assert zegel.done("privacy", "breaches").count("suspected") == 1
    tamper(tmp_path, "UPDATE audit SET event = 'other' WHERE seq = 1")
    assert "edited at entry 1" in zegel("audit", "verify").err
    assert zegel.done("privacy", "breaches").count("suspected") == 2
    zegel.done("privacy", "breach", "aware", "1")
    assert "people-number" in zegel.refused("privacy", "breach", "told", "1")
    zegel.done("privacy", "breach", "fill", "1", "people-number", "?")
    assert "not known yet" in zegel.done("privacy", "breach", "show", "1")
    draft = zegel.done("privacy", "breach", "draft", "1", "--language", "nl")
    assert "Melding van een inbreuk" in draft
    assert "Nog niet bekend" in draft
    zegel.done("privacy", "breach", "dismiss", "2", "we did this ourselves")
    assert zegel.done("privacy", "breaches").count("suspected") == 0
    assert "dismissed" in zegel.done("privacy", "breaches", "--all")
