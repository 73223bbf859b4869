"""A server that does relay, and those who would have it carry what is not theirs.

Nothing of what is refused here may be left in the queue or in a mailbox: the server is asked for
both when a test is over.
"""

import asyncio
import base64
import re
import sqlite3
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.support.mail_clients import User
from tests.support.mail_host import MailHost, hosting
from tests.support.server import Server, serving
from tests.support.wire import RawWire, raw, signed_in

BOUND_FOR = b"<victim@elsewhere.test>"
HEADER = b"From: bench0@bench.test\r\nSubject: hello\r\n"


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that relays, to nobody who answers: what it took by mistake stays in its queue."""
    environ = {"ZEGEL_RELAY_ENABLED": "true", "ZEGEL_RELAY_SMART_HOST": "127.0.0.1:9 none"}
    with serving(tmp_path_factory.mktemp("relay"), environ=environ) as server:
        yield server
        said = server.words()
        assert server.stop() == 0
    assert "Traceback" not in said
    assert '"event":"incident"' not in said, said[-2000:]


@pytest.fixture
def clean(relay: Server) -> Iterator[Server]:
    """The same, and nothing of a test stays with it."""
    before = counts(relay)
    yield relay
    assert counts(relay) == before


def counts(server: Server) -> tuple[int, int]:
    """Count the letters in the queue and in user 0's INBOX."""
    with sqlite3.connect(server.data / "zegel.sqlite3") as database:
        (queued,) = database.execute("SELECT count(*) FROM queue").fetchone()
    with signed_in(server.address("imap"), server.user()) as imap:
        imap.send(b"s STATUS INBOX (MESSAGES)\r\n")
        said = b" ".join(imap.until(b"s "))
    found = re.search(rb"MESSAGES (\d+)", said)
    assert found is not None
    return int(queued), int(found[1])


def greet(wire: RawWire, name: bytes = b"abuser.test") -> None:
    assert wire.reply().startswith(b"220")
    assert wire.ask(b"EHLO " + name).startswith(b"250")


def tls_of(server: Server) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(server.found["ca_file"]))


@contextmanager
def writing(server: Server) -> Iterator[RawWire]:
    with raw(server.address("submissions"), tls_of(server)) as wire:
        greet(wire)
        user, password = server.user()
        secret = base64.b64encode(f"\0{user}\0{password}".encode())
        assert wire.ask(b"AUTH PLAIN " + secret).startswith(b"235")
        yield wire


@pytest.fixture
def submitting(clean: Server) -> Iterator[RawWire]:
    """Somebody signed in: user 0, who is bench0@bench.test."""
    with writing(clean) as wire:
        yield wire


RELAYING, NOBODY, NO_ADDRESS = b"550 5.7.1 ", b"550 5.1.1 ", b"553 5.1.3 "
NO_PARAMETER, NO_COMMAND = b"501 5.5.4 ", b"500 5.5.2 "
ELSEWHERE = {
    b"<victim@elsewhere.test>": RELAYING,
    b"<victim@elsewhere.test.>": RELAYING,
    b"<victim%elsewhere.test@bench.test>": NOBODY,
    b"<victim%elsewhere.test@localhost>": RELAYING,
    b"<elsewhere.test!victim@bench.test>": NOBODY,
    b"<elsewhere.test!victim>": NO_ADDRESS,
    b'<"victim@elsewhere.test"@bench.test>': NOBODY,
    b'<"victim@elsewhere.test">': NO_ADDRESS,
    b'<"victim%elsewhere.test"@bench.test>': NOBODY,
    b"<@bench.test:victim@elsewhere.test>": RELAYING,
    b"<@localhost,@bench.test:victim@elsewhere.test>": RELAYING,
    b"<victim@elsewhere.test@bench.test>": NO_ADDRESS,
    b"<victim@[192.0.2.1]>": RELAYING,
    b"<victim@[127.0.0.1]>": RELAYING,
    b"<victim@[IPv6:::1]>": RELAYING,
    b"<victim@elsewhere.test,bench0@bench.test>": NO_ADDRESS,
    b"<bench0@bench.test@elsewhere.test>": NO_ADDRESS,
    b"<bench0@bench.test> <victim@elsewhere.test>": NO_PARAMETER,
    b"<victim@bench.test.elsewhere.test>": RELAYING,
    b"<victim@elsewhere.test\x00@bench.test>": NO_COMMAND,
    b"<victim@elsewhere.test\t@bench.test>": NO_COMMAND,
    b"<victim>": NO_ADDRESS,
    b"<SRS0=AAAA=AA=elsewhere.test=victim@bench.test>": NOBODY,
    b"<SRS1=AAAA=elsewhere.test==AAAA=AA=elsewhere.test=victim@bench.test>": NOBODY,
}
SENDERS = [b"<>", b"<bench0@bench.test>", b"<postmaster@localhost>", b"<victim@elsewhere.test>"]


