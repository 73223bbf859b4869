"""What the server writes of its own, in the language of who reads it: through a whole server."""

import asyncio
import smtplib
import ssl
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from imapclient import IMAPClient

from mailserver.app.house import open_house
from mailserver.model.address import Address
from tests.support.house import DOMAIN, Serving, add_person, made, serving, settings_in
from tests.support.mail_host import MailHost, hosting
from tests.support.waiting import until

LETTER = b"From: noor@example.test\r\nTo: x@else.test\r\nSubject: tides\r\n\r\nHigh.\r\n"


def submit(server: Serving, secret: str, to: str) -> None:
    context = ssl.create_default_context(cafile=server.settings.tls.certificate)
    port = server.ports["submissions"]
    with smtplib.SMTP_SSL("localhost", port, context=context) as client:
        client.login("noor@example.test", secret)
        client.sendmail("noor@example.test", [to], LETTER)


def inbox(server: Serving, secret: str) -> list[EmailMessage]:
    context = ssl.create_default_context(cafile=server.settings.tls.certificate)
    port = server.ports["imaps"]
    with IMAPClient("localhost", port, ssl_context=context) as client:
        client.login("noor@example.test", secret)
        client.select_folder("INBOX", readonly=True)
        found = client.fetch(client.search(), ["BODY.PEEK[]"])
    return [message_from_bytes(each[b"BODY[]"], policy=default) for each in found.values()]


async def test_reports_on_what_failed_or_waits_are_in_the_senders_language(
    tmp_path: Path,
) -> None:
    refusing = MailHost(says={"RCPT nobody": "550 5.1.1 no", "RCPT later": "451 4.3.0 later"})
    async with hosting(refusing) as there:
        settings = settings_in(
            tmp_path,
            relay__enabled=True,
            relay__routes=[f"else.test 127.0.0.1:{there.port} none"],
            dns__nameservers=["127.0.0.1:9"],
            queue__first_retry_seconds=1,
            queue__warn_seconds=1,
        )
        await made(settings)
        async with open_house(settings) as house:
            secret = await add_person(house, "noor")
            noor = await house.directory.find(Address("noor", DOMAIN))
            await house.desk.languages.speak(noor.account_id, "nl")
        async with serving(settings) as server:
            for name in ("nobody", "later"):
                await asyncio.to_thread(submit, server, secret, f"{name}@else.test")

            async def came() -> bool:
                return len(await asyncio.to_thread(inbox, server, secret)) == 2

            await until(came)
            reports = await asyncio.to_thread(inbox, server, secret)
    said = {}
    for report in reports:
        text = report.get_body(("plain",))
        assert isinstance(text, EmailMessage)
        assert text["Content-Language"] == "nl"
        said[str(report["Subject"])] = " ".join(text.get_content().split())
    assert "Dit adres bestaat niet" in said["Uw bericht is niet bezorgd"]
    assert "U hoeft niets te doen" in said["Uw bericht is vertraagd"]
