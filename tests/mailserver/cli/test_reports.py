"""What others report, at the command line: summed up, worst first, words made harmless."""

import asyncio
import gzip
import json
from pathlib import Path

import pytest

from mailserver.app.house import open_house
from mailserver.mail.incoming import Incoming
from mailserver.model.address import Address
from mailserver.model.sealed import Plaintext
from mailserver.runtime.settings import load
from tests.support.command import Zegel, prepared
from tests.support.reports import OLD_STYLE, OTHER_STYLE, TLS_STYLE, mail_with

EVIL = OLD_STYLE.replace(b"bigmail.example<", "b\u202eig\u0085 &#x9b;2J<".encode(), 1).replace(
    b"10482957103958275021", b"another"
)


async def fill(zegel: Zegel) -> None:
    async with open_house(load(zegel.config, {})) as house:
        for octets in (OLD_STYLE, OTHER_STYLE, EVIL, TLS_STYLE):
            recipient = await house.delivery.recipient(Address("dmarc-reports", "example.org"))
            mail = Incoming(Plaintext(mail_with(gzip.compress(octets))), None, b"")
            assert await house.delivery.deliver(mail, [recipient]) == [None]


@pytest.fixture
def zegel(tmp_path: Path) -> Zegel:
    ready = prepared(tmp_path / "run")
    ready.done("domain", "add", "example.org")
    asyncio.run(fill(ready))
    return ready


def test_reports_are_summed_up(zegel: Zegel) -> None:
    lines = zegel.done("reports", "dmarc", "example.org").splitlines()
    assert lines[0].startswith("3 reports by ")
    assert "42 messages, 6 that nobody vouched for" in lines[0]
    assert lines[0].isprintable()
    assert lines[3].split()[:3] == ["2001:db8::bad", "6", "6"]
    assert lines[4].split()[:3] == ["192.0.2.25", "36", "0"]
    read = json.loads(zegel.done("reports", "dmarc", "example.org", "--json"))
    assert read["sources"][1]["signers"] == ["example.org", "lists.elsewhere.test"]
    said = zegel.done("reports", "tls", "example.org")
    assert "43 sessions, 2 not as the policy wants" in said
    assert "certificate-expired" in said
    read = json.loads(zegel.done("reports", "tls", "example.org", "--json"))
    assert read["failures"] == [
        {
            "result": "certificate-expired",
            "host": "mx.example.org",
            "policy": "sts",
            "sessions": 2,
        }
    ]
    assert zegel("reports", "dmarc", "other.test").status == 1
