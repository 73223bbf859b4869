"""SIGKILL in the middle of it: what was answered with 250 or OK is there, once, to the octet.

32 connections deliver and four append, each letter numbered and never sent again; at a moment that
nobody chose the whole process group is killed and started anew on the same files and ports. Or one
worker of several is: the others serve on, and its clients come back to them.
"""

import os
import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mailserver.store.store import Store
from tests.support.server import Server, databases
from tests.support.waiting import wait_until
from tests.support.wire import Closed, RawWire, raw, signed_in

USERS = 4
MX, LMTP, APPENDING = 16, 16, 4
LARGE_OCTETS = 150_000
_LETTER = re.compile(rb"^Number: (\d+)\r$", re.MULTILINE)
_FETCHED = re.compile(rb"\* \d+ FETCH \(UID (\d+) .*BODY\[\] \{(\d+)\}\Z")


def letter(number: int) -> bytes:
    """Write the letter of a number: always the same octets, some in a row, some in a file."""
    dice = random.Random(number)
    octets = LARGE_OCTETS if number % 10 == 0 else int(dice.lognormvariate(7, 1.5))
    noise = dice.randbytes(min(octets, 2 * LARGE_OCTETS) // 2).hex().encode()
    lines = b"\r\n".join(noise[at : at + 70] for at in range(0, len(noise), 70))
    head = b"Subject: letter %d\r\nNumber: %d\r\nMessage-ID: <%d@elsewhere.test>\r\n\r\n"
    return head % (number, number, number) + b".a line with a dot\r\n" + lines + b"\r\nend\r\n"


@dataclass
class Books:
    """What was promised: which letters each user must have, and which each may have."""

    promised: dict[int, set[int]] = field(default_factory=lambda: {n: set() for n in range(USERS)})
    last: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def number(self) -> int:
        with self.lock:
            self.last += 1
            return self.last

    def promise(self, number: int, users: list[int]) -> None:
        with self.lock:
            for user in users:
                self.promised[user].add(number)

    @property
    def total(self) -> int:
        return sum(map(len, self.promised.values()))


class Load:
    """The clients, from the first letter to the death of the server."""

    def __init__(self, server: Server, books: Books, seed: int) -> None:
        self._server = server
        self._books = books
        self._dice = random.Random(seed)
        self._over = False
        self.unexpected: list[str] = []
        """Answers that are neither a promise nor a death."""

    def run(self, seconds: float, *, worker_deaths: int = 0) -> None:
        """Load the server, then kill it in the middle; workers before that.

        Each life lasts `seconds` from the first letter that it took: how long that one takes is the
        machine's affair.
        """
        work: list[Callable[[], None]] = [self._mx] * MX + [self._lmtp] * LMTP
        work += [self._append] * APPENDING
        threads = [threading.Thread(target=self._until_death, args=(each,)) for each in work]
        for thread in threads:
            thread.start()
        try:
            for _ in range(worker_deaths):
                self._live(seconds)
                self._kill_a_worker()
            self._live(seconds)
        finally:
            self._over = True
            self._server.kill()
            for thread in threads:
                thread.join()

    def _live(self, seconds: float) -> None:
        before = self._books.total
        wait_until(lambda: self._books.total > before or bool(self.unexpected))
        time.sleep(seconds)

    def _kill_a_worker(self) -> None:
        """Kill one, so that another is left to serve."""
        wait_until(lambda: len(self._server.children) >= 2, 60)
        os.kill(self._dice.choice(self._server.children), signal.SIGKILL)

    def _until_death(self, work: Callable[[], None]) -> None:
        while not self._over:
            try:
                work()
            except (Closed, ConnectionError):
                time.sleep(0.05)
            except Exception as error:  # noqa: BLE001 - told by the test's own thread
                self.unexpected.append(repr(error))
                return

    def _receivers(self) -> list[int]:
        return self._dice.sample(range(USERS), self._dice.choice((1, 1, 1, 2)))

    def _mx(self) -> None:
        with raw(self._server.address("mx")) as wire:
            wire.reply()
            wire.ask(b"EHLO elsewhere.test")
            while True:
                users, number = self._receivers(), self._books.number()
                self._transaction(wire, users, number)
                if self._taken(wire):
                    self._books.promise(number, users)

    def _lmtp(self) -> None:
        with raw(self._server.address("lmtp")) as wire:
            wire.reply()
            wire.ask(b"LHLO elsewhere.test")
            while True:
                users, number = self._receivers(), self._books.number()
                self._transaction(wire, users, number)
                for user in users:
                    if self._taken(wire):
                        self._books.promise(number, [user])

    def _transaction(self, wire: RawWire, users: list[int], number: int) -> None:
        """Send a whole transaction in one write; the replies up to the content's are read."""
        commands = [b"MAIL FROM:<bob@elsewhere.test>"]
        commands += [b"RCPT TO:<%s>" % self._server.user(user)[0].encode() for user in users]
        wire.send(b"".join(command + b"\r\n" for command in (*commands, b"DATA")))
        replies = [wire.reply() for _ in range(len(commands) + 1)]
        if [reply[:1] for reply in replies] != [b"2"] * len(commands) + [b"3"]:
            raise AssertionError(replies)
        wire.send(re.sub(rb"(?m)^\.", b"..", letter(number)) + b".\r\n")

    def _taken(self, wire: RawWire) -> bool:
        reply = wire.reply()
        if not reply.startswith(b"250"):
            self.unexpected.append(repr(reply))
            return False
        return True

    def _append(self) -> None:
        user = self._dice.randrange(USERS)
        with signed_in(self._server.address("imap"), self._server.user(user)) as wire:
            while True:
                number = self._books.number()
                octets = letter(number)
                wire.send(b"a APPEND INBOX {%d+}\r\n" % len(octets) + octets + b"\r\n")
                if not (answer := wire.until(b"a ")[-1]).startswith(b"a OK"):
                    raise AssertionError(answer)
                self._books.promise(number, [user])


@dataclass
class Seen:
    """One user's INBOX as it was last read: what may not change any more."""

    validity: bytes = b""
    last_uid: int = 0
    numbers: dict[int, int] = field(default_factory=dict)
    """UID to number."""


def read_on(server: Server, user: int, seen: Seen, first_uid: int) -> None:
    """Read the INBOX from a UID on, each letter whole."""
    with signed_in(server.address("imap"), server.user(user)) as wire:
        wire.send(b"s EXAMINE INBOX\r\n")
        said = b"\n".join(wire.until(b"s "))
        validity = re.search(rb"UIDVALIDITY (\d+)", said)
        uid_next = re.search(rb"UIDNEXT (\d+)", said)
        assert validity is not None
        assert uid_next is not None
        assert seen.validity in (b"", validity[1])
        assert int(uid_next[1]) > seen.last_uid
        seen.validity = validity[1]
        wire.send(b"f UID FETCH %d:* (UID BODY.PEEK[])\r\n" % first_uid)
        last = first_uid - 1
        for uid, octets in fetched(wire):
            if uid < first_uid:
                continue  # n:* names the last message also where it is older
            assert uid > last, "UIDs rise strictly"
            last = uid
            number = number_of(octets)
            assert seen.numbers.setdefault(uid, number) == number, "a UID names one letter for ever"
        assert last < int(uid_next[1])
        seen.last_uid = max(seen.last_uid, last)


def fetched(wire: RawWire) -> Iterator[tuple[int, bytes]]:
    """Yield UID and octets of each letter of the FETCH that was asked."""
    while not (line := wire.line()).startswith(b"f "):
        found = _FETCHED.match(line)
        assert found is not None, line
        yield int(found[1]), wire.octets(int(found[2]))
        assert wire.line() == b")"
    assert line.startswith(b"f OK"), line


def number_of(octets: bytes) -> int:
    """Return the number of a letter that is there to the octet, below the fields we added."""
    found = _LETTER.search(octets)
    assert found is not None, octets[:200]
    sent = letter(int(found[1]))
    assert octets.endswith(sent)
    added = octets.removesuffix(sent)
    assert added == b"" or added.startswith(b"Return-Path: <bob@elsewhere.test>\r\n")
    assert added == b"" or b"\r\nReceived: " in added
    return int(found[1])


def verify(server: Server, books: Books, inboxes: dict[int, Seen], *, whole: bool) -> None:
    """Hold the mailboxes against the books; `whole` reads again what was read before."""
    for user, seen in inboxes.items():
        read_on(server, user, seen, 1 if whole else seen.last_uid + 1)
        there = Counter(seen.numbers.values())
        assert not books.promised[user] - set(there), "what was answered with 250 is there"
        assert max(there.values(), default=1) == 1, "nothing is there twice"


@contextmanager
def mortal(directory: Path, *options: str) -> Iterator[Server]:
    server = Server(directory, *options, users=USERS)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture
async def options(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, ...]]:
    """What the server is started with on an engine."""
    async with databases(request.param) as options:
        yield options


