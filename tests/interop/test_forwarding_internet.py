"""Mail that one Zegel sends on to another, over a DNS of our own: what the next hop makes of it.

A stranger at origin.test, whose domain publishes `p=reject`, writes to a group at example.test; a
member of it is at other.test. Forwarding breaks SPF, so there the author's signature must tell, or
our seal where other.test trusts it.
"""

import asyncio
import re
import smtplib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from imapclient import IMAPClient

from mailserver.app.house import open_house
from mailserver.mailauth import dkim
from mailserver.model.address import Address
from mailserver.runtime.settings import Settings
from mailserver.vault.receiving import Posting
from mailserver.vault.records import Scope
from tests.support.dkim import both_keys, published
from tests.support.dns import dns_zone, txt
from tests.support.house import PASSWORD, made, serving, settings_in
from tests.support.mail_host import MailHost, hosting
from tests.support.ports import free_port

pytestmark = pytest.mark.long

_FOUND = re.compile(
    rb"^Authentication-Results: mail\.other\.test;(?:[^\n]*\n[ \t])*[^\n]*", re.MULTILINE
)

STRANGER, OURS, OTHER = "127.0.0.31", "127.0.0.32", "127.0.0.33"
TEAM = Address("team", "example.test")
BOB = Address("bob", "other.test")


def letter(number: int, *, signed: bool) -> bytes:
    now = datetime.now(UTC)
    message = (
        f"From: Eve <eve@origin.test>\r\nTo: team@example.test\r\nSubject: letter {number}\r\n"
        f"Date: {now:%a, %d %b %Y %H:%M:%S} +0000\r\nMessage-ID: <{number}@origin.test>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nwords\r\n"
    ).encode()
    return dkim.sign(message, both_keys("origin.test"), now=now) + message if signed else message


@dataclass
class World:
    """The two servers, and the stranger."""

    port: int
    other: Settings
    imaps: int
    secret: str
    stranger: MailHost

    def _write(self, message: bytes, sender: str) -> None:
        with smtplib.SMTP(OURS, self.port, "mx.origin.test", 30, (STRANGER, 0)) as client:
            client.sendmail(sender, [str(TEAM)], message)

    async def write(self, message: bytes, sender: str = "eve@origin.test") -> None:
        """Write to the group as the stranger."""
        await asyncio.to_thread(self._write, message, sender)

    def _read(self) -> list[bytes]:
        with IMAPClient("127.0.0.1", self.imaps, ssl=False) as client:
            client.login(str(BOB), self.secret)
            client.select_folder("INBOX", readonly=True)
            return [got[b"BODY[]"] for got in client.fetch(client.search(), ["BODY[]"]).values()]

    async def bob(self, letters: int) -> list[bytes]:
        """Return what bob at other.test got, once it is so many letters."""
        for _ in range(300):
            if len(got := await asyncio.to_thread(self._read)) >= letters:
                return got
            await asyncio.sleep(0.1)
        pytest.fail("it did not come to pass")


async def until(claim: Callable[[], bool]) -> None:
    for _ in range(300):
        if claim():
            return
        await asyncio.sleep(0.1)
    pytest.fail("it did not come to pass")


async def furnish_ours(settings: Settings, *members: Address) -> dict[str, str]:
    """Make example.test and its group; return the key records."""
    await made(settings)
    async with open_house(settings) as house:
        await house.provisioning.add_domain("example.test")
        await house.people.addresses.add_group(TEAM, list(members), Posting.ANYBODY)
        return {key.name: key.record for key in await house.signing_keys.listing("example.test")}


async def furnish_other(settings: Settings) -> str:
    """Make other.test and bob; return his app password."""
    await made(settings)
    async with open_house(settings) as house:
        await house.provisioning.add_domain("other.test")
        await house.provisioning.add_user(BOB, PASSWORD, quota_octets=1 << 30)
        lease = await house.logins.password(str(BOB), PASSWORD, peer="127.0.0.1")
        try:
            new = await house.app_passwords.add(lease, [Scope.IMAP])
        finally:
            await lease.close()
    return new.secret.reveal().decode()


