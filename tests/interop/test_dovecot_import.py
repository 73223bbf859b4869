"""A whole account is brought over from Dovecot, killed and resumed, and compares equal."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from mailserver.app.house import House, open_house
from mailserver.mail.account import Account
from mailserver.mail.office import Office
from mailserver.model.errors import Refused
from mailserver.model.message import Flag
from mailserver.model.sealed import Plaintext
from mailserver.runtime.background import background
from mailserver.runtime.settings import Tls, load
from mailserver.transfer.imap_session import Session
from mailserver.transfer.importing import Importing, Wanted, dry_run, signed_in
from mailserver.transfer.reach import ConnectionLost, Reach, Server
from mailserver.transfer.report import Report
from tests.support.command import ROOT, Zegel, prepared
from tests.support.corpus import letters
from tests.support.dovecot import PASSWORD, USER, Dovecot, dovecot
from tests.support.house import PASSWORD as OWN
from tests.support.house import add_person, house_in

pytestmark = pytest.mark.long

ADDRESS = "ada@example.test"
MANY = 20_000
MEMORY_KIB = 300 * 1024  # of an import, however much there is
EVERYTHING = [(1, 0xFFFF_FFFF)]
Seen = dict[str, list[tuple[bytes, frozenset[bytes], datetime]]]

_FLAGS = {
    Flag.SEEN: b"\\Seen",
    Flag.ANSWERED: b"\\Answered",
    Flag.FLAGGED: b"\\Flagged",
    Flag.DELETED: b"\\Deleted",
    Flag.DRAFT: b"\\Draft",
}


@pytest.fixture
def peer() -> Iterator[Dovecot]:
    """A Dovecot with an empty account."""
    with dovecot() as running:
        yield running


@asynccontextmanager
async def opened(house: House) -> AsyncIterator[Account]:
    lease = await house.logins.password(ADDRESS, OWN, peer="127.0.0.1")
    async with background() as tasks:
        account = Office(house.store, house.offload, tasks).open(lease)
        yield account
        await account.close()


@asynccontextmanager
async def at_home(directory: Path) -> AsyncIterator[Account]:
    """An account in a fresh house, which agrees with itself at the end."""
    async with house_in(directory) as house:
        await add_person(house, "ada")
        async with opened(house) as account:
            yield account
        assert await house.store.check() == []


def at(
    server: Dovecot, tls: Tls = Tls.NONE, *, trusted: bool = True, host: str = "127.0.0.1"
) -> AbstractAsyncContextManager[Session]:
    port = server.tls_port if tls is Tls.IMPLICIT else server.port
    where = Server(host, port, tls, server.certificate if trusted else None)
    return signed_in(where, Reach(private=True), USER, Plaintext(PASSWORD.encode()))


async def bring(server: Dovecot, account: Account) -> Report:
    wanted = Wanted(account.arrivals.name(b"dovecot"))
    return await Importing(lambda: at(server), account.arrivals, wanted).run()


def theirs(server: Dovecot) -> Seen:
    """Return what the other server holds, as another client sees it; octets as their hash."""
    found: Seen = {}
    with server.client() as client:
        client.normalise_times = False
        for flags, _, name in client.list_folders():
            if b"\\Noselect" in flags or b"\\NonExistent" in flags:
                continue
            client.select_folder(name, readonly=True)
            told = client.fetch(client.search(), ["FLAGS", "INTERNALDATE", "BODY.PEEK[]"])
            found[name] = [
                (
                    sha256(one[b"BODY[]"]).digest(),
                    frozenset(one[b"FLAGS"]) - {b"\\Recent"},
                    one[b"INTERNALDATE"].astimezone(UTC),
                )
                for _, one in sorted(told.items())
            ]
    return found


async def ours(account: Account) -> Seen:
    """Return what arrived, likewise."""
    found: Seen = {}
    for mailbox in await account.mailboxes.listing():
        batches = account.messages.fetch(mailbox.id, EVERYTHING, content=True)
        found[mailbox.name] = [
            (
                sha256(message.octets.reveal()).digest() if message.octets else b"",
                frozenset(name for flag, name in _FLAGS.items() if flag in message.flags)
                | {keyword.encode() for keyword in message.keywords},
                message.internaldate,
            )
            async for batch in batches
            for message in batch
        ]
    return found


def append(server: Dovecot, folder: str, octets: bytes, *flags: str) -> None:
    with server.client() as client:
        client.append(folder, octets, flags, datetime(2019, 7, 8, 9, 10, 11, tzinfo=UTC))


async def test_odd_names_come_over_as_people_wrote_them(tmp_path: Path) -> None:
    with dovecot(prefix="INBOX.", separator=".") as peer:
        names = [
            "Entwürfe & Co",
            "日本",
            "Work.2026",
            "Work.2026.q1",
            "-x",
            "50%",
            'q"uo\\te',
        ]
        with peer.client() as client:
            for name in names:
                client.create_folder(f"INBOX.{name}")
            client.subscribe_folder("INBOX.Work.2026")
        for name in names:
            append(peer, f"INBOX.{name}", b"Subject: " + name.encode() + b"\r\n\r\nx\r\n")
        append(peer, "INBOX.Gesendet", b"Subject: sent\r\n\r\nx\r\n", "\\Seen", "kw")
        async with at_home(tmp_path) as account:
            report = await bring(peer, account)
            assert (report.messages, report.left) == (len(names) + 1, [])
            found = {name for name, held in (await ours(account)).items() if held}
            subscribed = await account.mailboxes.subscriptions()
    expected = {name.replace(".", "/") for name in names}
    assert found == expected | {"Sent"}
    assert "Work/2026" in subscribed


async def test_the_whole_corpus_comes_over_octet_for_octet(peer: Dovecot, tmp_path: Path) -> None:
    with peer.client() as client:
        client.create_folder("Corpus")
        for number, one in enumerate(letters()):
            octets = one.octets
            flags = [("\\Seen", "$Junk"), ("\\Answered",), ("\\Draft", "a-keyword")][number % 3]
            when = datetime(1999, 1, 1 + number % 28, tzinfo=UTC)
            if b"\0" not in octets:  # Dovecot takes none
                client.append("Corpus", octets, flags, when)
    expected = theirs(peer)
    assert len(expected["Corpus"]) > 30
    async with at_home(tmp_path) as account:
        report = await bring(peer, account)
        assert report.left == []
        assert (await ours(account))["Corpus"] == expected["Corpus"]
    assert theirs(peer) == expected  # and nothing was changed there


async def test_sixty_megabytes_come_over_in_one_piece(peer: Dovecot, tmp_path: Path) -> None:
    line = b"x" * 76 + b"\r\n"
    octets = b"Subject: large\r\n\r\n" + line * (60_000_000 // len(line))
    append(peer, "INBOX", octets)
    async with at_home(tmp_path) as account:
        assert (await bring(peer, account)).messages == 1
        assert (await ours(account))["INBOX"][0][0] == sha256(octets).digest()


@pytest.mark.parametrize("tls", [Tls.IMPLICIT, Tls.STARTTLS])
async def test_its_certificate_is_checked(peer: Dovecot, tls: Tls) -> None:
    async with at(peer, tls) as session:
        assert (await session.mailboxes())[0]
    with pytest.raises(Refused, match=r"certificate of .* is not good"):
        async with at(peer, tls, trusted=False):
            pass
    with pytest.raises(Refused, match=r"certificate of .* is not good"):
        async with at(peer, tls, host="127.0.0.2"):
            pass


@pytest.mark.parametrize("tls", [Tls.NONE, Tls.STARTTLS])
async def test_a_server_that_knows_the_old_mechanism_alone_lets_us_in(tls: Tls) -> None:
    with dovecot(mechanisms="login") as peer:
        async with at(peer, tls) as session:
            assert "AUTH=PLAIN" not in session.capabilities


async def test_a_dry_run_changes_nothing(peer: Dovecot, tmp_path: Path) -> None:
    append(peer, "INBOX", b"Subject: x\r\n\r\nx\r\n")
    append(peer, "Papierkorb", b"Subject: x\r\n\r\nx\r\n")
    async with at_home(tmp_path) as account, at(peer) as session:
        before = await account.mailboxes.listing()
        wanted = Wanted(account.arrivals.name(b"dovecot"))
        outlooks, _ = await dry_run(session, account.arrivals, wanted)
        assert {(each.name, each.into, each.new, each.octets) for each in outlooks} == {
            ("INBOX", "INBOX", 1, 17),
            ("Papierkorb", "Trash", 1, 17),
            ("Gesendet", "Sent", 0, 0),
        }
        assert await account.mailboxes.listing() == before


async def test_nobody_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConnectionLost, match="port 9: it cannot be reached"):
        async with signed_in(
            Server("127.0.0.1", 9, Tls.NONE), Reach(private=True), USER, Plaintext(b"x")
        ):
            pass


def fill(peer: Dovecot, count: int) -> None:
    """Put many messages into the Maildir by hand: some in each of a few mailboxes."""
    words = random.Random(1)
    boxes = [
        peer.maildir,
        *(peer.maildir / name for name in (".Archiv", ".Archiv.2025", ".Gesendet")),
    ]
    for box in boxes:
        for part in ("cur", "new", "tmp"):
            (box / part).mkdir(parents=True, exist_ok=True)
    (peer.maildir / "dovecot-keywords").write_text("0 $Forwarded\n1 Werk\n")
    for number in range(count):
        box = boxes[min(number * 2 // count, 1) and number % len(boxes)]
        letters = "".join(letter for letter in "DFRST" if words.random() < 0.3)
        letters += "ab"[number % 2] if box is peer.maildir and number % 5 == 0 else ""
        seconds = 1_500_000_000 + number * 61
        path = box / "cur" / f"{seconds}.M{number}.peer:2,{letters}"
        body = f"Line of message {number}, {words.random()}\n" * words.randrange(1, 60)
        path.write_text(
            f"From: a{number}@example.test\nTo: b@example.test\nSubject: number {number}\n"
            f"Message-ID: <{number}@example.test>\nDate: Mon, 2 Mar 2026 09:00:00 +0000\n\n{body}"
        )
        os.utime(path, (seconds, seconds))
    peer.own()


def begun(zegel: Zegel, peer: Dovecot, directory: Path) -> "subprocess.Popen[bytes]":
    """Begin an import in a process of its own, as a person does."""
    given = f"{OWN.reveal().decode()}\n{PASSWORD}\n"
    words = ["import", "imap", ADDRESS, f"127.0.0.1:{peer.port}", USER, "--tls", "none"]
    clean = {name: word for name, word in os.environ.items() if not name.startswith("ZEGEL_")}
    with (directory / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "mailserver", *words],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            cwd=ROOT,
            env={**clean, "ZEGEL_CONFIG": str(zegel.config)},
            start_new_session=True,
        )
    assert process.stdin is not None
    process.stdin.write(given.encode())
    process.stdin.close()
    return process


def resident_kib(pid: int) -> int:
    """Return how much memory a process has now; 0 where it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line), 0)


