"""Letters from a client through our queue and a real Postfix back to our MX, both killed at random.

What was answered with 250 arrives. A letter arrives twice only where SMTP cannot avoid it: the
next server had it, and death came before the one that sent it could write that down. So each
double is held against the deaths: there was one in the moment when its first copy was taken. Which
of the two hops doubled it the copies say themselves, by the queue name that Postfix gave each.
"""

import asyncio
import os
import random
import re
import smtplib
import sqlite3
import ssl
import threading
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import trustme

from tests.support.dns import dns_zone
from tests.support.mail_clients import User
from tests.support.ports import free_ports
from tests.support.postfix import Postfix, postfix
from tests.support.server import LISTENERS, Server, databases, serving

pytestmark = pytest.mark.long

LETTERS = int(os.environ.get("ZEGEL_TRAVELLERS", "1200"))
"""How many are promised; ten thousand is what `make soak` asks for."""
LIFE = (1.0, 4.0) if LETTERS < 5_000 else (5.0, 20.0)
"""Seconds from one death to the next: a long run is not to be spent on starting."""
SENDERS = 6
READERS = range(1, 5)  # user 0 writes
MOMENT = 3.0
"""Seconds from a letter's being taken to its sender having written that down, at the most; a
Received field tells whole seconds, and a busy machine takes its time."""
POSTFIX = """
virtual_alias_domains = there.test
virtual_alias_maps = inline:{{ {aliases} }}
relay_domains = bench.test
transport_maps = inline:{{ {{ bench.test = smtp:[127.0.0.1]:{port} }} }}
smtp_tls_security_level = encrypt
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
transport_retry_time = 1s
smtp_connect_timeout = 5s
default_destination_concurrency_failed_cohort_limit = 10000
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
"""
_LETTER = re.compile(rb"^X-Letter: (\d+)\r?$", re.MULTILINE)
_TAKEN_THERE = re.compile(rb"by mx\.there\.test[^;]*? id ([A-Za-z0-9]+)[^;]*;\s*([^\r\n(]+)")
_TAKEN_HERE = re.compile(rb"^Received:[^;]*;\s*([^\r\n(]+)", re.MULTILINE)  # the topmost


@dataclass(frozen=True)
class Copy:
    """A letter as it lies in a mailbox."""

    hop: str
    """The name that Postfix had for it."""
    there: float
    """When Postfix took it, in whole seconds since 1970."""
    here: float


@dataclass
class Books:
    """What was promised to whom, what may have been taken, and when somebody died."""

    promised: set[tuple[int, int]] = field(default_factory=set)
    """Letter and user."""
    unsure: set[int] = field(default_factory=set)
    """Letters to which nobody heard an answer."""
    deaths: list[float] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    last: int = 0
    letters: int = 0
    """How many were promised."""

    def number(self) -> int:
        with self.lock:
            self.last += 1
            return self.last

    def promise(self, number: int, users: list[int]) -> None:
        with self.lock:
            self.promised |= {(number, user) for user in users}
            self.letters += 1


def letter(number: int, dice: random.Random) -> bytes:
    lines = "".join(f"line {line} of letter {number}\r\n" for line in range(dice.randrange(5, 200)))
    return (
        f"From: bench0@bench.test\r\nTo: r1@there.test\r\nSubject: letter {number}\r\n"
        f"Date: Mon, 2 Mar 2026 09:00:00 +0000\r\nMessage-ID: <{number}@bench.test>\r\n"
        f"X-Letter: {number}\r\n\r\n{lines}the end\r\n"
    ).encode()


