"""Other people's clients against our edges: smtplib, curl and swaks."""

import asyncio
import shutil
import smtplib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest

from mailserver.smtp.listener import Listener
from mailserver.smtp.policy import Service
from tests.support.smtp import Gate, Mailroom, Tls, policy, serving, shared

BODY = "hello\n.\n..\n.leading dot\n" + "x" * 300 + "\nend\n"


@dataclass(frozen=True, slots=True)
class Edges:
    room: Mailroom
    tls: Tls
    mx: int
    submission: int
    submissions: int
    lmtp: int


@pytest.fixture
async def edges(tmp_path: Path) -> AsyncIterator[Edges]:
    room, gate, tls, counters = Mailroom(), Gate(), Tls(tmp_path), shared()
    user = policy(Service.SUBMISSION)
    async with (
        serving(Listener.mx(room, policy(Service.MX), counters, tls=tls.server)) as mx,
        serving(
            Listener.submission(room, gate, user, counters, tls=tls.server, implicit_tls=False)
        ) as submission,
        serving(
            Listener.submission(room, gate, user, counters, tls=tls.server, implicit_tls=True)
        ) as submissions,
        serving(Listener.lmtp(room, policy(Service.LMTP), counters)) as lmtp,
    ):
        yield Edges(room, tls, mx, submission, submissions, lmtp)


async def run(*command: str, stdin: bytes = b"") -> str:
    """Run a client that must succeed."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(30):
        out, _ = await process.communicate(stdin)
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_smtplib(edges: Edges) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "alice@zegel.test", "bob@zegel.test"
    message["Subject"] = "d\u00e9j\u00e0 vu"
    message.set_content(BODY)

    def talk() -> None:
        with smtplib.SMTP("127.0.0.1", edges.mx) as client:
            client.starttls(context=edges.tls.client)
            client.send_message(message)
            client.sendmail("", ["bob@zegel.test", "carol@zegel.test"], "Subject: a\r\n\r\nb\r\n")
        with smtplib.SMTP_SSL("localhost", edges.submissions, context=edges.tls.client) as client:
            client.login("alice@zegel.test", "app-password")
            client.send_message(message)
        with smtplib.LMTP("127.0.0.1", edges.lmtp) as client:
            refused = client.sendmail(
                "a@b.example", ["bob@zegel.test", "x@elsewhere.test"], "Subject: a\r\n\r\nb\r\n"
            )
            assert list(refused) == ["x@elsewhere.test"]

    await asyncio.to_thread(talk)
    assert len(edges.room.taken) == 4
    assert b"\r\n.\r\n..\r\n.leading dot\r\n" in edges.room.taken[0].octets
    assert edges.room.taken[1].sender is None


async def test_curl(edges: Edges, tmp_path: Path) -> None:
    letter = tmp_path / "letter"
    text = "From: alice@zegel.test\nSubject: curl\n\n" + BODY
    letter.write_bytes(text.replace("\n", "\r\n").encode())
    common = ["curl", "-sS", "--cacert", str(edges.tls.certificate), "--upload-file", str(letter)]
    common += ["--mail-from", "alice@zegel.test", "--mail-rcpt", "bob@zegel.test"]
    user = ["--user", "alice@zegel.test:app-password"]
    await run(*common, f"smtp://localhost:{edges.mx}/client.example", "--ssl-reqd")
    await run(*common, *user, f"smtp://localhost:{edges.submission}/", "--ssl-reqd")
    await run(
        *common, *user, "--login-options", "AUTH=LOGIN", f"smtps://localhost:{edges.submissions}/"
    )
    assert [message.octets for message in edges.room.taken] == [letter.read_bytes()] * 3


async def test_swaks(edges: Edges) -> None:
    def swaks(port: int, *options: str) -> list[str]:
        return [
            "swaks", "--server", f"127.0.0.1:{port}", "--from", "alice@zegel.test",
            "--to", "bob@zegel.test,carol@zegel.test", "--body", BODY, *options,
        ]  # fmt: skip

    user = ["--auth-user", "alice@zegel.test", "--auth-password", "app-password"]
    await run(*swaks(edges.mx))
    await run(*swaks(edges.mx, "--pipeline", "-tls"))
    await run(*swaks(edges.submission, "-tls", "--auth", "PLAIN", *user))
    await run(*swaks(edges.submissions, "-tlsc", "--auth", "LOGIN", *user))
    await run(*swaks(edges.lmtp, "--protocol", "LMTP", "--pipeline"))
    assert len(edges.room.taken) == 5
    for message in edges.room.taken:
        assert message.recipients == ["bob@zegel.test", "carol@zegel.test"]
        assert b"\r\n.\r\n..\r\n.leading dot\r\n" in message.octets