@pytest.mark.parametrize(("recipient", "code"), ELSEWHERE.items(), ids=range(len(ELSEWHERE)))
def test_the_mx_relays_to_nobody(clean: Server, recipient: bytes, code: bytes) -> None:
    with raw(clean.address("mx")) as wire:
        greet(wire)
        for sender in SENDERS:
            assert wire.ask(b"MAIL FROM:" + sender).startswith(b"250")
            answer = wire.ask(b"RCPT TO:" + recipient)
            assert answer.startswith(code), answer
            assert wire.ask(b"DATA").startswith((b"503 5.5.1", b"554 5.5.1"))
            assert wire.ask(b"RSET").startswith(b"250")


@pytest.mark.parametrize("encrypted", [False, True])
def test_submission_knows_nobody_who_did_not_sign_in(clean: Server, *, encrypted: bool) -> None:
    door = "submissions" if encrypted else "submission"
    with raw(clean.address(door), tls_of(clean) if encrypted else None) as wire:
        greet(wire)
        assert wire.ask(b"MAIL FROM:<bench0@bench.test>").startswith(b"530 5.7.0")
        assert wire.ask(b"RCPT TO:" + BOUND_FOR).startswith((b"503 5.5.1", b"530 5.7.0"))


def test_no_password_is_taken_in_the_clear(clean: Server) -> None:
    user, password = clean.user()
    with raw(clean.address("submission")) as wire:
        greet(wire)
        secret = base64.b64encode(f"\0{user}\0{password}".encode())
        assert wire.ask(b"AUTH PLAIN " + secret).startswith(b"530 5.7.0 ")
        assert wire.ask(b"MAIL FROM:<bench0@bench.test>").startswith(b"530 5.7.0")


def test_starttls_takes_nothing_from_before_it_on_submission(clean: Server) -> None:
    user, password = clean.user()
    secret = base64.b64encode(f"\0{user}\0{password}".encode())
    with raw(clean.address("submission")) as wire:
        greet(wire)
        injected = b"EHLO injected.test\r\nAUTH PLAIN " + secret + b"\r\n"
        wire.send(b"STARTTLS\r\n" + injected + b"MAIL FROM:<bench0@bench.test>\r\n")
        assert wire.reply().startswith(b"220")
        wire.socket = tls_of(clean).wrap_socket(wire.socket, server_hostname="localhost")
        assert wire.ask(b"MAIL FROM:<bench0@bench.test>").startswith(b"503 5.5.1 "), "no EHLO yet"


@pytest.mark.parametrize(
    "sender", [b"<bench1@bench.test>", b"<postmaster@bench.test>", b"<victim@elsewhere.test>"]
)
def test_nobody_sends_in_anothers_name(submitting: RawWire, sender: bytes) -> None:
    assert submitting.ask(b"MAIL FROM:" + sender).startswith(b"550 5.7.1 ")
    assert submitting.ask(b"RCPT TO:" + BOUND_FOR).startswith(b"503 5.5.1 ")
    assert submitting.ask(b"DATA").startswith(b"503 5.5.1 ")


