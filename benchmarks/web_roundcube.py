"""Roundcube on plain Dovecot with the same letters, driven as `benchmarks.web_mail` drives Zegel.

Roundcube comes over HTTP without TLS, from PHP's own server: what that saves it is in its figures.
"""

import os
import re
import socket
import subprocess
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from benchmarks.jmap import letters
from benchmarks.web_page import Clock, Took, context_of

PEERS = Path(__file__).resolve().parent / "peers"
DOVECOT, ROUNDCUBE = PEERS / "dovecot.sh", PEERS / "roundcube.sh"
ORIGIN = "http://127.0.0.1:21080"
IMAP = ("127.0.0.1", 21143)
USER, PASSWORD = "bench0", "secret0"
BATCH = 500

ROWS = "#messagelist tbody tr.message"
_OPENED = """(() => {
  const frame = document.querySelector('#messagecontframe')?.contentDocument;
  return frame?.querySelector('#messagebody')?.innerText ? frame.URL : undefined;
})()"""
_FOUND = f"""(rcmail.busy || !document.querySelector('{ROWS}')
  ? undefined : rcmail.env.search_request || '')"""


class Roundcube:
    """The peer: two servers and a mailbox."""

    def __init__(self, directory: Path, count: int) -> None:
        """Keep everything in `directory`; the mailbox has `count` letters."""
        self._directory = directory
        self._count = count
        self._environ = {**os.environ, "BENCH_DIR": str(directory), "USERS": "1"}
        self._state: Any = None

    def start(self) -> None:
        """Start both; fill the mailbox unless an earlier run has."""
        self._directory.mkdir(parents=True, exist_ok=True)
        note = self._directory / "letters"
        if not note.exists():
            self._run(DOVECOT, "wipe")
        self._run(DOVECOT, "start", "plain")
        if not note.exists():
            append(letters(self._count))
            note.write_text(str(self._count))
        self._run(ROUNDCUBE, "start")

    def stop(self) -> None:
        """End both."""
        self._run(ROUNDCUBE, "stop")
        self._run(DOVECOT, "stop", "plain")

    def _run(self, *command: str | Path) -> None:
        subprocess.run(
            command, check=True, env=self._environ, stdout=subprocess.DEVNULL, timeout=60
        )

    def sign_in(self, browser: Browser) -> None:
        """Sign in once, and see that all letters are there."""
        context = context_of(browser)
        page = context.new_page()
        page.goto(ORIGIN)
        page.locator("#rcmloginuser").fill(USER)
        page.locator("#rcmloginpwd").fill(PASSWORD)
        page.locator("#rcmloginsubmit").click()
        page.locator(ROWS).first.wait_for()
        told = page.evaluate("() => rcmail.env.messagecount")
        if told != self._count:
            raise RuntimeError(f"Roundcube shows {told} of {self._count} letters")
        self._state = context.storage_state()
        context.close()

    def run(self, browser: Browser, opened: int, searches: Iterable[str]) -> dict[str, list[Took]]:
        """Take each figure once, in a browser that was never here."""
        context = context_of(browser, self._state)
        page = context.new_page()
        clock = Clock(page)
        found = {"list": [clock.load(f"{ORIGIN}/?_task=mail&_mbox=INBOX", ROWS)]}
        clock.rest()
        rows = page.locator(ROWS)
        found["open"] = [
            clock.until("mousedown", _OPENED, rows.nth(n).locator("td.subject").click)
            for n in range(1, opened + 1)
        ]
        field = page.locator("#mailsearchform")
        for text in searches:
            field.fill(text)
            took = clock.until("keydown", _FOUND, lambda: field.press("Enter"))
            found[f"search {text}"] = [took]
        context.close()
        return found


def append(messages: Iterator[bytes]) -> None:
    """Append messages to the peer's INBOX, some hundred at a time (RFC 3502, RFC 7888).

    Raises:
        RuntimeError: it said no.
    """
    with socket.create_connection(IMAP, timeout=120) as peer, peer.makefile("rb") as said:
        said.readline()
        _command(peer, said, b"LOGIN %s %s\r\n" % (USER.encode(), PASSWORD.encode()))
        while batch := list(islice(messages, BATCH)):
            parts = b"".join(b" {%d+}\r\n%s" % (len(each), each) for each in batch)
            _command(peer, said, b"APPEND INBOX%s\r\n" % parts)


def _command(peer: socket.socket, said: Iterable[bytes], octets: bytes) -> None:
    peer.sendall(b"a " + octets)
    for line in said:
        if re.match(rb"a (?!OK)", line):
            raise RuntimeError(f"Dovecot said {line!r}")
        if line.startswith(b"a "):
            return
    raise RuntimeError("Dovecot closed the connection")
