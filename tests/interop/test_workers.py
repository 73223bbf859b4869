"""Two processes behind one set of ports: what one of them does, the clients of the other see.

The kernel chooses which process a connection comes to, so each test opens a dozen: that all of them
come to the same one happens once in two thousand times.
"""

import asyncio
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from pathlib import Path

import pytest

from tests.support.product import Product
from tests.support.server import ROOT, Server, databases
from tests.support.waiting import wait_until
from tests.support.wire import Closed, RawWire, connect, quoted, raw, signed_in

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

CROWD = 12
SOON = 1.0
REVOKED_WITHIN = 5.0  # PRIVACY §6
ROUNDS = 3  # the best of them counts: in others the machine may be busy with other tests
PASSWORD = "seven tides under the bridge"


def letter(to: str, subject: str) -> bytes:
    """Write what nobody takes for junk."""
    message = EmailMessage(SMTP)
    message["From"], message["To"], message["Subject"] = "joe@elsewhere.test", to, subject
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="elsewhere.test")
    message.set_content("High water.\n")
    return message.as_bytes()


class Pair:
    """A server of two processes, with one user, and the command line beside it."""

    def __init__(self, server: Server, environ: dict[str, str], who: str, password: str) -> None:
        self.server = server
        self.who = who
        self._environ = environ
        self._password = password
        self.user = (who, self.add_password("first"))

    def zegel(self, *words: str, typed: str = "") -> str:
        inherited = {name: word for name, word in os.environ.items() if name[:6] != "ZEGEL_"}
        done = subprocess.run(
            [sys.executable, "-m", "mailserver", *words],
            input=typed,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**inherited, **self._environ},
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def add_password(self, label: str) -> str:
        words = ("app-password", "add", self.who, "--label", label)
        return self.zegel(*words, typed=self._password + "\n").rpartition(": ")[2].strip()

    def revoke(self, label: str) -> None:
        listed = self.zegel("app-password", "list", self.who).splitlines()
        (row,) = [line for line in listed if label in line]
        self.zegel("app-password", "revoke", self.who, row.split()[0])

    @contextmanager
    def crowd(self, user: tuple[str, str] | None = None) -> Iterator[list[RawWire]]:
        """Sign in a dozen times and select INBOX each time."""
        with ExitStack() as stack:
            address, user = self.server.address("imap"), user or self.user
            yield [stack.enter_context(signed_in(address, user)) for _ in range(CROWD)]

    def deliver(self, subject: str) -> None:
        with raw(self.server.address("mx")) as wire:
            wire.reply()
            wire.ask(b"EHLO elsewhere.test")
            wire.ask(b"MAIL FROM:<joe@elsewhere.test>")
            wire.ask(b"RCPT TO:<" + self.who.encode() + b">")
            wire.ask(b"DATA")
            assert wire.ask(letter(self.who, subject) + b".").startswith(b"250")


def _throw_away(directory: Path, options: tuple[str, ...], stack: ExitStack) -> Pair:
    server = Server(directory, *options, "--workers", "2")
    stack.callback(server.kill)
    server.start()
    keys = directory / "data.keys" / "secrets"
    environ = {
        "ZEGEL_DATA_DIR": str(server.data),
        "ZEGEL_DATABASE_URL": options[1],
        "ZEGEL_KEYSTORE_URL": options[3],
        "ZEGEL_KEYS_MASTER_FILE": str(keys / "master.key"),
        "ZEGEL_KEYS_AUDIT_FILE": str(keys / "audit.key"),
    }
    who = server.user()[0]
    return Pair(server, environ, who, str(server.found["account_password"]))


def _product(directory: Path, options: tuple[str, ...], stack: ExitStack) -> Pair:
    product = Product(
        directory,
        {
            "ZEGEL_DATABASE_URL": options[1],
            "ZEGEL_KEYSTORE_URL": options[3],
            "ZEGEL_WORKERS": "2",
        },
    )
    stack.callback(product.kill)
    product.zegel("domain", "add", "example.test")
    product.zegel("user", "add", "noor@example.test", typed=PASSWORD + "\n")
    product.start()
    return Pair(product, product.environment(), "noor@example.test", PASSWORD)


