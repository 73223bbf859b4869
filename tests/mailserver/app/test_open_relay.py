"""Every dress in which mail for elsewhere comes, at a server with a catch-all, a group and roles.

Spoken over the wire to a whole server: what is ours is taken, nothing is relayed, and each refusal
has the code that tells its sender why (RFC 5321 §3.6.2, §4.5.1, appendix F.2).
"""

import asyncio
import smtplib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailserver.app.house import open_house
from mailserver.model.address import Address
from mailserver.vault.receiving import Posting
from tests.support.house import DOMAIN, Serving, add_person, made, serving, settings_in
from tests.support.waiting import until
from tests.support.wire import RawWire

NOOR = Address("noor", DOMAIN)
LETTER = b"From: noor@example.test\r\nSubject: tides\r\n\r\nHigh water at noon.\r\n"


@dataclass(frozen=True)
class Relayless:
    """A server that relays for its own people, and Noor's app password."""

    server: Serving
    secret: str

    def rcpt(self, path: str, sender: str = "joe@else.test") -> str:
        """Ask the MX for one recipient, as it stands; return the reply's codes."""
        with socket.create_connection(("127.0.0.1", self.server.ports["mx"])) as connection:
            wire = RawWire(connection)
            wire.reply()
            assert wire.ask(b"EHLO else.test").startswith(b"250")
            assert wire.ask(f"MAIL FROM:<{sender}>".encode()).startswith(b"250")
            return wire.ask(f"RCPT TO:{path}".encode())[:9].decode()

    def submit(self, sender: str, to: str) -> tuple[int, str]:
        """Submit a message; return the code and words of the last reply."""
        context = ssl.create_default_context(cafile=self.server.settings.tls.certificate)
        port = self.server.ports["submissions"]
        with smtplib.SMTP_SSL("localhost", port, context=context) as client:
            client.login("noor@example.test", self.secret)
            try:
                client.sendmail(sender, [to], LETTER.replace(b"noor@example.test", sender.encode()))
            except smtplib.SMTPSenderRefused as refused:
                return refused.smtp_code, bytes(refused.smtp_error).decode()
            except smtplib.SMTPRecipientsRefused as refused:
                code, why = refused.recipients[to]
                return code, why.decode()
            except smtplib.SMTPDataError as refused:
                words = refused.smtp_error
                return refused.smtp_code, words if isinstance(words, str) else words.decode()
        return 250, ""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Relayless]:
    settings = settings_in(
        tmp_path,
        hostname="mail.example.test",
        relay__enabled=True,
        dns__nameservers=["127.0.0.1:9"],
        limits__sending_messages_per_minute=16,
    )
    await made(settings)
    async with open_house(settings) as opened:
        secret = await add_person(opened, "noor")
        await add_person(opened, "bram")
        people = opened.people
        await people.addresses.add_alias(NOOR, Address("n.dewit", DOMAIN))
        await people.addresses.add_group(Address("team", DOMAIN), [NOOR], Posting.MEMBERS)
        await people.domain_rules.set_catch_all(DOMAIN, NOOR)
    async with serving(settings) as server:
        yield Relayless(server, secret)


