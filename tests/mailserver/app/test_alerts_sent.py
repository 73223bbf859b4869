"""Alerts of a running server: by SMTP to elsewhere; what is lost goes to the second contact."""

import asyncio
import ssl
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from imapclient import IMAPClient

from mailserver.app.alarms import watch
from mailserver.app.house import open_house
from tests.support.house import DOMAIN, Serving, add_person, made, serving, settings_in
from tests.support.mail_host import MailHost, hosting
from tests.support.waiting import until


def inbox(server: Serving, secret: str) -> list[EmailMessage]:
    context = ssl.create_default_context(cafile=server.settings.tls.certificate)
    with IMAPClient("localhost", server.ports["imaps"], ssl_context=context) as client:
        client.login(f"noor@{DOMAIN}", secret)
        client.select_folder("INBOX", readonly=True)
        found = client.fetch(client.search(), ["BODY.PEEK[]"])
    letters = [message_from_bytes(each[b"BODY[]"], policy=default) for each in found.values()]
    return [one for one in letters if isinstance(one, EmailMessage)]


@pytest.mark.long
async def test_alerts_leave_by_smtp_and_come_back_to_the_second_contact(
    tmp_path: Path, databases: dict[str, str]
) -> None:
    refusing = MailHost(says={"RCPT gone": "550 5.1.1 nobody here"})
    async with hosting(refusing) as there:
        settings = settings_in(
            tmp_path,
            **databases,
            alerts__to=["it@else.test", "gone@else.test", f"nobody@{DOMAIN}"],
            alerts__fallback=[f"noor@{DOMAIN}"],
            alerts__language="de",
            relay__enabled=True,
            relay__private_addresses=True,
            relay__routes=[f"else.test 127.0.0.1:{there.port} none"],
        )
        await made(settings)
        async with open_house(settings) as house:
            secret = await add_person(house, "noor")
            # As `zegel alerts test` does beside the server, which is still to start here.
            assert len(await watch(house).alerts.test()) == 3
        async with serving(settings) as server:

            async def came() -> bool:
                found = await asyncio.to_thread(inbox, server, secret)
                return bool(found) and bool(there.contents)

            await until(came)
            passed = await asyncio.to_thread(inbox, server, secret)
    assert len(passed) == 1, "two of one letter were lost: it is passed on once"
    assert "Probe: Warnungen kommen hier an" in passed[0]["Subject"]
    assert "erreichte seine ersten Leser nicht" in passed[0].get_content()
    assert passed[0]["Auto-Submitted"] == "auto-generated"
    sent = message_from_bytes(there.contents[0], policy=default)
    assert "Probe: Warnungen kommen hier an" in sent["Subject"]
    assert sent["From"] == f"postmaster@{DOMAIN}"
    assert any(line.startswith("MAIL FROM:<>") for line in there.commands)
