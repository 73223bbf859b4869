"""Load with sudden deaths in between: what was accepted is there, and memory stays bounded.

    python -m benchmarks.soak [--minutes 60] [--kill-every 5] [--users 10] [--senders 4]

Senders deliver numbered letters and note each that was accepted; readers list and fetch. Every few
minutes the server's process group is killed with SIGKILL and started again on the same data. After
each death, and at the end, every accepted letter must be in its mailbox, whole.
"""

import argparse
import imaplib
import random
import re
import shutil
import signal
import smtplib
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import throwaway

PATIENCE_SECONDS = 30
GROWTH_ALLOWED = 1.5
"""Of memory, from the second quarter of the run to the last."""
SLACK_KIB = 64 * 1024
PAUSE_SECONDS = 0.05
_NUMBER = re.compile(rb"^X-Number: (\d+)\r?$", re.MULTILINE)
_BODY_END = b"the end of letter %d\r\n"


@dataclass(slots=True)
class Books:
    """What was accepted for whom, what was read, and what went wrong."""

    accepted: dict[int, list[int]]
    next_number: int = 0
    refused: int = 0
    reads: int = 0
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def number(self) -> int:
        """Take the next letter's number."""
        with self.lock:
            self.next_number += 1
            return self.next_number


@dataclass(slots=True)
class Load:
    """The server as it runs now, and the switches of those who load it."""

    found: dict[str, Any]
    books: Books
    stopping: threading.Event = field(default_factory=threading.Event)
    paused: threading.Event = field(default_factory=threading.Event)

    def wait_while_paused(self) -> None:
        """Hold still while the server is down on purpose."""
        while self.paused.is_set() and not self.stopping.is_set():
            time.sleep(PAUSE_SECONDS)


def host_of(address: str) -> tuple[str, int]:
    """Split host:port."""
    host, _, port = address.rpartition(":")
    return host, int(port)


def letter(number: int, dice: random.Random) -> bytes:
    """Make a letter of a size as mail has it, with its number at both ends."""
    words = b"the tide turns twice a day and the lock keeper writes it down\r\n"
    body = words * min(20_000, int(dice.lognormvariate(3, 1.5)))
    head = b"From: <soak@example.test>\r\nSubject: letter %d\r\nX-Number: %d\r\n\r\n"
    return head % (number, number) + body + _BODY_END % number


def send(load: Load, seed: int, users: int) -> None:
    """Deliver until told to stop; a connection that breaks is made anew."""
    dice = random.Random(seed)
    while not load.stopping.is_set():
        load.wait_while_paused()
        try:
            with connected(load.found) as client:
                for _ in range(50):
                    user, number = dice.randrange(users), load.books.number()
                    to = load.found["user_pattern"].replace("{n}", str(user))
                    client.sendmail("soak@example.test", [to], letter(number, dice))
                    with load.books.lock:
                        load.books.accepted[user].append(number)
                    if load.stopping.is_set() or load.paused.is_set():
                        break
        except (OSError, smtplib.SMTPException):
            load.books.refused += 1
            time.sleep(PAUSE_SECONDS)


def connected(found: dict[str, Any]) -> smtplib.SMTP:
    """Connect to LMTP where there is one, else to the MX."""
    kind, address = (smtplib.LMTP, "lmtp") if found.get("lmtp") else (smtplib.SMTP, "mx")
    host, port = host_of(found[address])
    return kind(host, port) if kind is smtplib.LMTP else kind(host, port, timeout=PATIENCE_SECONDS)


def read(load: Load, seed: int, users: int) -> None:
    """List and fetch until told to stop."""
    dice = random.Random(seed)
    while not load.stopping.is_set():
        load.wait_while_paused()
        try:
            with signed_in(load.found, dice.randrange(users)) as client:
                client.select("INBOX")
                for _ in range(20):
                    client.fetch("1:*", "(UID FLAGS ENVELOPE)")
                    client.search(None, "SUBJECT", "letter")
                    load.books.reads += 1
                    if load.stopping.is_set() or load.paused.is_set():
                        break
        except (OSError, imaplib.IMAP4.error):
            time.sleep(PAUSE_SECONDS)