@pytest.fixture(scope="module", params=[_throw_away, _product], ids=["benchmarks.serve", "zegel"])
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """A running pair, on PostgreSQL; all is in order when it stops."""
    with asyncio.Runner() as runner, ExitStack() as stack:
        bases = databases("postgresql")
        options = runner.run(bases.__aenter__())
        stack.callback(lambda: runner.run(bases.__aexit__(None, None, None)))
        pair = request.param(tmp_path_factory.mktemp("pair"), options, stack)
        yield pair
        assert len(pair.server.children) == 2
        said = pair.server.words()
        assert pair.server.stop() == 0
        assert "Traceback" not in said
        assert '"level":"error"' not in said, said[-2000:]


def idle(wire: RawWire) -> None:
    wire.send(b"i IDLE\r\n")
    wire.until(b"+ ")


def done(wire: RawWire) -> list[bytes]:
    """End IDLE; return what was said before its end."""
    wire.send(b"DONE\r\n")
    return wire.until(b"i ")[:-1]


def total(wire: RawWire) -> int:
    """Return how many messages INBOX has."""
    wire.send(b"s STATUS INBOX (MESSAGES)\r\n")
    found = re.search(rb"MESSAGES (\d+)", b"".join(wire.until(b"s ")))
    assert found is not None
    return int(found[1])


def test_a_letter_wakes_every_idle_client_once_within_a_second(pair: Pair) -> None:
    waits: list[float] = []
    with pair.crowd() as wires:
        for wire in wires:
            idle(wire)
        for number in range(ROUNDS):
            with signed_in(pair.server.address("imap"), pair.user) as other:
                before = total(other)
            pair.deliver(f"letter {number}")
            delivered = time.monotonic()
            for wire in wires:
                wire.socket.settimeout(30)
                while (line := wire.line()).endswith(b" RECENT"):
                    pass
                assert line == b"* %d EXISTS" % (before + 1)
            waits.append(time.monotonic() - delivered)
        assert min(waits) < SOON  # the others had to share the machine with other tests
        for wire in wires:
            wire.socket.settimeout(30)
            assert [line for line in done(wire) if not line.endswith(b" RECENT")] == []
            assert wire.tagged(b"NOOP").startswith(b"t OK")


class Mirror:
    """What a client that only listens believes of INBOX: each message's flags, in order."""

    def __init__(self, wire: RawWire) -> None:
        self.wire = wire
        self.flags: list[bytes | None] = []
        self.take(self.ask(b"FETCH 1:* (FLAGS)"))

    def ask(self, command: bytes) -> list[bytes]:
        self.wire.send(b"m " + command + b"\r\n")
        return self.wire.until(b"m ")[:-1]

    def take(self, said: list[bytes]) -> None:
        """Follow untagged responses; one about a message that is not there fails."""
        for line in said:
            if match := re.match(rb"\* (\d+) EXISTS", line):
                assert int(match[1]) >= len(self.flags)
                self.flags += [None] * (int(match[1]) - len(self.flags))
            elif match := re.match(rb"\* (\d+) EXPUNGE", line):
                del self.flags[int(match[1]) - 1]
            elif match := re.match(rb"\* (\d+) FETCH .*FLAGS \(([^)]*)\)", line):
                number = int(match[1])
                self.flags += [None] * (number - len(self.flags))
                self.flags[number - 1] = match[2]

    def look(self) -> list[set[bytes]]:
        """End IDLE, follow what it said, ask for what came by EXISTS alone, and idle again."""
        self.take(done(self.wire))
        if None in self.flags:
            first = self.flags.index(None) + 1
            self.take(self.ask(b"FETCH %d:* (FLAGS)" % first))
        idle(self.wire)
        return self.sets()

    def sets(self) -> list[set[bytes]]:
        """Return each message's flags; which session has them as recent is chance."""
        return [set((flags or b"").split()) - {b"\\Recent"} for flags in self.flags]


def act(wire: RawWire, seed: int) -> None:
    """Flag, expunge and append for a while."""
    dice = random.Random(seed)
    for _ in range(15):
        flag = dice.choice((b"\\Seen", b"\\Flagged", b"\\Answered", b"$Own%d" % seed))
        # A number may be gone by the time it is said: a refusal is an answer, too.
        wire.tagged(b"STORE 1:3 %s (%s)" % (dice.choice((b"+FLAGS", b"-FLAGS")), flag))
        if dice.random() < 0.2:
            wire.tagged(b"STORE 2 +FLAGS.SILENT (\\Deleted)")
            wire.tagged(b"EXPUNGE")
        if dice.random() < 0.3:
            wire.tagged(b"APPEND INBOX {12+}\r\nSubject: x\r\n")


