"""A day with Thunderbird: an account entered, mail read, filed, searched, written, and noticed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mail_clients import User, letter
from tests.support.thunderbird import Thunderbird, enter, thunderbird

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

_USES = {
    "INBOX": 0x1000,
    "Drafts": 0x400,
    "Sent": 0x200,
    "Trash": 0x100,
    "Junk": 0x40000000,
    "Archive": 0x4000,
}
"""nsMsgFolderFlags, which Thunderbird sets by SPECIAL-USE (RFC 6154)."""


@pytest.fixture
def reader(user: User, home: Path) -> Iterator[Thunderbird]:
    """Thunderbird with the account of `user`."""
    with thunderbird(home) as program:
        enter(program, user)
        yield program


def test_mailboxes_are_listed_with_their_uses(reader: Thunderbird) -> None:
    found = reader.run("return flags();")
    assert {name for name, flag in _USES.items() if found.get(name, 0) & flag} == set(_USES)


def test_mail_is_listed_noticed_and_filed(reader: Thunderbird, user: User) -> None:
    user.deliver(letter("Grüße aus Köln", "Fünf Wörter.\r\n"), letter("Two", "Second.\r\n"))
    listed = reader.run("await refresh('INBOX'); return subjects('INBOX');")
    assert listed == ["Grüße aus Köln", "Two"]
    user.deliver(letter("Three", "Third.\r\n"))  # nobody asks: IDLE tells
    reader.run("await until(() => headers('INBOX').length == 3);")
    reader.run("await file('INBOX', 'Entwürfe & mehr');")
    with user.imapclient() as client:
        client.select_folder("Entwürfe & mehr", readonly=True)
        (found,) = client.fetch(client.search("ALL"), ["FLAGS"]).values()
    assert {b"\\Seen", b"\\Flagged", b"$label1"} <= set(found[b"FLAGS"])


def test_a_message_is_shown_as_it_came(reader: Thunderbird, user: User) -> None:
    user.deliver(letter("Body", "Fünf Wörter.\r\n.\r\nnach dem Punkt\r\n"))
    source = reader.run("await refresh('INBOX'); return source('INBOX');").encode("latin-1")
    with user.imapclient() as client:
        client.select_folder("INBOX", readonly=True)
        (held,) = client.fetch(client.search("ALL"), ["BODY.PEEK[]"]).values()
    kept = held[b"BODY[]"].replace(b"\r\n", b"\n")
    assert source.replace(b"\r\n", b"\n").endswith(kept)  # its store puts X-Mozilla fields above


def test_bodies_are_searched_on_the_server(reader: Thunderbird, user: User) -> None:
    user.deliver(letter("One", "the needle is here\r\n"), letter("Two", "only hay\r\n"))
    reader.run("await refresh('INBOX');")
    assert reader.run("return search('INBOX', 'needle');") == ["One"]


def test_a_letter_is_sent_and_kept(reader: Thunderbird, user: User, other: User) -> None:
    reader.run("await send(...given);", other.address, "Von Thunderbird: äöü", "Hello there.\r\n")
    for owner, mailbox in ((other, "INBOX"), (user, "Sent")):
        with owner.imapclient() as client:
            client.select_folder(mailbox, readonly=True)
            (found,) = client.fetch(client.search("ALL"), ["BODY.PEEK[TEXT]"]).values()
        assert found[b"BODY[TEXT]"].startswith(b"Hello there.")
