"""Mail from a whole server to others, over a signed DNS of our own: a real Postfix, another Zegel.

The internet is a root zone on knot, validated by unbound, and addresses of 127.0.0.0/8 that share
one port in place of 25.
"""

import asyncio
import hashlib
import re
import smtplib
import sqlite3
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from imapclient import IMAPClient

from mailserver.app.house import open_house
from tests.mailserver.mailauth.test_dane import der, spki
from tests.support.dns import dns_zone
from tests.support.house import Serving, add_person, made, serving, settings_in
from tests.support.ports import free_port
from tests.support.postfix import postfix

pytestmark = pytest.mark.long

POSTFIX, OTHER = "127.0.0.21", "127.0.0.22"
MESSAGE = b"From: ann@example.test\r\nTo: bob@there.test\r\nSubject: hello\r\n\r\n.one\r\n..two\r\n"
BOUNCE = "Action: failed"


def digest(certificate: trustme.LeafCert) -> str:
    return hashlib.sha256(spki(der(certificate))).hexdigest()


def records(port: int, key: str | None) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {
        "there.test": ["MX 10 mx.there.test."],
        "mx.there.test": [f"A {POSTFIX}"],
        "other.test": ["MX 10 mail.other.test."],
        "mail.other.test": [f"A {OTHER}"],
    }
    if key is not None:
        made[f"_{port}._tcp.mx.there.test"] = [f"TLSA 3 1 1 {key}"]
    return made


@dataclass
class Sender:
    """A running Zegel, and ann, who writes from it."""

    server: Serving
    secret: str
    directory: Path

    def _submit(self, recipients: list[str], message: bytes, options: tuple[str, ...]) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        port = self.server.ports["submissions"]
        with smtplib.SMTP_SSL("127.0.0.1", port, context=context) as client:
            client.login("ann@example.test", self.secret)
            client.sendmail("ann@example.test", recipients, message, options)

    async def submit(
        self, *recipients: str, message: bytes = MESSAGE, options: tuple[str, ...] = ()
    ) -> None:
        await asyncio.to_thread(self._submit, list(recipients), message, options)

    def queued(self) -> int:
        with sqlite3.connect(self.server.settings.data_dir / "zegel.sqlite3") as database:
            (count,) = database.execute("SELECT count(*) FROM queue").fetchone()
            (messages,) = database.execute("SELECT count(*) FROM queue_messages").fetchone()
        assert messages <= count
        return int(count)

    def tried(self) -> int:
        with sqlite3.connect(self.server.settings.data_dir / "zegel.sqlite3") as database:
            (attempts,) = database.execute("SELECT max(attempts) FROM queue").fetchone()
        return int(attempts or 0)

    def _inbox(self) -> list[bytes]:
        port = self.server.ports["imaps"]
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with IMAPClient("127.0.0.1", port, ssl_context=context) as client:
            client.login("ann@example.test", self.secret)
            client.select_folder("INBOX", readonly=True)
            found = client.fetch(client.search(), ["BODY.PEEK[]"])
        return [message[b"BODY[]"] for message in found.values()]

    async def inbox(self) -> list[bytes]:
        return await asyncio.to_thread(self._inbox)


async def until(claim: Callable[[], bool]) -> None:
    for _ in range(600):
        if claim():
            return
        await asyncio.sleep(0.05)
    pytest.fail("it did not come to pass")


@asynccontextmanager
async def sender(directory: Path, **said: object) -> AsyncIterator[Sender]:
    settings = settings_in(
        directory,
        hostname="mail.example.test",
        relay__enabled=True,
        relay__private_addresses=True,
        **said,
    )
    await made(settings)
    async with open_house(settings) as house:
        secret = await add_person(house, "ann")
    async with serving(settings) as server:
        yield Sender(server, secret, directory)


async def test_dane_takes_mail_to_postfix_in_tls_signed_and_without_a_trace_of_where(
    tmp_path: Path,
) -> None:
    certificate, port = trustme.CA().issue_cert("mx.there.test"), free_port(POSTFIX, OTHER)
    async with (
        dns_zone(records(port, digest(certificate)), signed=True) as dns,
        postfix(certificate, address=POSTFIX, port=port) as there,
        sender(tmp_path, relay__port=port, dns__nameservers=[str(dns.endpoint)]) as ann,
    ):
        await ann.submit("bob@there.test", "eve@there.test")
        await until(lambda: bool(there.messages("bob") and there.messages("eve")))
        await until(lambda: ann.queued() == 0)
        (message,) = there.messages()
        assert b"using TLSv1.3 with cipher" in message
        assert message.count(b"DKIM-Signature:") == 2
        assert message.endswith(b"\n\n.one\n..two\n")
        assert b"from mail.example.test" in message
        received = re.findall(rb"^Received:[^\n]*(?:\n[ \t][^\n]*)*", message, re.MULTILINE)
        ours = received[-1]  # T-TLS-5: who submitted it from where is nobody's business
        assert b"127.0.0.1" not in ours
        assert b"mail.example.test" not in ours
        assert there.log.count("status=sent") == 2
        assert there.connections == 2  # one of them asked whether it was up