async def stored(zegel: Zegel) -> int:
    """Count the messages that have arrived, as another process sees them."""
    async with open_house(load(zegel.config, {})) as house:
        account = await house.store.accounts.by_address(ADDRESS)
        assert account is not None
        return sum(row.total for row in await house.store.mailboxes.listing(account))


@pytest.mark.timeout(400)
async def test_twenty_thousand_messages_killed_and_resumed_compare_equal(
    peer: Dovecot, tmp_path: Path
) -> None:
    fill(peer, MANY)
    zegel = await asyncio.to_thread(prepared, tmp_path)
    async with open_house(load(zegel.config, {})) as house:
        await add_person(house, "ada")
    for share in (0.2, 0.5, 0.7):
        process = begun(zegel, peer, tmp_path)
        async with asyncio.timeout(300):
            while await stored(zegel) < MANY * share:
                assert process.poll() is None, (tmp_path / "said").read_text()
                await asyncio.sleep(0.2)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert await stored(zegel) < MANY
    before, began = await stored(zegel), time.monotonic()
    process, most_kib = begun(zegel, peer, tmp_path), 0
    async with asyncio.timeout(300):
        while process.poll() is None:
            most_kib = max(most_kib, resident_kib(process.pid))
            await asyncio.sleep(0.2)
    assert process.returncode == 0, (tmp_path / "said").read_text()
    rate = (MANY - before) / (time.monotonic() - began)
    assert f"{MANY - before:,} messages brought over" in (tmp_path / "said").read_text()
    assert rate > 100, f"{rate:.0f} messages a second"
    assert 0 < most_kib < MEMORY_KIB, f"{most_kib} KiB at most, whatever the mailbox holds"
    expected = theirs(peer)
    renamed = {"Archiv": "Archive", "Archiv/2025": "Archive/2025", "Gesendet": "Sent"}
    renamed["Papierkorb"] = "Trash"
    async with open_house(load(zegel.config, {})) as house:
        async with opened(house) as account:
            found = await ours(account)
        assert await house.store.check() == []
    assert sum(len(held) for held in found.values()) == MANY
    for name, held in expected.items():
        assert found[renamed.get(name, name)] == held, name