NOT_YOURS, MALFORMED = b"550 5.7.1 ", b"550 5.6.0 "
"""Somebody else is named; who is named cannot be told."""
SPOOFED = {
    "another's From": (b"From: bench1@bench.test\r\n", NOT_YOURS),
    "a stranger's From": (b"From: Boss <boss@elsewhere.test>\r\n", NOT_YOURS),
    "two From fields": (
        b"From: bench0@bench.test\r\nFrom: boss@elsewhere.test\r\n",
        MALFORMED,
    ),
    "two authors": (b"From: bench0@bench.test, boss@elsewhere.test\r\n", NOT_YOURS),
    "two authors and a Sender": (
        b"From: boss@elsewhere.test, bench0@bench.test\r\nSender: bench0@bench.test\r\n",
        NOT_YOURS,
    ),
    "a Sender": (b"From: bench0@bench.test\r\nSender: boss@elsewhere.test\r\n", NOT_YOURS),
    "a folded From": (b"From:\r\n boss@elsewhere.test\r\n", NOT_YOURS),
    "blanks before the colon": (b"From : boss@elsewhere.test\r\n", NOT_YOURS),
    "both, one with blanks": (
        b"From: bench0@bench.test\r\nFrom : boss@elsewhere.test\r\n",
        MALFORMED,
    ),
    "a group": (b"From: friends: boss@elsewhere.test;\r\n", MALFORMED),
    "a comment": (b"From: boss@elsewhere.test (bench0@bench.test)\r\n", NOT_YOURS),
    "two angles": (b"From: <bench0@bench.test> <boss@elsewhere.test>\r\n", MALFORMED),
    "a route": (b"From: <@bench.test:boss@elsewhere.test>\r\n", MALFORMED),
    "an empty From": (b"From:\r\n", MALFORMED),
}


@pytest.mark.parametrize(("head", "code"), SPOOFED.values(), ids=SPOOFED.keys())
def test_nobody_writes_anothers_name_on_top(submitting: RawWire, head: bytes, code: bytes) -> None:
    submitting.ask(b"MAIL FROM:<bench0@bench.test>")
    submitting.ask(b"RCPT TO:" + BOUND_FOR)
    assert submitting.ask(b"DATA").startswith(b"354")
    said = submitting.ask(head + b"Subject: hello\r\n\r\nwords\r\n.")
    assert said.startswith(code), said


ENDS = {
    "LF . LF": b"\n.\n",
    "LF . CRLF": b"\n.\r\n",
    "CRLF . LF": b"\r\n.\n",
    "CR . CR": b"\r.\r",
    "CR . CRLF": b"\r.\r\n",
    "CRLF . CR": b"\r\n.\r",
    "CR CRLF . CR CRLF": b"\r\r\n.\r\r\n",
    "LF . CR CRLF": b"\n.\r\r\n",
    "CRLF NUL . CRLF": b"\r\n\0.\r\n",
    "CRLF . NUL CRLF": b"\r\n.\0\r\n",
    "LF CRLF . CR": b"\n\r\n.\r",
}


def refusal(end: bytes) -> bytes:
    """Say how such an end is refused; a NUL is found before the bare ends behind it."""
    return b"550 5.6.0 " if b"\0" in end else b"550 5.6.11 "