@pytest.mark.parametrize("fault", ["wrong key", "stripped"])
async def test_t_tls_2_and_3_dane_keeps_the_mail_that_would_go_astray(
    tmp_path: Path, fault: str
) -> None:
    authority, port = trustme.CA(), free_port(POSTFIX, OTHER)
    right, wrong = authority.issue_cert("mx.there.test"), authority.issue_cert("mx.there.test")
    shown = wrong if fault == "wrong key" else right
    tls = fault != "stripped"
    async with (
        dns_zone(records(port, digest(right)), signed=True) as dns,
        postfix(shown, address=POSTFIX, port=port, tls=tls) as there,
        sender(tmp_path, relay__port=port, dns__nameservers=[str(dns.endpoint)]) as ann,
    ):
        await ann.submit("bob@there.test")
        await until(lambda: ann.tried() == 1 and there.connections >= 2)
        await asyncio.sleep(0.5)
        assert ann.queued() == 1
        assert there.messages() == []
        assert "client=" not in there.log  # nobody said MAIL


async def test_without_a_policy_postfix_gets_it_in_tls_whoever_signed_its_certificate(
    tmp_path: Path,
) -> None:
    certificate, port = trustme.CA().issue_cert("elsewhere.test"), free_port(POSTFIX, OTHER)
    async with (
        dns_zone(records(port, None), signed=True) as dns,
        postfix(certificate, address=POSTFIX, port=port) as there,
        sender(tmp_path, relay__port=port, dns__nameservers=[str(dns.endpoint)]) as ann,
    ):
        await ann.submit("bob@there.test")
        await until(lambda: bool(there.messages()))
        assert b"using TLSv1.3" in there.messages()[0]


async def test_one_zegel_writes_to_another_and_hears_of_what_failed(tmp_path: Path) -> None:
    port = free_port(POSTFIX, OTHER)
    there = settings_in(
        tmp_path / "other",
        hostname="mail.other.test",
        listeners__mx__address=f"{OTHER}:{port}",
    )
    await made(there)
    async with open_house(there) as house:
        await house.provisioning.add_domain("other.test")
    async with (
        dns_zone(records(port, None), signed=True) as dns,
        serving(there),
        sender(tmp_path / "ours", relay__port=port, dns__nameservers=[str(dns.endpoint)]) as ann,
    ):
        await ann.submit("nobody@other.test")
        await until(lambda: ann.queued() == 0)
        (report,) = await ann.inbox()
        text = report.decode()
        assert BOUNCE in text
        assert "Status: 5.1.1" in text
        assert "Remote-MTA: dns; mail.other.test" in text
        assert "Return-Path: <>" in text
        assert "From: Mail server <postmaster@example.test>" in text or "postmaster@" in text


async def test_a_domain_that_does_not_exist_is_told_at_once(tmp_path: Path) -> None:
    async with (
        dns_zone(records(25, None), signed=True) as dns,
        sender(tmp_path, dns__nameservers=[str(dns.endpoint)]) as ann,
    ):
        await ann.submit("bob@nowhere.test")
        await until(lambda: ann.queued() == 0)
        (report,) = await ann.inbox()
        assert b"Status: 5.1.2" in report


async def test_what_requires_tls_is_returned_where_the_next_server_cannot_promise_it(
    tmp_path: Path,
) -> None:
    """Postfix has TLS and no REQUIRETLS, so nobody would hold the server after it to it."""
    certificate, port = trustme.CA().issue_cert("mx.there.test"), free_port(POSTFIX, OTHER)
    async with (
        dns_zone(records(port, digest(certificate)), signed=True) as dns,
        postfix(certificate, address=POSTFIX, port=port) as there,
        sender(tmp_path, relay__port=port, dns__nameservers=[str(dns.endpoint)]) as ann,
    ):
        await ann.submit("bob@there.test", options=("REQUIRETLS",))
        await until(lambda: ann.queued() == 0)
        (report,) = await ann.inbox()
        assert b"Status: 5.7.30" in report  # RFC 8689 §4.2.1
        assert there.messages() == []