class Load:
    """The clients that write, until enough was promised."""

    def __init__(self, writer: User, books: Books, seed: int) -> None:
        self._writer = writer
        self._books = books
        self._dice = random.Random(seed)
        self._threads = [threading.Thread(target=self._write) for _ in range(SENDERS)]
        self._stop = False

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        for thread in self._threads:
            thread.join()

    @property
    def goes_on(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    @property
    def _enough(self) -> bool:
        return self._stop or self._books.letters >= LETTERS

    def _write(self) -> None:
        while not self._enough:
            try:
                self._converse()
            except (OSError, smtplib.SMTPException):
                time.sleep(0.1)  # it died, or is not there yet
            except Exception as error:  # noqa: BLE001 - told by the test's own thread
                self._books.unexpected.append(repr(error))
                return

    def _converse(self) -> None:
        context = ssl.create_default_context(cafile=self._writer.ca_file)
        port = self._writer.server.port("submissions")
        with smtplib.SMTP_SSL("localhost", port, timeout=60, context=context) as client:
            client.login(self._writer.address, self._writer.password)
            while not self._enough:
                self._send(client)

    def _send(self, client: smtplib.SMTP) -> None:
        number = self._books.number()
        users = self._dice.sample(READERS, self._dice.choice((1, 1, 1, 2)))
        try:
            refused = client.sendmail(
                "bench0@bench.test",
                [f"r{user}@there.test" for user in users],
                letter(number, self._dice),
            )
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
            self._books.unexpected.append(repr(error))
            raise
        except (OSError, smtplib.SMTPException):
            with self._books.lock:
                self._books.unsure.add(number)
            raise
        assert refused == {}
        self._books.promise(number, users)


async def kill_at_random(load: Load, server: Server, there: Postfix, books: Books) -> Counter[str]:
    """Kill one of the two, or both, again and again while letters are written."""
    dice, deaths = random.SystemRandom(), Counter[str]()
    while load.goes_on:
        await asyncio.sleep(dice.uniform(*LIFE))
        victims = dice.choice(
            (("zegel",), ("zegel",), ("postfix",), ("postfix",), ("zegel", "postfix"))
        )
        if "zegel" in victims:
            await asyncio.to_thread(server.kill)
        if "postfix" in victims:
            there.kill()
        books.deaths.append(time.time())
        deaths.update(victims)
        await asyncio.sleep(dice.uniform(0.0, 1.0))
        if "postfix" in victims:
            await there.start()
        if "zegel" in victims:
            await asyncio.to_thread(server.start)
    return deaths


async def come_to_rest(waiting: Callable[[], int], there: Postfix, seconds: float = 240.0) -> None:
    """Wait until neither queue holds anything."""
    deadline = time.monotonic() + seconds
    while (left := (await asyncio.to_thread(waiting), there.waiting)) != (0, 0):
        assert time.monotonic() < deadline, f"still queued, here and there: {left}"
        await asyncio.sleep(0.5)


def arrived(server: Server) -> dict[tuple[int, int], list[Copy]]:
    """Read every letter in every mailbox."""
    found: dict[tuple[int, int], list[Copy]] = defaultdict(list)
    for user in READERS:
        with User(server, *server.user(user)).imapclient() as client:
            for folder in ("INBOX", "Junk"):
                client.select_folder(folder, readonly=True)
                uids = client.search()
                for start in range(0, len(uids), 500):
                    for got in client.fetch(uids[start : start + 500], ["BODY.PEEK[]"]).values():
                        number, copy = read(got[b"BODY[]"])
                        found[number, user].append(copy)
    return found


def read(octets: bytes) -> tuple[int, Copy]:
    number, there, here = (
        pattern.search(octets) for pattern in (_LETTER, _TAKEN_THERE, _TAKEN_HERE)
    )
    assert number is not None, octets[:500]
    assert there is not None, octets[:2000]
    assert here is not None, octets[:500]
    assert octets.endswith(b"of letter %s\r\nthe end\r\n" % number[1]), "whole"
    return int(number[1]), Copy(there[1].decode(), instant(there[2]), instant(here[1]))


def instant(date: bytes) -> float:
    return parsedate_to_datetime(date.decode().strip()).timestamp()


def unexplained(copies: list[Copy], deaths: list[float]) -> list[Copy]:
    """Return the copies behind which there is another without a death to account for it."""
    by_hop: dict[str, list[Copy]] = defaultdict(list)
    for copy in sorted(copies, key=lambda copy: (copy.there, copy.here)):
        by_hop[copy.hop].append(copy)
    # Of each but the last name: our relay sent it again, after Postfix had taken it. It may have
    # waited there while the later one went through.
    again = [(same[0], same[0].there) for same in list(by_hop.values())[:-1]]
    # Under one name: Postfix sent it again, after our MX had taken it.
    for same in by_hop.values():
        again += [(copy, copy.here) for copy in sorted(same, key=lambda copy: copy.here)[:-1]]
    return [
        copy
        for copy, taken in again
        if not any(-1.0 <= death - taken <= MOMENT for death in deaths)
    ]


@asynccontextmanager
async def both(directory: Path, options: tuple[str, ...]) -> AsyncIterator[tuple[Server, Postfix]]:
    """Run Zegel and Postfix, each sending everything to the other."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "authority.pem"))
    certificate = authority.issue_cert("127.0.0.1")
    people = (f"{{ r{user}@there.test = bench{user}@bench.test }}" for user in READERS)
    aliases = ", ".join(people)
    port, *ports = free_ports(1 + len(LISTENERS))
    own = ("--ports", ",".join(map(str, ports)))
    # Postfix is known first, and told where Zegel is before it has anything for it.
    async with (
        dns_zone({"bench.test": ['TXT "v=spf1 ip4:127.0.0.0/8 -all"']}) as dns,
        postfix(certificate, domain="nobody.test", port=port) as there,
    ):
        environ = {
            "ZEGEL_DNS_NAMESERVERS": str(dns.endpoint),
            "ZEGEL_RELAY_ENABLED": "true",
            "ZEGEL_RELAY_ROUTES": f"there.test 127.0.0.1:{there.port}",
            "ZEGEL_RELAY_CA_FILE": str(directory / "authority.pem"),
            "ZEGEL_QUEUE_FIRST_RETRY_SECONDS": "1",
            "ZEGEL_SPAM_GREYLISTING": "false",
        }
        with serving(directory, *options, *own, users=READERS.stop, environ=environ) as server:
            with (there.home / "conf" / "main.cf").open("a") as settings:
                settings.write(POSTFIX.format(aliases=aliases, port=server.port("mx")))
            await there.reload()
            yield server, there


@pytest.mark.timeout(300 + LETTERS / 4)
@pytest.mark.parametrize("engine", ["sqlite"])
async def test_what_was_taken_arrives_and_doubles_have_a_death_each(
    engine: str, tmp_path: Path, record_testsuite_property: Callable[[str, object], None]
) -> None:
    books = Books()
    async with databases(engine) as options, both(tmp_path, options) as (server, there):

        def waiting() -> int:
            with sqlite3.connect(server.data / "zegel.sqlite3") as database:
                (count,) = database.execute("SELECT count(*) FROM queue").fetchone()
            return int(count)

        with Load(User(server, *server.user()), books, random.randrange(1 << 32)) as load:
            deaths = await kill_at_random(load, server, there, books)
        assert books.unexpected == []
        await come_to_rest(waiting, there)
        found = await asyncio.to_thread(arrived, server)
        words = server.words()
        assert server.stop() == 0

    lost = books.promised - set(found)
    assert lost == set()
    strangers = {number for number, _ in set(found) - books.promised}
    assert strangers <= books.unsure, "nothing arrives that nobody wrote"
    doubled = {key: copies for key, copies in found.items() if len(copies) > 1}
    strange = {key: unexplained(copies, books.deaths) for key, copies in doubled.items()}
    assert {key: copies for key, copies in strange.items() if copies} == {}
    ours = sum(len({copy.hop for copy in copies}) - 1 for copies in doubled.values())
    doubles = sum(len(copies) - 1 for copies in doubled.values())
    assert '"event":"incident"' not in words
    for name, figure in {
        "letters": books.letters,
        "promises": len(books.promised),
        "unanswered": len(books.unsure),
        "deaths": dict(deaths),
        "doubled by our relay": ours,
        "doubled by Postfix": doubles - ours,
    }.items():
        record_testsuite_property(name, figure)