SMUGGLED = (
    b"MAIL FROM:<bench0@bench.test>\r\nRCPT TO:<bench0@bench.test>\r\nDATA\r\n"
    b"From: bench0@bench.test\r\nSubject: smuggled\r\n\r\nsmuggled\r\n.\r\n"
)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_t_tls_4_nothing_but_crlf_dot_crlf_ends_a_message(clean: Server, end: bytes) -> None:
    with raw(clean.address("mx")) as wire:
        greet(wire)
        wire.ask(b"MAIL FROM:<victim@elsewhere.test>")
        wire.ask(b"RCPT TO:<bench0@bench.test>")
        wire.ask(b"DATA")
        wire.send(b"Subject: outer\r\n\r\nouter" + end + SMUGGLED)
        assert wire.reply().startswith(refusal(end))
        assert wire.ask(b"NOOP").startswith(b"250"), "one answer, for one message"


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_t_tls_4_nothing_is_smuggled_out(submitting: RawWire, end: bytes) -> None:
    submitting.ask(b"MAIL FROM:<bench0@bench.test>")
    submitting.ask(b"RCPT TO:" + BOUND_FOR)
    submitting.ask(b"DATA")
    submitting.send(HEADER + b"\r\nouter" + end + SMUGGLED)
    assert submitting.reply().startswith(refusal(end))
    assert submitting.ask(b"NOOP").startswith(b"250")


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_t_tls_4_nor_in_a_chunk(submitting: RawWire, end: bytes) -> None:
    submitting.ask(b"MAIL FROM:<bench0@bench.test>")
    submitting.ask(b"RCPT TO:" + BOUND_FOR)
    content = HEADER + b"\r\nouter" + end + SMUGGLED
    submitting.send(b"BDAT %d LAST\r\n" % len(content) + content)
    assert submitting.reply().startswith(refusal(end))
    assert submitting.ask(b"NOOP").startswith(b"250")


PARAMETERS = [
    b"MAIL FROM:<bench0@bench.test> ENVID=a+0D+0ABcc:+20victim@elsewhere.test",
    b"MAIL FROM:<bench0@bench.test> ENVID=a+0A",
    b"MAIL FROM:<bench0@bench.test> ENVID=a\tb",
    b"MAIL FROM:<bench0@bench.test\rBcc: victim@elsewhere.test>",
    b"MAIL FROM:<bench0@bench.test\nBcc: victim@elsewhere.test>",
    b'MAIL FROM:<"bench0\r\nBcc: x"@bench.test>'.replace(b"\r\n", b"\n"),
]
RECIPIENTS = [
    b"RCPT TO:<victim@elsewhere.test> ORCPT=rfc822;a+0D+0ASubject:+20pwned",
    b"RCPT TO:<victim@elsewhere.test> ORCPT=rfc822;a+0Ab@elsewhere.test",
    b"RCPT TO:<victim@elsewhere.test> ORCPT=rfc822\t;a@elsewhere.test",
    b"RCPT TO:<victim@elsewhere.test\nBcc: other@elsewhere.test>",
    b'RCPT TO:<"victim\rBcc: x"@elsewhere.test>',
]


def fault_of(command: bytes) -> bytes:
    """Say how a line is refused: bad xtext is an argument, other control octets no command."""
    return b"501 5.5.4 " if b"+0" in command else b"500 5.5.2 "


@pytest.mark.parametrize("command", PARAMETERS, ids=range(len(PARAMETERS)))
def test_no_line_gets_into_a_header_by_mail(submitting: RawWire, command: bytes) -> None:
    assert submitting.ask(command).startswith(fault_of(command))


@pytest.mark.parametrize("command", RECIPIENTS, ids=range(len(RECIPIENTS)))
def test_no_line_gets_into_a_header_by_rcpt(submitting: RawWire, command: bytes) -> None:
    assert submitting.ask(b"MAIL FROM:<bench0@bench.test>").startswith(b"250")
    assert submitting.ask(command).startswith(fault_of(command))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (b"a\rX-Injected: yes", b"500 5.5.2 "),
        (b"a\nX-Injected: yes", b"500 5.5.2 "),
        (b"a;(\tX", b"500 5.5.2 "),
        (b"[127.0.0.1", b"501 5.5.4 "),
        (b"<a>", b"501 5.5.4 "),
    ],
)
def test_no_line_gets_into_a_header_by_a_greeting(clean: Server, name: bytes, code: bytes) -> None:
    with raw(clean.address("mx")) as wire:
        wire.reply()
        assert wire.ask(b"EHLO " + name).startswith(code)


