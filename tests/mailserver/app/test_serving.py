import asyncio
import imaplib
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mailserver.app.house import open_house
from mailserver.app.serving import running, serving_since
from mailserver.mail.delivery import Incoming
from mailserver.model.address import Address
from mailserver.model.errors import Misconfigured
from mailserver.model.sealed import Plaintext
from mailserver.runtime.background import background
from mailserver.runtime.settings import Settings
from mailserver.runtime.tls import create_self_signed
from mailserver.store.keystore import DeleteAll
from mailserver.store.keystore_tables import Rows
from tests.support.command import ROOT, Zegel, prepared
from tests.support.house import Serving, add_person, made, serving, settings_in
from tests.support.server import LISTENERS
from tests.support.waiting import wait_until

LETTER = b"From: <joe@else.test>\r\nSubject: tides\r\n\r\nHigh water at noon.\r\n"


async def peopled(directory: Path, **overrides: object) -> tuple[Settings, str]:
    settings = settings_in(directory, **overrides)
    await made(settings)
    async with open_house(settings) as house:
        secret = await add_person(house, "noor")
    return settings, secret


def deliver(ports: dict[str, int], door: str) -> None:
    kind = smtplib.LMTP if door == "lmtp" else smtplib.SMTP
    with kind("127.0.0.1", ports[door]) as client:
        client.sendmail("joe@else.test", ["noor@example.test"], LETTER)


def submit(server: Serving, secret: str, door: str) -> None:
    context = ssl.create_default_context(cafile=server.settings.tls.certificate)
    port = server.ports[door]
    if door == "submissions":
        client: smtplib.SMTP = smtplib.SMTP_SSL("localhost", port, context=context)
    else:
        client = smtplib.SMTP("localhost", port)
        client.starttls(context=context)
    with client:
        client.login("noor@example.test", secret)
        client.sendmail(
            "noor@example.test", ["noor@example.test"], LETTER.replace(b"joe@else", b"noor@example")
        )


def subjects(server: Serving, secret: str, door: str) -> list[bytes]:
    context = ssl.create_default_context(cafile=server.settings.tls.certificate)
    port = server.ports[door]
    if door == "imaps":
        client: imaplib.IMAP4 = imaplib.IMAP4_SSL("localhost", port, ssl_context=context)
    else:
        client = imaplib.IMAP4("localhost", port)
        client.starttls(context)
    with client:
        client.login("noor@example.test", secret)
        client.select("INBOX", readonly=True)
        _, found = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    return [part[1].strip() for part in found if isinstance(part, tuple)]


async def test_what_comes_in_by_every_door_is_read_at_every_door(tmp_path: Path) -> None:
    settings, secret = await peopled(tmp_path)
    async with serving(settings) as server:
        assert set(server.ports) == {"mx", "lmtp", "submission", "submissions", "imap", "imaps"}
        for door in ("mx", "lmtp"):
            await asyncio.to_thread(deliver, server.ports, door)
        for door in ("submission", "submissions"):
            await asyncio.to_thread(submit, server, secret, door)
        for door in ("imap", "imaps"):
            found = await asyncio.to_thread(subjects, server, secret, door)
            assert found == [b"Subject: tides"] * 4


async def test_what_was_accepted_is_there_after_a_stop(tmp_path: Path) -> None:
    settings, secret = await peopled(tmp_path)
    for count in (1, 2):
        async with serving(settings) as server:
            await asyncio.to_thread(deliver, server.ports, "mx")
            found = await asyncio.to_thread(subjects, server, secret, "imaps")
            assert len(found) == count


async def comes_true(claim: Callable[[], bool]) -> None:
    """Wait until `claim` holds; five seconds, which is what PRIVACY §6 allows a server."""
    async with asyncio.timeout(5):
        while not claim():  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0.05)


async def test_keys_of_an_account_erased_elsewhere_are_gone_within_five_seconds(
    tmp_path: Path,
) -> None:
    off = {f"listeners__{name}__address": "off" for name in LISTENERS}
    settings, _ = await peopled(tmp_path, **off)
    noor = Address.parse("noor@example.test")
    letter = Incoming(Plaintext(LETTER), None, b"Received: here\r\n")
    async with (
        open_house(settings) as house,
        open_house(settings) as command,
        background() as tasks,
        running(house, tasks, None),
    ):
        delivery = house.delivery
        assert await delivery.deliver(letter, [await delivery.recipient(noor)]) == [None]
        assert delivery.accounts()
        await command.provisioning.remove_user(noor)
        await comes_true(lambda: not (delivery.accounts() or house.keyring.accounts()))


