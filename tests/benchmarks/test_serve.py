"""The line that `benchmarks.serve` prints is what other programs measure and test by: it stays."""

import imaplib
import smtplib
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.server import ROOT, Server, databases

ADDRESSES = ("imap", "imaps", "mx", "submission", "submissions", "lmtp")
ORIGINS = ("https", "api", "admin")
UNBUILT = {"admin"}
TEXTS = ("ca_file", "user_pattern", "password_pattern", "account_password", "data_dir")
PASSWORD = "correct horse battery staple"
LETTER = b"Subject: a letter\r\n\r\nThat outlives a restart.\r\n"


@pytest.mark.long
def test_the_line_has_every_key_and_no_other(tmp_path: Path) -> None:
    server = Server(tmp_path, users=2)
    try:
        found = server.start().found
        assert set(found) == {*ADDRESSES, *ORIGINS, *TEXTS, "pid"}
        assert {name for name, value in found.items() if value is None} == UNBUILT
        for name in ADDRESSES:
            assert found[name].startswith("127.0.0.1:")
        for name in set(ORIGINS) - UNBUILT:
            assert found[name].startswith("https://127.0.0.1:")
        assert found["user_pattern"] == "bench{n}@bench.test"
        assert "{n}" in found["password_pattern"]
        assert found["account_password"] == PASSWORD
        assert found["data_dir"] == str(server.data)
        keeps_its_promises(found)
        pid, ports = found["pid"], [found[name] for name in ADDRESSES]
        server.kill()
        again = server.start().found  # with --data and --ports of before
        assert again["pid"] != pid
        assert [again[name] for name in ADDRESSES] == ports
        assert read(again, 1) == LETTER
        assert server.stop() == 0
    finally:
        server.kill()


def keeps_its_promises(found: dict[str, Any]) -> None:
    """Use each user, each way in, and more wrong passwords than a server with limits bears."""
    tls = ssl.create_default_context(cafile=found["ca_file"])
    for number in (0, 1):
        user, secret = credential(found, number)
        host, _, port = found["submissions"].partition(":")
        with smtplib.SMTP_SSL("localhost", int(port), context=tls) as client:
            client.login(user, secret)
        with httpx.Client(verify=tls, trust_env=False) as client:
            session = found["api"].replace(host, "localhost") + "/jmap/session"
            assert client.get(session, auth=(user, secret)).status_code == 200
    for _ in range(15):
        with imap(found) as client, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONF"):
            client.login(credential(found, 0)[0], PASSWORD)  # no mail protocol takes it
    host, _, port = found["mx"].partition(":")
    with smtplib.SMTP(host, int(port)) as client:
        client.sendmail("a@elsewhere.test", [credential(found, 1)[0]], LETTER)
    assert read(found, 1) == LETTER


def credential(found: dict[str, Any], number: int) -> tuple[str, str]:
    """Return the address and app password of a user, by the patterns."""
    user, secret = found["user_pattern"], found["password_pattern"]
    return user.replace("{n}", str(number)), secret.replace("{n}", str(number))


def imap(found: dict[str, Any]) -> imaplib.IMAP4:
    """Connect, in the clear."""
    host, _, port = found["imap"].partition(":")
    return imaplib.IMAP4(host, int(port))


def read(found: dict[str, Any], number: int) -> bytes:
    """Return what the newest letter of a user says, from its subject on."""
    with imap(found) as client:
        client.login(*credential(found, number))
        client.select("INBOX", readonly=True)
        _, parts = client.fetch("*", "(BODY.PEEK[])")
    assert isinstance(parts[0], tuple)
    whole: bytes = parts[0][1]
    return whole[whole.index(b"Subject:") :]


def test_several_workers_need_postgresql(tmp_path: Path) -> None:
    options = ["--users", "1", "--workers", "2", "--data", str(tmp_path / "data")]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.serve", *options],
        cwd=ROOT,
        env=Server(tmp_path).environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    assert "PostgreSQL" in line


@pytest.mark.long
async def test_two_workers_on_postgresql_serve_the_same(tmp_path: Path) -> None:
    async with databases("postgresql") as options:
        server = Server(tmp_path, *options, "--workers", "2", users=2)
        try:
            keeps_its_promises(server.start().found)
            assert len(server.children) >= 2
            assert server.stop() == 0
        finally:
            server.kill()