def records(keys: dict[str, str]) -> dict[str, list[str]]:
    zone = {
        "origin.test": ["MX 10 mx.origin.test.", txt(f"v=spf1 ip4:{STRANGER} -all")],
        "_dmarc.origin.test": [txt("v=DMARC1; p=reject")],
        "example.test": ["MX 10 mail.example.test.", txt(f"v=spf1 ip4:{OURS} -all")],
        "other.test": ["MX 10 mail.other.test."],
    }
    for name, address in {
        "mx.origin.test": STRANGER,
        "mail.example.test": OURS,
        "mail.other.test": OTHER,
    }.items():
        zone[name] = [f"A {address}"]
        backwards = ".".join(reversed(address.split(".")))
        zone[f"{backwards}.in-addr.arpa"] = [f"PTR {name}."]
    for name, record in {**keys, **published(both_keys("origin.test"))}.items():
        zone[name] = [txt(record)]
    return zone


@asynccontextmanager
async def world(directory: Path, *members: Address, **others: object) -> AsyncIterator[World]:
    """Let all three run; `others` are settings of other.test."""
    port = free_port(STRANGER, OURS, OTHER)

    def ours(**more: object) -> Settings:
        return settings_in(
            directory / "ours",
            hostname="mail.example.test",
            listeners__mx__address=f"{OURS}:{port}",
            relay__enabled=True,
            relay__private_addresses=True,
            relay__source_addresses=OURS,
            relay__port=port,
            queue__first_retry_seconds=1,
            **more,
        )

    def theirs(**more: object) -> Settings:
        return settings_in(
            directory / "other",
            hostname="mail.other.test",
            listeners__mx__address=f"{OTHER}:{port}",
            listeners__imap__tls="none",
            **others,
            **more,
        )

    keys, secret = await furnish_ours(ours(), *members), await furnish_other(theirs())
    stranger = MailHost(name="mx.origin.test")
    async with dns_zone(records(keys)) as dns, hosting(stranger, STRANGER, port):
        nameservers = [str(dns.endpoint)]
        async with (
            serving(ours(dns__nameservers=nameservers)),
            serving(theirs(dns__nameservers=nameservers)) as other,
        ):
            yield World(port, other.settings, other.ports["imap"], secret, stranger)


def verdicts(message: bytes) -> str:
    """Return what the server that delivered it found, unfolded."""
    found = _FOUND.search(message)
    assert found is not None, message[:2000]
    return re.sub(r"\s+", " ", found[0].decode())


async def test_what_is_sent_on_passes_dmarc_by_its_authors_signature(tmp_path: Path) -> None:
    async with world(tmp_path, BOB) as everybody:
        await everybody.write(letter(1, signed=True))
        (message,) = await everybody.bob(1)
    said = verdicts(message)
    assert "spf=pass" in said  # by the reverse-path that we rewrote
    assert re.search(r"dkim=pass[^;]*header\.d=origin\.test", said)
    assert "dmarc=pass" in said
    assert "arc=pass" in said
    path = message.partition(b"\r\n")[0]
    assert re.fullmatch(rb"Return-Path: <SRS0=\S+=origin\.test=eve@example\.test>", path), path
    assert b"ARC-Seal: i=1;" in message
    assert b"Delivered-To: team@example.test\r\n" in message
    assert b"Authentication-Results: mail.example.test;" in message


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_seal_counts_where_it_is_trusted(tmp_path: Path, *, trusted: bool) -> None:
    """Unsigned mail passes DMARC by SPF alone, and no more once it is sent on: then ARC tells."""
    sealers = ["example.test"] if trusted else []
    async with world(tmp_path, BOB, spam__trusted_sealers=sealers) as everybody:
        await everybody.write(letter(1, signed=False))
        if trusted:
            (message,) = await everybody.bob(1)
            assert "arc=pass" in verdicts(message)
            assert "dmarc=fail" in verdicts(message)
            return
        # Refused for good, which its author hears, by the rewritten path and through us.
        await until(lambda: bool(everybody.stranger.contents))
    (report,) = everybody.stranger.contents
    assert b"Action: failed" in report
    assert b"Status: 5.7.1" in report
    assert any(line.startswith("MAIL FROM:<>") for line in everybody.stranger.commands)


async def test_a_report_on_what_was_sent_on_finds_its_author(tmp_path: Path) -> None:
    async with world(tmp_path, BOB, Address("nobody", "other.test")) as everybody:
        await everybody.write(letter(1, signed=True))
        assert len(await everybody.bob(1)) == 1
        await until(lambda: bool(everybody.stranger.contents))
    (report,) = everybody.stranger.contents
    assert b"nobody@other.test" in report
    assert b"Status: 5.1.1" in report
    assert any(line.startswith("RCPT TO:<eve@origin.test>") for line in everybody.stranger.commands)
