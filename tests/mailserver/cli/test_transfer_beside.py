"""Import and export beside a running server, after it, and as a terminal shows them."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from imapclient import IMAPClient

from tests.support.command import ROOT
from tests.support.product import Product

pytestmark = pytest.mark.long

WHO = "noor@example.test"
PASSWORD = "seven tides under the bridge\n"
LETTERS = 40


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Product:
    """A server that is not started yet, and an account."""
    made = Product(tmp_path_factory.mktemp("beside"))
    made.zegel("domain", "add", "example.test")
    made.zegel("user", "add", WHO, typed=PASSWORD)
    return made


def written(directory: Path, first: int) -> Path:
    """Write letters, each with a number of its own."""
    directory.mkdir()
    for number in range(first, first + LETTERS):
        octets = b"From: a@b.test\r\nSubject: number %d\r\n\r\nwords\r\n" % number
        (directory / f"{number}.eml").write_bytes(octets)
    return directory


def exported(product: Product, directory: Path) -> set[bytes]:
    """Export everything and return the Subject lines."""
    product.zegel("export", "eml", WHO, str(directory), typed=PASSWORD)
    return {path.read_bytes().split(b"\r\n")[1] for path in directory.rglob("*.eml")}


def test_mail_goes_in_and_out_beside_a_running_server_and_without_it(
    product: Product, tmp_path: Path
) -> None:
    secret = product.zegel("app-password", "add", WHO, typed=PASSWORD).rpartition(": ")[2].strip()
    expected = {b"Subject: number %d" % number for number in range(LETTERS)}
    product.start()
    try:
        with IMAPClient("127.0.0.1", product.port("imap"), ssl=False) as client:
            client.login(WHO, secret)
            client.select_folder("INBOX")
            letters = written(tmp_path / "in", 0)
            words = ("import", "eml", WHO, str(letters), "--into", "INBOX")
            said = product.zegel(*words, typed=PASSWORD)
            assert said.startswith(f"{LETTERS} messages brought in")
            client.select_folder("INBOX")
            assert len(client.search()) == LETTERS
            client.append("INBOX", b"From: a@b.test\r\nSubject: by hand\r\n\r\nx\r\n")
        assert exported(product, tmp_path / "beside") == expected | {b"Subject: by hand"}
    finally:
        assert product.stop() == 0
    assert exported(product, tmp_path / "after") == expected | {b"Subject: by hand"}


def seen_on_a_terminal(product: Product, *words: str) -> str:
    """Run `zegel` with a terminal as its standard error; return what that showed."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "mailserver", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            cwd=ROOT,
            env={**product.environment(), "TERM": "xterm", "COLUMNS": "120"},
        )
        os.close(theirs)
        assert process.stdin is not None
        process.stdin.write(PASSWORD.encode())
        process.stdin.close()
        shown = b""
        while chunk := _read(ours):
            shown += chunk
        assert process.wait(60) == 0, shown
    finally:
        os.close(ours)
    return shown.decode(errors="replace")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4_096)
    except OSError:  # Linux says EIO where nobody has the other end any more
        return b""


def test_a_terminal_shows_how_far_it_is_and_a_file_does_not(
    product: Product, tmp_path: Path
) -> None:
    letters = written(tmp_path / "in", 1_000)
    shown = seen_on_a_terminal(product, "import", "eml", WHO, str(letters), "--into", "Letters")
    assert f"{LETTERS}/?" in shown, "nobody counted them before"
    shown = seen_on_a_terminal(product, "export", "mbox", WHO, str(tmp_path / "out"))
    assert re.search(rf"\b\d+/{LETTERS}\b", shown)
    before = product.words()
    product.zegel("export", "maildir", WHO, str(tmp_path / "silent"), typed=PASSWORD)
    assert product.words() == before, "the names of mailboxes stay in no file"
