"""Real messages in by each way, and out over IMAP octet for octet.

The corpus is our own and, where it lies beside the project, that of other mail projects.
"""

import re
import smtplib
from collections.abc import Callable, Iterable

import pytest
from imapclient import IMAPClient

from tests.support.corpus import OWN, SHARED, Letter, letters
from tests.support.mail_clients import SENDER, User

BATCH = 50
TOGETHER = 7

REFUSED = {
    "mail-parser/legacy-049.eml": "550 5.6.11",  # lines that end in a bare CR
    "mail-parser/thirdparty-005.eml": "550 5.6.0",  # a NUL
}
"""What SMTP must not take, with reply and enhanced code. Source: RFC 5321 §2.3.8, RFC 5322 §2.3."""

TRACE = re.compile(
    rb"Return-Path: <sender@elsewhere\.example>\r\n"
    rb"(?:Authentication-Results: localhost;\r\n(?:[ \t][^\r\n]*\r\n)*)?"
    rb"Received: from [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*\Z"
)


def test_the_corpus_is_there() -> None:
    assert len(letters()) >= len(list(OWN.glob("*.eml"))) > 30
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED.name} is absent beside the project: only tests/corpus was used")
    assert len(letters()) > 252


def read_back(client: IMAPClient) -> list[bytes]:
    """Fetch every message of INBOX, in UID order."""
    client.select_folder("INBOX", readonly=True)
    uids = sorted(client.search("ALL"))
    found: list[bytes] = []
    for start in range(0, len(uids), BATCH):
        batch = client.fetch(uids[start : start + BATCH], [b"BODY.PEEK[]"])
        found += [batch[uid][b"BODY[]"] for uid in sorted(batch)]
    return found


def send_all(send: Callable[[bytes], str]) -> tuple[list[Letter], dict[str, str]]:
    """Send every letter; return what was taken, and the refusal of the others."""
    taken, refused = [], {}
    for letter in letters():
        answer = send(letter.for_smtp)
        if answer:
            refused[letter.name] = answer
        else:
            taken.append(letter)
    return taken, refused


def expected_refusals() -> dict[str, str]:
    return {letter.name: REFUSED[letter.name] for letter in letters() if letter.name in REFUSED}


def check_delivered(user: User, taken: Iterable[Letter]) -> None:
    with user.imapclient() as client:
        found = read_back(client)
    wrong = []
    for letter, octets in zip(taken, found, strict=True):
        content = letter.for_smtp
        if not (octets.endswith(content) and TRACE.match(octets.removesuffix(content))):
            wrong.append(letter.name)
    assert wrong == []


def code(error: smtplib.SMTPResponseException) -> str:
    said = error.smtp_error if isinstance(error.smtp_error, bytes) else error.smtp_error.encode()
    return f"{error.smtp_code} {said.split()[0].decode()}"


def test_by_smtp(user: User) -> None:
    with user.mx() as mx:

        def send(message: bytes) -> str:
            try:
                mx.sendmail(SENDER, [user.address], message)
            except smtplib.SMTPDataError as error:
                return code(error)
            return ""

        taken, refused = send_all(send)
    assert refused == expected_refusals()
    check_delivered(user, taken)


def test_by_lmtp(user: User) -> None:
    with user.lmtp() as lmtp:
        lmtp.ehlo_or_helo_if_needed()

        def send(message: bytes) -> str:
            try:
                lmtp.sendmail(SENDER, [user.address], message)
            except smtplib.SMTPDataError as error:
                return code(error)
            return ""

        taken, refused = send_all(send)
    assert refused == expected_refusals()
    check_delivered(user, taken)


def test_by_append_as_it_is(user: User) -> None:
    """A client's own words are kept as it has them: bare LF, bare CR and NUL included."""
    with user.imapclient() as client:
        for start in range(0, len(letters()), TOGETHER):  # append would make bare LF CRLF
            together = letters()[start : start + TOGETHER]
            client.multiappend("INBOX", [letter.octets for letter in together])
        found = read_back(client)
    assert found == [letter.octets for letter in letters()]


def test_sizes_are_those_of_the_octets(user: User) -> None:
    with user.imapclient() as client:
        some = letters()[::7]
        for letter in some:
            client.multiappend("INBOX", [letter.octets])  # append would make bare LF CRLF
        client.select_folder("INBOX", readonly=True)
        found = client.fetch(client.search("ALL"), ["RFC822.SIZE"])
    sizes = [found[uid][b"RFC822.SIZE"] for uid in sorted(found)]
    assert sizes == [len(letter.octets) for letter in some]
