"""T-SRV-1 as programs meet it: whoever's key was taken away searches nothing, by IMAP or by JMAP.

A program is let in by opening the account with its password, so there is no session of a locked
account; there is one whose key is taken away while it lasts. Deviates: IMAP then says BYE
[UNAVAILABLE] in place of NO, for nothing that session asks can work any more; JMAP says 401, and
who signs in again may search. What filters keep is delivered meanwhile.
"""

import asyncio
import smtplib
from pathlib import Path

import httpx
import pytest

from mailserver.app.house import open_house
from mailserver.app.serving import running
from mailserver.model.address import Address
from mailserver.operations.first_run import make_certificate
from mailserver.runtime.background import background
from mailserver.runtime.tls import ServerTls
from tests.support.house import add_person, made, settings_in
from tests.support.web import WEB

pytestmark = pytest.mark.long

WHO = "noor@example.test"
LETTER = b"From: a@b.test\r\nTo: noor@example.test\r\nSubject: hello\r\n\r\nzeldzaamwoordje\r\n"
MAIL = "urn:ietf:params:jmap:mail"
USING = ["urn:ietf:params:jmap:core", MAIL]


async def say(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: str, end: str
) -> str:
    """Send a command; return all up to the line that begins with `end`, or to the very end."""
    writer.write(f"{line}\r\n".encode())
    said = ""
    async with asyncio.timeout(20):
        while octets := await reader.readline():
            said += octets.decode()
            if octets.decode().startswith(end):
                break
    return said


def query(account_id: str) -> dict[str, object]:
    """Ask for what a body says."""
    call = ["Email/query", {"accountId": account_id, "filter": {"body": "zeldzaam"}}, "0"]
    return {"using": USING, "methodCalls": [call]}


def deliver(port: int) -> None:
    with smtplib.LMTP("127.0.0.1", port) as client:
        client.sendmail("a@b.test", [WHO], LETTER)


async def test_t_srv_1_whose_key_was_taken_away_searches_nothing_and_still_gets_mail(
    tmp_path: Path,
) -> None:
    settings = settings_in(
        tmp_path, **{**WEB, "listeners__imap__tls": "none", "listeners__lmtp__tls": "none"}
    )
    await made(settings)
    make_certificate(settings)
    certificate = ServerTls(settings.tls.certificate, settings.tls.private_key)
    async with open_house(settings) as house, background() as tasks:
        secret = await add_person(house, "noor")
        async with running(house, tasks, certificate) as doors:
            ports = {door.name: door.address.port for door in doors}
            await asyncio.to_thread(deliver, ports["lmtp"])
            reader, writer = await asyncio.open_connection("127.0.0.1", ports["imap"])
            await say(reader, writer, f"a LOGIN {WHO} {secret}", "a ")
            await say(reader, writer, "b SELECT INBOX", "b ")
            found = await say(reader, writer, "c SEARCH BODY zeldzaam", "c ")
            assert "* SEARCH 1\r\n" in found
            async with httpx.AsyncClient(
                base_url=f"https://localhost:{ports['api']}", verify=False, auth=(WHO, secret)
            ) as client:
                session = (await client.get("/jmap/session")).json()
                asked = query(session["primaryAccounts"][MAIL])
                (answer,) = (await client.post("/jmap", json=asked)).json()["methodResponses"]
                assert len(answer[1]["ids"]) == 1

                account = await house.directory.holder(Address.parse(WHO))
                assert account is not None
                (password,) = await house.app_passwords.listing(account.account_id)
                await house.app_passwords.revoke(account.account_id, password.id)
                said = await say(reader, writer, "d SEARCH BODY zeldzaam", "d ")
                assert "BYE [UNAVAILABLE]" in said
                assert "* SEARCH" not in said
                refused = await client.post("/jmap", json=asked)
            assert refused.status_code == 401
            assert "methodResponses" not in refused.text
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", ports["imap"])
            await reader.readline()
            assert "a NO [AUTHENTICATIONFAILED]" in await say(
                reader, writer, f"a LOGIN {WHO} {secret}", "a "
            )
            writer.close()
            await asyncio.to_thread(deliver, ports["lmtp"])
