"""T-MW-1 and T-SPAM-1 (PRIVACY §8): malware stays out, and nobody is asked about our mail."""

import asyncio
import base64
import io
import socket
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from mailserver.model.errors import Condition, MailError, Refused, Transient
from mailserver.runtime.clock import ManualClock
from tests.support.dns import DnsServer, standing_zone
from tests.support.mail import MailNode, messages, open_mail
from tests.support.scanners import EICAR, clamd, standing
from tests.support.screening import RECORDS, field_of, mail_from, mx, stranger
from tests.support.socket_spy import spying


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone(RECORDS) as server:
        yield server


@pytest.fixture(scope="module")
def scanner() -> Iterator[str]:
    with standing(clamd()) as place:
        yield place


@pytest.fixture
async def mail(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[MailNode]:
    async with open_mail(mail_url, keystore_url, tmp_path, ManualClock()) as node:
        await (await node.account()).close()
        yield node


def zipped(name: str, octets: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, octets)
    return buffer.getvalue()


def direct() -> bytes:
    return mail_from(
        "bob@there.test",
        body=base64.b64encode(EICAR).decode(),
        Content_Type="application/octet-stream; name=test.bin",
        Content_Transfer_Encoding="base64",
    )


def attached(name: str, octets: bytes) -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = "bob@there.test", "alice@example.org"
    message["Subject"], message["Date"] = "x", "Thu, 1 Jan 2026 11:00:00 +0000"
    message["Message-ID"] = "<2@there.test>"
    message.set_content("Words.")
    message.add_attachment(octets, maintype="application", subtype="zip", filename=name)
    return message.as_bytes().replace(b"\n", b"\r\n")


INFECTED = {
    "direct": direct(),
    "zipped": attached("a.zip", zipped("eicar.txt", EICAR)),
    "nested": attached("b.zip", zipped("a.zip", zipped("eicar.txt", EICAR))),
    "in a message": attached("c.zip", zipped("a.eml", attached("a.zip", zipped("x", EICAR)))),
}


async def kept(mail: MailNode, name: str = "INBOX") -> list[bytes]:
    account = await mail.sign_in()
    found = [*await messages(account, name, content=True)]
    await account.close()
    return [one.octets.reveal() for one in found if one.octets is not None]


@pytest.mark.parametrize("how", INFECTED)
async def test_t_mw_1_malware_is_refused_and_no_copy_kept(
    mail: MailNode, dns: DnsServer, scanner: str, how: str
) -> None:
    async with mx(mail, dns, scanners__clamd=scanner) as door:
        with pytest.raises(Refused) as refused:
            await door.take(INFECTED[how])
        assert refused.value.condition is Condition.UNWANTED
        assert "malware" in refused.value.text
        assert await door.take(mail_from("bob@there.test")) == [None]
    assert len(await kept(mail)) == 1
    assert await kept(mail, "Junk") == []


@pytest.mark.parametrize("when_down", ["defer", "mark"])
async def test_t_mw_1_a_scanner_that_is_down_defers_or_marks(
    mail: MailNode, dns: DnsServer, tmp_path: Path, when_down: str
) -> None:
    scanners: dict[str, Any] = {
        "scanners__clamd": f"unix:{tmp_path}/nobody.sock",
        "scanners__when_down": when_down,
        "scanners__seconds": 1,
    }
    async with mx(mail, dns, **scanners) as door:
        if when_down == "defer":
            with pytest.raises(Transient) as down:
                await door.take(mail_from("bob@there.test"))
            assert down.value.condition is Condition.UNAVAILABLE
            assert await kept(mail) == []
        else:
            assert await door.take(mail_from("bob@there.test")) == [None]
            (octets,) = await kept(mail)
            assert field_of(octets, b"X-Zegel-Notice") == "nobody looked for malware in it"


async def test_t_mw_1_a_scanner_that_hangs_has_a_deadline(
    mail: MailNode, dns: DnsServer, tmp_path: Path
) -> None:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    path = tmp_path / "s"
    async with (
        await asyncio.start_unix_server(wait, path),
        mx(mail, dns, scanners__clamd=f"unix:{path}", scanners__seconds=1) as door,
        asyncio.timeout(10),
    ):
        with pytest.raises(Transient):
            await door.take(mail_from("bob@there.test"))


async def test_t_spam_1_with_defaults_nobody_is_asked(mail: MailNode, dns: DnsServer) -> None:
    hostile = mail_from(
        "who@nowhere.test",
        "Re: WINNER",
        body='<a href="https://evil.test/x">bank.test</a><img src="https://track.test/1.png">',
        Content_Type="text/html",
        Reply_To="<x@collect.test>",
    )
    with spying() as places:
        async with mx(mail, dns) as door:
            for client in (stranger(), stranger("2001:db8::7"), stranger("203.0.113.77")):
                for octets in (hostile, mail_from("bob@there.test"), attached("a.zip", b"PK")):
                    with suppress(MailError):  # most of it is put off
                        await door.take(octets, client=client, sender="who@nowhere.test")
            asked = door.resolver.known_names()
    assert asked  # authentication asks our own resolver
    assert not {name for name in asked if not _is_of_the_sender(name)}
    assert all(_is_here(place) for place in places), places


def _is_of_the_sender(name: str) -> bool:
    """Say whether a name is the sender's, whose own words authentication must read."""
    own = ("nowhere.test", "there.test", "nobody.test", "_dmarc.test", "in-addr.arpa", "ip6.arpa")
    return any(name == one or name.endswith("." + one) for one in own)


def _is_here(place: object) -> bool:
    if isinstance(place, str | bytes):
        return True  # a Unix socket of the database
    assert isinstance(place, tuple)
    return place[0] == "localhost" or ip_address(place[0]).is_loopback


async def test_the_spy_sees_what_is_sent(dns: DnsServer) -> None:
    with spying() as places, socket.socket(type=socket.SOCK_DGRAM) as speaking:
        speaking.sendto(b"x", ("127.0.0.1", dns.endpoint.port))
    assert places == [("127.0.0.1", dns.endpoint.port)]
