"""`zegel external` against a real Dovecot, from its being added to its being forgotten."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Zegel, prepared
from tests.support.dovecot import PASSWORD, USER, Dovecot, dovecot

pytestmark = pytest.mark.long

WHO = "noor@example.test"
OWN = "seven tides under the bridge"
LETTER = b"From: a@b.test\r\nSubject: %d\r\n\r\nwords\r\n"


@pytest.fixture(scope="module")
def there() -> Iterator[Dovecot]:
    with dovecot() as running:
        yield running


@pytest.fixture(scope="module")
def zegel(tmp_path_factory: pytest.TempPathFactory) -> Zegel:
    """An account, on a server that may fetch from this machine."""
    made = prepared(
        tmp_path_factory.mktemp("external") / "run", ZEGEL_EXTERNAL_PRIVATE_SERVERS="true"
    )
    made.done("domain", "add", "example.test")
    made.done("user", "add", WHO, given=f"{OWN}\n")
    return made


def subjects(zegel: Zegel, directory: Path) -> list[bytes]:
    """Return the first Subject line of each message that the account has."""
    zegel.done("export", "eml", WHO, str(directory), given=f"{OWN}\n")
    found = [path.read_bytes().split(b"\r\n")[1] for path in directory.rglob("*.eml")]
    return sorted(found)


def test_it_is_added_fetched_listed_and_removed(
    zegel: Zegel, there: Dovecot, tmp_path: Path
) -> None:
    with there.client() as client:
        for number in range(3):
            client.append("INBOX", LETTER % number)
    where = ("127.0.0.1", USER, "--port", str(there.port), "--tls", "none", "--minutes", "20")
    secrets = f"{OWN}\n{PASSWORD}\n"
    said = zegel.done("external", "add", WHO, *where, "--into", "From work", given=secrets)
    assert said.startswith("Mail is fetched from 127.0.0.1 every 20 minutes: ")
    identifier = said.split()[-1]
    assert PASSWORD not in said
    assert zegel.done("external", "fetch", WHO, identifier) == "3 messages fetched.\n"
    assert zegel.done("external", "fetch", WHO, identifier).startswith("0 messages")
    with there.client() as client:
        client.append("INBOX", LETTER % 3)
    assert zegel.done("external", "fetch", WHO, identifier) == "1 message fetched.\n"
    listed = zegel.done("external", "list", WHO)
    for shown in (identifier, f"127.0.0.1:{there.port}", USER, "From work", "20", "1 message"):
        assert shown in listed
    assert PASSWORD not in listed
    assert zegel.done("external", "remove", WHO, identifier) == "It is removed.\n"
    assert len(zegel.done("external", "list", WHO).splitlines()) == 1
    assert "there is no such" in zegel.refused("external", "fetch", WHO, identifier)
    assert subjects(zegel, tmp_path / "out") == [b"Subject: %d" % n for n in range(4)]


def test_a_wrong_password_there_adds_nothing(zegel: Zegel, there: Dovecot) -> None:
    where = ("127.0.0.1", USER, "--port", str(there.port), "--tls", "none")
    zegel.refused("external", "add", WHO, *where, given=f"{OWN}\nwrong\n")
    assert len(zegel.done("external", "list", WHO).splitlines()) == 1


def test_a_wrong_password_of_ones_own_never_gets_there(zegel: Zegel, there: Dovecot) -> None:
    where = ("127.0.0.1", USER, "--port", str(there.port), "--tls", "none")
    said = zegel.refused("external", "add", WHO, *where, given=f"wrong words\n{PASSWORD}\n")
    assert "not right" in said
    assert len(zegel.done("external", "list", WHO).splitlines()) == 1


def test_a_server_that_went_away_is_said_and_the_status_tells(zegel: Zegel, tmp_path: Path) -> None:
    with dovecot() as there:
        where = ("127.0.0.1", USER, "--port", str(there.port), "--tls", "none")
        said = zegel.done("external", "add", WHO, *where, given=f"{OWN}\n{PASSWORD}\n")
    identifier = said.split()[-1]
    zegel.refused("external", "fetch", WHO, identifier)
    (line,) = [line for line in zegel.done("external", "list", WHO).splitlines() if USER in line]
    assert "reached" in line
    zegel.done("external", "remove", WHO, identifier)