def signed_in(found: dict[str, Any], user: int) -> imaplib.IMAP4:
    """Sign a user in."""
    client = imaplib.IMAP4(*host_of(found["imap"]), timeout=PATIENCE_SECONDS)
    client.login(
        found["user_pattern"].replace("{n}", str(user)),
        found["password_pattern"].replace("{n}", str(user)),
    )
    return client


def verify(load: Load) -> None:
    """Look for every accepted letter; what is missing or cut goes into the books."""
    for user, numbers in load.books.accepted.items():
        with signed_in(load.found, user) as client:
            _, count = client.select("INBOX", readonly=True)
            whole = set()
            last = int(count[0] or 0)
            for first in range(1, last + 1, 200):
                _, parts = client.fetch(f"{first}:{min(first + 199, last)}", "(BODY.PEEK[])")
                for part in parts:
                    if isinstance(part, tuple) and (number := whole_number(part[1])) is not None:
                        whole.add(number)
        lost = set(numbers) - whole
        if lost:
            load.books.wrong.append(f"user {user}: {len(lost)} accepted letters are not there")


def whole_number(octets: bytes) -> int | None:
    """Return the number of a letter that is there from head to end."""
    found = _NUMBER.search(octets)
    if found is None:
        return None
    number = int(found[1])
    return number if octets.endswith(_BODY_END % number) else None


def memory_kib(pid: int) -> int:
    """Return the resident memory of the server's processes."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == pid:  # its process group
            total += int(fields[21]) * 4
    return total


def soak(directory: Path, asked: argparse.Namespace) -> Books:
    """Load the server for as long as asked, killing it now and then."""
    found = throwaway.start(directory, "--users", str(asked.users))
    books = Books({user: [] for user in range(asked.users)})
    load = Load(found, books)
    threads = [
        threading.Thread(target=send, args=(load, n, asked.users)) for n in range(asked.senders)
    ]
    threads += [threading.Thread(target=read, args=(load, 100 + n, asked.users)) for n in range(2)]
    for thread in threads:
        thread.start()
    memory: list[int] = []
    end = time.monotonic() + asked.minutes * 60
    kill_at = time.monotonic() + asked.kill_every * 60
    try:
        while time.monotonic() < end and not books.wrong:
            time.sleep(1)
            memory.append(memory_kib(load.found["pid"]))
            if time.monotonic() >= kill_at:
                load.paused.set()
                load.found = throwaway.restart(directory, signal.SIGKILL)
                time.sleep(1)  # senders in hand learn that their connection is gone
                verify(load)
                load.paused.clear()
                kill_at = time.monotonic() + asked.kill_every * 60
                say(
                    f"killed and back: {sum(map(len, books.accepted.values())):,} letters are there"
                )
    finally:
        load.stopping.set()
        for thread in threads:
            thread.join()
    verify(load)
    check_growth(memory, books)
    return books


def check_growth(memory: list[int], books: Books) -> None:
    """Compare memory in the last quarter with that in the second."""
    quarter = len(memory) // 4
    if quarter < 10:
        return
    early = statistics.median(memory[quarter : 2 * quarter])
    late = statistics.median(memory[3 * quarter :])
    say(f"memory: {early / 1024:,.0f} MiB early, {late / 1024:,.0f} MiB late")
    if late > early * GROWTH_ALLOWED + SLACK_KIB:
        books.wrong.append(f"memory grew from {early:.0f} to {late:.0f} KiB")


def say(text: str) -> None:
    """Tell how it goes."""
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def main() -> int:
    """Run it; 1 where a letter is missing or memory grew."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--kill-every", type=float, default=5, help="minutes")
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--senders", type=int, default=4)
    asked = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="zegel-soak-"))
    try:
        books = soak(directory, asked)
    finally:
        throwaway.stop(directory)
    total = sum(map(len, books.accepted.values()))
    print(f"{total:,} letters accepted, {books.reads:,} rounds of reading")
    for wrong in books.wrong:
        print(f"WRONG: {wrong}; the data is in {directory}")
    if not books.wrong:
        shutil.rmtree(directory)
    return 1 if books.wrong or not total else 0


if __name__ == "__main__":
    sys.exit(main())