def test_flags_and_expunges_arrive_in_order(pair: Pair) -> None:
    for number in range(10):
        pair.deliver(f"order {number}")
    with pair.crowd() as wires:
        acting, listening = wires[:4], [Mirror(wire) for wire in wires[4:]]
        for mirror in listening:
            idle(mirror.wire)
        threads = [threading.Thread(target=act, args=(w, n)) for n, w in enumerate(acting)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with signed_in(pair.server.address("imap"), pair.user) as fresh:
            truth = Mirror(fresh).sets()
        assert len(truth) > 3
        for mirror in listening:
            wait_until(lambda mirror=mirror: mirror.look() == truth)  # type: ignore[misc]


def gone(wire: RawWire, mailbox: bytes) -> bool:
    """Say whether a process knows that a mailbox has another name now."""
    answer = wire.tagged(b"APPEND " + mailbox + b" {12+}\r\nSubject: x\r\n")
    assert answer.startswith((b"t OK", b"t NO [TRYCREATE]")), answer
    return not answer.startswith(b"t OK")


def test_a_renamed_mailbox_is_renamed_for_all(pair: Pair) -> None:
    with pair.crowd() as wires:
        first = wires[0]
        assert first.tagged(b"CREATE before0").startswith(b"t OK")
        for number in range(5):
            old, new = b"before%d" % number, b"before%d" % (number + 1)
            for wire in wires:
                answer = wire.tagged(b"APPEND " + old + b" {12+}\r\nSubject: x\r\n")
                assert answer.startswith(b"t OK"), answer
            assert wires[number].tagged(b"RENAME " + old + b" " + new).startswith(b"t OK")
            for wire in wires:
                wait_until(lambda wire=wire, old=old: gone(wire, old))  # type: ignore[misc]
                assert wire.tagged(b"STATUS " + new + b" (MESSAGES)").startswith(b"t OK")
        assert first.tagged(b"DELETE before5").startswith(b"t OK")


def seconds_to_revoke(pair: Pair, label: str) -> float:
    """Revoke a new app password; return how long its connections lived on, idle or not."""
    other = (pair.who, pair.add_password(label))
    with pair.crowd(other) as stolen:
        for wire in stolen[::2]:
            idle(wire)
        pair.revoke(label)
        revoked = time.monotonic()
        for wire in stolen:
            assert b"* BYE" in wire.everything()
        took = time.monotonic() - revoked
    for _ in range(4):
        with raw(pair.server.address("imap")) as wire:
            wire.line()
            answer = wire.tagged(b"LOGIN " + quoted(other[0]) + b" " + quoted(other[1]))
            assert answer.startswith(b"t NO [AUTHENTICATIONFAILED]")
    return took


def test_a_revoked_app_password_closes_its_connections_everywhere(pair: Pair) -> None:
    with pair.crowd() as kept:
        took = [seconds_to_revoke(pair, f"stolen{number}") for number in range(ROUNDS)]
        for wire in kept:
            assert wire.tagged(b"NOOP").startswith(b"t OK")
    assert min(took) < REVOKED_WITHIN


def test_the_audit_log_holds_with_several_writers(pair: Pair) -> None:
    def sign_in(network: int) -> None:
        """Each network a credential comes from is an entry of its own."""
        for host in range(1, 30):
            wire = connect(pair.server.address("imap"), source=f"127.{network}.{host}.1")
            try:
                wire.line()
                answer = wire.tagged(b"LOGIN " + quoted(pair.user[0]) + b" " + quoted(pair.user[1]))
                assert answer.startswith(b"t OK"), answer
            except Closed:
                pytest.fail("the server hung up")
            finally:
                wire.close()

    def entries() -> int:
        said = re.match(r"([\d,]+) entries .* consistent", pair.zegel("audit", "verify"))
        assert said is not None
        return int(said[1].replace(",", ""))

    before = entries()
    threads = [threading.Thread(target=sign_in, args=(network,)) for network in range(10, 16)]
    for thread in threads:
        thread.start()
    for number in range(3):
        pair.zegel("domain", "add", f"d{number}.example")
        entries()  # while they write
    for thread in threads:
        thread.join()
    assert entries() >= before + 6 * 29 + 3