async def test_a_purge_that_was_put_off_is_made_up_for(tmp_path: Path) -> None:
    off = {f"listeners__{name}__address": "off" for name in LISTENERS}
    settings, _ = await peopled(tmp_path, **off)
    async with open_house(settings) as house, background() as tasks:
        (account,) = await house.store.accounts.listing()
        await house.keyring.apply([DeleteAll(Rows.WRAPS, account.account_id)])
        assert house.keystore.has_condemned
        async with running(house, tasks, None):
            await comes_true(lambda: not house.keystore.has_condemned)


async def test_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    settings, _ = await peopled(tmp_path)
    assert serving_since(settings) is None
    made_at = settings.keys.master_file.stat().st_mtime
    async with serving(settings):
        since = serving_since(settings)
        assert since is not None
        assert since > made_at
        with pytest.raises(ExceptionGroup) as refused:
            async with serving(settings):
                pytest.fail("two servers on one database")
    assert refused.group_contains(Misconfigured, match="another server is running")
    assert serving_since(settings) is None


async def test_address_in_use_is_told_by_the_listener_s_name(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings, _ = await peopled(tmp_path, listeners__mx__address=f"127.0.0.1:{port}")
        with pytest.raises(ExceptionGroup) as refused:
            async with serving(settings):
                pytest.fail("it cannot have that port")
    assert refused.group_contains(Misconfigured, match=r"listeners\.mx: cannot listen")


async def test_listener_that_is_off_stays_closed(tmp_path: Path) -> None:
    settings, _ = await peopled(
        tmp_path, listeners__submission__address="off", listeners__imap__address="off"
    )
    async with serving(settings) as server:
        assert set(server.ports) == {"mx", "lmtp", "submissions", "imaps"}


async def test_bound_on_connections_holds_across_doors(tmp_path: Path) -> None:
    settings, _ = await peopled(tmp_path, limits__connections_per_address=2)
    async with serving(settings) as server:
        readers = [
            await asyncio.open_connection("127.0.0.1", server.ports[door])
            for door in ("mx", "imap", "lmtp")
        ]
        greetings = [await reader.readline() for reader, _ in readers]
        for _, writer in readers:
            writer.close()
    assert greetings[0].startswith(b"220")
    assert greetings[1].startswith(b"* OK")
    assert greetings[2].startswith(b"421")


def started(zegel: Zegel, *words: str) -> subprocess.Popen[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ZEGEL_")}
    for name in ("MX", "SUBMISSION", "SUBMISSIONS", "IMAP", "IMAPS", "HTTPS", "API"):
        environ[f"ZEGEL_LISTENERS_{name}_ADDRESS"] = "127.0.0.1:0"
    return subprocess.Popen(
        [sys.executable, "-m", "mailserver", "serve", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**environ, "ZEGEL_CONFIG": str(zegel.config)},
    )


def imaps_port(server: subprocess.Popen[str]) -> int:
    assert server.stdout is not None
    for line in server.stdout:
        if "(IMAP)" in line and line.rstrip().endswith(" TLS"):
            return int(line.split()[3].rpartition(":")[2])
    raise AssertionError(server.communicate()[1])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_in_order(tmp_path: Path, how: signal.Signals) -> None:
    server = started(prepared(tmp_path / "run"))
    port = imaps_port(server)
    with socket.create_connection(("127.0.0.1", port)):  # a client that says nothing
        server.send_signal(how)
        _, said = server.communicate(timeout=30)
    assert server.returncode == 0, said
    assert '"event":"stopped"' in said
    assert "Traceback" not in said


def test_certificate_is_exchanged_on_sighup(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    tls = tmp_path / "run" / "tls"
    server = started(zegel)
    try:
        port = imaps_port(server)
        first = ssl.get_server_certificate(("127.0.0.1", port))
        for file in tls.iterdir():
            file.unlink()
        create_self_signed(tls / "certificate.pem", tls / "key.pem", "localhost")
        server.send_signal(signal.SIGHUP)
        wait_until(lambda: ssl.get_server_certificate(("127.0.0.1", port)) != first)
    finally:
        server.terminate()
        server.communicate(timeout=30)


def test_guide_says_what_to_do_next(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    server = started(zegel, "--guide")
    try:
        assert server.stdout is not None
        said = ""
        while "zegel demo" not in said:
            said += server.stdout.readline()
    finally:
        server.terminate()
        server.communicate(timeout=30)
    assert str(zegel.config) in said
    assert "zegel user add" in said