async def assert_sound(server: Server, options: tuple[str, ...]) -> None:
    """Prove the store's invariants while the server runs."""
    url = options[1] if options else f"sqlite:///{server.data / 'zegel.sqlite3'}"
    store = await Store.open(url, server.data / "blobs")
    try:
        assert await store.check() == []
    finally:
        await store.close()


@pytest.mark.timeout(500)
@pytest.mark.parametrize(
    ("options", "deaths"),
    [
        ("sqlite", 1),
        pytest.param("sqlite", 20, marks=pytest.mark.long),
        pytest.param("postgresql", 6, marks=pytest.mark.long),
    ],
    indirect=["options"],
)
async def test_what_was_answered_survives_a_kill(
    options: tuple[str, ...],
    deaths: int,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    books, inboxes = Books(), {user: Seen() for user in range(USERS)}
    seed = random.SystemRandom().randrange(1 << 32)
    dice = random.Random(seed)
    with mortal(tmp_path, *options) as server:
        for _ in range(deaths):
            load = Load(server, books, dice.randrange(1 << 32))
            load.run(dice.uniform(0.0, 1.5))
            assert load.unexpected == [], f"seed {seed}"
            server.start()
            verify(server, books, inboxes, whole=False)
            await assert_sound(server, options)
        verify(server, books, inboxes, whole=True)
        assert server.stop() == 0
    record_property("promised", books.total)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_what_was_answered_survives_the_death_of_a_worker(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    books, inboxes = Books(), {user: Seen() for user in range(USERS)}
    seed = random.SystemRandom().randrange(1 << 32)
    async with databases("postgresql") as options:
        with mortal(tmp_path, *options, "--workers", "3") as server:
            load = Load(server, books, seed)
            load.run(2.0, worker_deaths=7)
            assert load.unexpected == [], f"seed {seed}"
            server.start()
            verify(server, books, inboxes, whole=True)
            await assert_sound(server, options)
            assert server.stop() == 0
    record_property("promised", books.total)