OURS = [
    "<noor@example.test>",
    "<NOOR@EXAMPLE.TEST>",
    "<noor+anything@example.test>",
    '<"noor"@example.test>',
    "<n.dewit@example.test>",
    "<team@example.test>",
    "<team+x@example.test>",
    "<anybody@example.test>",
    # A source route is read over: the mailbox at its end is ours (RFC 5321 §4.1.1.3).
    "<@else.test:noor@example.test>",
    "<@else.test,@other.test:noor@example.test>",
]
NOT_OURS = [
    "<victim@else.test>",
    "<@example.test:victim@else.test>",
    "<@example.test,@mail.example.test:victim@else.test>",
    "<victim%example.test@else.test>",
    "<victim@mail.example.test>",
    "<victim@[127.0.0.1]>",
    '<"noor@example.test"@else.test>',
    "<example.test!noor@else.test>",
    "<noor@sub.example.test>",
    "<noor@xexample.test>",
    "<postmaster@else.test>",
    "<postmaster+x@mail.example.test>",
]
NOBODYS = [
    "<victim%else.test@example.test>",
    "<else.test!victim@example.test>",
    "<@else.test:victim%other.test@example.test>",
    '<"victim@else.test"@example.test>',
    '<"victim@else.test+x"@example.test>',
    '<"@else.test:victim@other.test"@example.test>',
]
REWRITTEN = [
    "<SRS0=aaaaaa=aa=else.test=victim@example.test>",
    "<srs0+aaaaaa=aa=else.test=victim@example.test>",
    "<SRS1=aaaaaa=else.test==bbbbbb=aa=other.test=victim@example.test>",
]
NO_PATHS = [
    ("<victim@else.test@example.test>", "553 5.1.3"),
    ("<noor@example.test@else.test>", "553 5.1.3"),
    ("<noor>", "553 5.1.3"),
    ("<@example.test>", "553 5.1.3"),
    ("<>", "553 5.1.3"),
    ("noor@example.test", "501 5.5.4"),
    ("<noor@example.test", "501 5.5.4"),
    ("<noor@example.test>,<victim@else.test>", "501 5.5.4"),
    ("<noor@example.test> <victim@else.test>", "501 5.5.4"),
]
ROLES = [
    "<postmaster>",
    "<Postmaster>",
    "<POSTMASTER>",
    "<postmaster@example.test>",
    "<PostMaster@mail.example.test>",
    "<abuse@example.test>",
]


async def test_no_dress_opens_the_relay(house: Relayless) -> None:
    def ask() -> dict[str, str]:
        paths = [*OURS, *NOT_OURS, *NOBODYS, *REWRITTEN, *ROLES, *(path for path, _ in NO_PATHS)]
        return {path: house.rcpt(path) for path in paths}

    said = await asyncio.to_thread(ask)
    expected = dict.fromkeys(OURS, "250 2.1.5")
    expected |= dict.fromkeys(NOT_OURS, "550 5.7.1")
    expected |= dict.fromkeys(NOBODYS, "550 5.1.1")
    expected |= dict.fromkeys(REWRITTEN, "550 5.7.1")
    expected |= dict.fromkeys(ROLES, "450 4.2.1")  # nobody answers yet: they wait
    expected |= dict(NO_PATHS)
    assert said == expected


async def test_who_says_to_be_ours_relays_no_more_than_others(house: Relayless) -> None:
    for sender in ("noor@example.test", "", "postmaster@mail.example.test"):
        said = await asyncio.to_thread(house.rcpt, "<victim@else.test>", sender)
        assert said == "550 5.7.1"


def answered(house: Relayless, path: str) -> bool:
    return house.rcpt(path) == "250 2.1.5"


async def test_roles_are_answered_once_somebody_is_named(house: Relayless) -> None:
    async with open_house(house.server.settings) as beside:  # as the command line does
        await beside.people.domain_rules.set_role(DOMAIN, "postmaster", NOOR)
    for path in ROLES:  # another process's change is seen within two seconds
        await until(lambda path=path: asyncio.to_thread(answered, house, path))


SENDERS = {
    "noor@example.test": 250,
    "noor+news@example.test": 250,
    "n.dewit@example.test": 250,
    "bram@example.test": 550,
    "team@example.test": 550,  # a member is not the group
    "anybody@example.test": 550,  # nor does who gets a catch-all own what it catches
    "postmaster@example.test": 550,
    "noor@else.test": 550,
}


async def test_people_send_as_themselves(house: Relayless) -> None:
    said = {
        sender: await asyncio.to_thread(house.submit, sender, "noor@example.test")
        for sender in SENDERS
    }
    assert {sender: code for sender, (code, _) in said.items()} == SENDERS
    assert all(words.startswith("5.7.1") for code, words in said.values() if code != 250)


async def test_over_the_limit_is_a_450(house: Relayless) -> None:
    """T-RATE-1 on the wire: sixteen a minute, of which a new account has four."""
    said = [
        await asyncio.to_thread(house.submit, "noor@example.test", "noor@example.test")
        for _ in range(5)
    ]
    assert [code for code, _ in said] == [250, 250, 250, 250, 450]
    assert said[4][1].startswith("4.7.1 enough for now: 4 messages a minute")
