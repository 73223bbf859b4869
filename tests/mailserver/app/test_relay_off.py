"""A server that sends nothing to other servers: its own people lose nothing by it."""

import asyncio
import smtplib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from imapclient import IMAPClient

from mailserver.app.house import House, open_house
from mailserver.mail.scripts import Scripts
from mailserver.model.address import Address
from mailserver.model.sealed import Plaintext
from tests.support.house import DOMAIN, Serving, add_person, made, serving, settings_in
from tests.support.waiting import until

NOOR, BRAM = Address("noor", DOMAIN), Address("bram", DOMAIN)
pytestmark = pytest.mark.long  # each starts a server of its own

FRIEND = Address("friend", "else.test")


@dataclass(frozen=True)
class Closed:
    """The server, and its people's app passwords."""

    server: Serving
    secrets: dict[str, str]

    def arrive(self, to: str, subject: str) -> tuple[int, str]:
        """Bring mail from another server; return code and words of the last reply."""
        with smtplib.SMTP("127.0.0.1", self.server.ports["mx"]) as client:
            return _sent(client, "joe@else.test", to, subject)

    def submit(self, name: str, to: str, subject: str) -> tuple[int, str]:
        context = ssl.create_default_context(cafile=self.server.settings.tls.certificate)
        port = self.server.ports["submissions"]
        with smtplib.SMTP_SSL("localhost", port, context=context) as client:
            client.login(f"{name}@{DOMAIN}", self.secrets[name])
            return _sent(client, f"{name}@{DOMAIN}", to, subject)

    def inbox(self, name: str) -> dict[str, EmailMessage]:
        """Return what is in an INBOX, by subject."""
        context = ssl.create_default_context(cafile=self.server.settings.tls.certificate)
        with IMAPClient("localhost", self.server.ports["imaps"], ssl_context=context) as client:
            client.login(f"{name}@{DOMAIN}", self.secrets[name])
            client.select_folder("INBOX", readonly=True)
            found = client.fetch(client.search(), ["BODY.PEEK[]"])
        parsed = [message_from_bytes(each[b"BODY[]"], policy=default) for each in found.values()]
        return {str(each["Subject"]): each for each in parsed}

    async def comes(self, name: str, subject: str) -> EmailMessage:
        """Wait for a message; return it."""

        async def came() -> bool:
            return subject in await asyncio.to_thread(self.inbox, name)

        await until(came)
        return (await asyncio.to_thread(self.inbox, name))[subject]


def _sent(client: smtplib.SMTP, sender: str, to: str, subject: str) -> tuple[int, str]:
    octets = f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nHello.\r\n".encode()
    client.ehlo()
    client.mail(sender)
    code, words = client.rcpt(to)
    if code == 250:
        code, words = client.data(octets)
    return code, words.decode()


async def _script(house: House, address: Address, text: str) -> None:
    """Let an account have a filter."""
    found = await house.directory.find(address)
    approved, sieve = house.people.forwards.approved, house.settings.sieve
    scripts = Scripts(house.store, found.account_id, found.guard, house.chain, approved, sieve)
    await scripts.put("main", Plaintext(text.encode()))
    await scripts.activate("main")


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[Closed]:
    settings = settings_in(tmp_path, relay__enabled=False, dns__nameservers=["127.0.0.1:9"])
    await made(settings)
    async with open_house(settings) as house:
        secrets = {name: await add_person(house, name) for name in ("noor", "bram")}
        addresses = house.people.addresses
        await addresses.add_group(Address("team", DOMAIN), [NOOR, BRAM, FRIEND])
        await addresses.add_group(Address("away", DOMAIN), [FRIEND])
        bram = await house.directory.find(BRAM)
        for target in (FRIEND, NOOR):
            await house.people.forwards.approve(bram.account_id, target)
    async with serving(settings, seconds=120.0) as server:
        yield Closed(server, secrets)


async def test_mail_for_another_server_is_refused_and_told_why(closed: Closed) -> None:
    code, words = await asyncio.to_thread(closed.submit, "noor", "joe@else.test", "away")
    assert code == 550
    assert words.startswith("5.7.1 ")
    assert "relaying is not configured" in words


async def test_a_group_serves_its_members_here_and_reports_the_others(closed: Closed) -> None:
    code, _ = await asyncio.to_thread(closed.submit, "noor", f"team@{DOMAIN}", "tides")
    assert code == 250
    for name in ("noor", "bram"):
        await closed.comes(name, "tides")
    report = await closed.comes("noor", "Your message was not delivered")
    assert "friend@else.test" in str(report)
    assert "5.7.1" in str(report)
    assert "sends no mail to other servers" in str(report)


async def test_mail_of_a_stranger_reaches_the_members_here(closed: Closed) -> None:
    code, _ = await asyncio.to_thread(closed.arrive, f"team@{DOMAIN}", "from outside")
    assert code == 250
    for name in ("noor", "bram"):
        await closed.comes(name, "from outside")


async def test_a_group_of_people_elsewhere_is_refused_clearly(closed: Closed) -> None:
    for code, words in (
        await asyncio.to_thread(closed.arrive, f"away@{DOMAIN}", "x"),
        await asyncio.to_thread(closed.submit, "noor", f"away@{DOMAIN}", "x"),
    ):
        assert code == 550
        assert words.startswith("5.7.1 ")
        assert "other servers" in words


async def test_a_filter_that_sends_on_loses_nothing(closed: Closed) -> None:
    async with open_house(closed.server.settings) as beside:  # as another process does
        await _script(beside, BRAM, f'redirect "{FRIEND}";')
    code, _ = await asyncio.to_thread(closed.arrive, str(BRAM), "kept")
    assert code == 250
    await closed.comes("bram", "kept")


async def test_a_filter_sends_on_to_a_colleague(closed: Closed) -> None:
    async with open_house(closed.server.settings) as beside:
        await _script(beside, BRAM, f'redirect "{NOOR}";')
    code, _ = await asyncio.to_thread(closed.arrive, str(BRAM), "passed on")
    assert code == 250
    await closed.comes("noor", "passed on")
    assert "passed on" not in await asyncio.to_thread(closed.inbox, "bram")


async def test_an_answer_that_cannot_leave_is_not_written(closed: Closed) -> None:
    async with open_house(closed.server.settings) as beside:
        await _script(beside, BRAM, 'require "vacation"; vacation "Away.";')
    assert (await asyncio.to_thread(closed.arrive, str(BRAM), "hello"))[0] == 250
    assert (await asyncio.to_thread(closed.submit, "noor", str(BRAM), "hello too"))[0] == 250
    await closed.comes("noor", "Auto: hello too")
    async with open_house(closed.server.settings) as beside:
        assert [each async for each in beside.queue_desk.listing()] == []