def test_no_report_goes_to_whom_a_stranger_names(clean: Server) -> None:
    """Who is not here is refused while the sender is there: nothing is bounced later."""
    with raw(clean.address("mx")) as wire:
        greet(wire)
        for sender in SENDERS:
            for asked in (b"", b" NOTIFY=SUCCESS,FAILURE,DELAY"):
                assert wire.ask(b"MAIL FROM:" + sender + b" RET=FULL").startswith(b"250")
                answer = wire.ask(b"RCPT TO:<nobody@bench.test>" + asked)
                assert answer.startswith(b"550 5.1.1"), answer
                wire.ask(b"RSET")


@asynccontextmanager
async def sending_to(host: MailHost, directory: Path) -> AsyncIterator[Server]:
    """Run a server whose mail all goes to `host`."""
    async with hosting(host):
        environ = {
            "ZEGEL_RELAY_ENABLED": "true",
            "ZEGEL_RELAY_SMART_HOST": f"127.0.0.1:{host.port} none",
        }
        server = Server(directory, environ=environ)
        try:
            yield await asyncio.to_thread(server.start)
        finally:
            await asyncio.to_thread(server.kill)


async def until_idle(server: Server) -> None:
    for _ in range(300):
        if not (await asyncio.to_thread(counts, server))[0]:
            return
        await asyncio.sleep(0.1)
    pytest.fail("something stays in the queue")


def submit_chunk(server: Server, content: bytes) -> None:
    with writing(server) as wire:
        assert wire.ask(b"MAIL FROM:<bench0@bench.test>").startswith(b"250")
        assert wire.ask(b"RCPT TO:" + BOUND_FOR).startswith(b"250")
        wire.send(b"BDAT %d LAST\r\n" % len(content) + content)
        assert wire.reply().startswith(b"250")


@pytest.mark.long
async def test_t_tls_4_what_a_chunk_may_hold_ends_nothing_further_on(tmp_path: Path) -> None:
    """A chunk has no dot to end it, so its lines may be dots; the next server must see none."""
    inner = b".\r\n" + SMUGGLED + b"..\r\n...\r\n.end\r\n.\r\n"
    there = MailHost()
    async with sending_to(there, tmp_path) as server:
        await asyncio.to_thread(submit_chunk, server, HEADER + b"\r\n" + inner)
        await until_idle(server)
    (content,) = there.contents
    stuffed = re.sub(rb"(?m)^\.", b"..", inner)
    assert content.endswith(b"\r\n\r\n" + stuffed + b".\r\n")
    assert b"\r\n.\r\n" not in content[:-3]
    assert [line.partition(" ")[0] for line in there.commands].count("MAIL") == 1


@pytest.mark.long
@pytest.mark.parametrize(
    "word",
    [
        "550 5.1.1 no\rX-Injected: yes",
        "550 5.1.1 no\r\r\rX-Injected: yes",
        "550 5.1.1 no\nX-Injected: yes",
        "550 5.1.1 no\x0bX-Injected: yes\x85X-Injected: yes\u2028X-Injected: yes",
        "550 5.1.1 " + "long " * 150 + "\x00\x07",
    ],
    ids=["CR", "CRs", "lines", "other breaks", "long"],
)
async def test_a_refusal_writes_no_line_into_the_report_on_it(tmp_path: Path, word: str) -> None:
    async with sending_to(MailHost(says={"RCPT": word}), tmp_path) as server:
        await asyncio.to_thread(submit_chunk, server, HEADER + b"\r\nwords\r\n")
        await until_idle(server)

        def inbox() -> list[bytes]:
            with User(server, *server.user()).imapclient() as client:
                client.select_folder("INBOX", readonly=True)
                return [got[b"BODY[]"] for got in client.fetch([1], ["BODY.PEEK[]"]).values()]

        (report,) = await asyncio.to_thread(inbox)
    assert b"Action: failed" in report
    assert not re.search(rb"(?im)^X-Injected", report)
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", report)
    assert max(map(len, report.split(b"\r\n"))) <= 998
