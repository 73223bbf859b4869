"""Mailbox names, SELECT, CREATE, LIST, STATUS and their kin (RFC 9051 §6.3)."""

import pytest

from mailserver.model.mailbox import Role
from mailserver.protocol.imap import command as c
from mailserver.protocol.imap.command import AnyCommand, ListReturn, ListSelection, StatusItem
from tests.support.imap import fault, parse


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"INBOX", "INBOX"),
        (b"iNbOx", "INBOX"),
        (b'"inbox"', "INBOX"),
        (b"inbox/sub", "INBOX/sub"),
        (b"inboxes", "inboxes"),
        (b"a/inbox", "a/inbox"),
        (b'"Sent Items"', "Sent Items"),
        (b'"[Gmail]/All Mail"', "[Gmail]/All Mail"),
        (b"[Gmail]/Spam", "[Gmail]/Spam"),
        (b"Entw&APw-rfe", "Entwürfe"),
        ('"Entwürfe & mehr"'.encode(), "Entwürfe & mehr"),
        ("{9+}\r\nEntwürfe".encode(), "Entwürfe"),
        (b"Tom&-Jerry", "Tom&Jerry"),
    ],
)
def test_a_mailbox_name(text: bytes, name: str) -> None:
    assert parse(b"DELETE " + text) == c.Delete(name)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b'""', b"the mailbox has no name"),
        (b"R&D", b"the mailbox name is not modified UTF-7"),
        (b'"a\x01b"', b"the mailbox name is not modified UTF-7"),
        (b"&AAA-", b"the mailbox name has control characters"),
        (b"&AIU-", b"the mailbox name has control characters"),
        ('"é\x01"'.encode(), b"the mailbox name has control characters"),
        (b'"\xe9"', b"the string is not UTF-8"),
        (b"a%", b"expected the end of the line"),
    ],
)
def test_no_mailbox_name(text: bytes, says: bytes) -> None:
    assert fault(b"DELETE " + text) == says


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (b"SELECT inbox", c.Select("INBOX")),
        (b"EXAMINE inbox", c.Examine("INBOX")),
        (b"SELECT a (CONDSTORE)", c.Select("a", condstore=True)),
        (b"EXAMINE a ( condstore )", c.Examine("a", condstore=True)),
        (b"CREATE a/b", c.Create("a/b")),
        (b"CREATE a/", c.Create("a")),
        (b"CREATE /", c.Create("/")),
        (b"CREATE a (USE (\\Sent))", c.Create("a", Role.SENT)),
        (b"CREATE a (use (\\drafts))", c.Create("a", Role.DRAFTS)),
        (b"CREATE a (USE (\\All))", c.Create("a", None, impossible_use=True)),
        (b"CREATE a (USE (\\Sent \\Junk))", c.Create("a", None, impossible_use=True)),
        (b"RENAME a b/", c.Rename("a", "b")),
        (b'RENAME "inbox" "Old Mail"', c.Rename("INBOX", "Old Mail")),
    ],
)
def test_opening_and_naming(text: bytes, command: AnyCommand) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"SELECT", b"expected a space"),
        (b"SELECT a ()", b"expected a word"),
        (b"SELECT a CONDSTORE", b"expected ("),
        (b"SELECT a (CONDSTORE", b"expected a space or )"),
        (b"SELECT a (CONDSTORE X)", b"CONDSTORE is the only parameter here; there is no QRESYNC"),
        (b"SELECT a (QRESYNC (1 2))", b"CONDSTORE is the only parameter here; there is no QRESYNC"),
        (b"CREATE a (X)", b"USE is the only parameter of CREATE here"),
        (b"CREATE a (USE (\\Sent) X)", b"USE is the only parameter of CREATE here"),
        (b"CREATE a (USE ())", b"expected \\"),
        (b"CREATE a (USE (Sent))", b"expected \\"),
        (b"CREATE a (USE \\Sent)", b"expected ("),
        (b"RENAME a", b"expected a space"),
    ],
)
def test_no_opening_and_naming(text: bytes, says: bytes) -> None:
    assert fault(text) == says


S = StatusItem


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (b"(MESSAGES)", (S.MESSAGES,)),
        (b"(uidnext unseen MESSAGES)", (S.UIDNEXT, S.UNSEEN, S.MESSAGES)),
        (b"(UNSEEN UNSEEN)", (S.UNSEEN,)),
        (
            b"(MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ MAILBOXID)",
            tuple(StatusItem),
        ),
    ],
)
def test_status(text: bytes, items: tuple[StatusItem, ...]) -> None:
    assert parse(b"STATUS inbox " + text) == c.Status("INBOX", items)


@pytest.mark.parametrize("text", [b"", b"()", b"MESSAGES", b"(X)", b"(MESSAGES", b"(MESSAGES) x"])
def test_no_status(text: bytes) -> None:
    assert fault(b"STATUS inbox " + text)


def listing(*patterns: str, reference: str = "", **more: object) -> c.List:
    return c.List(reference, patterns, **more)  # type: ignore[arg-type]  # the fields, by name


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (b'LIST "" "*"', listing("*")),
        (b'LIST "" *', listing("*")),
        (b'LIST "" ""', listing("")),
        (b'list "" %', listing("%")),
        (b'LIST "a/" b/%', listing("b/%", reference="a/")),
        (b'LIST "" inbox', listing("INBOX")),
        (b'LIST "" inbox/%', listing("INBOX/%")),
        (b'LIST "" Entw&APw-*', listing("Entwü*")),
        (b'LIST "" ("INBOX" "Drafts" a/%)', listing("INBOX", "Drafts", "a/%", extended=True)),
        (b'LIST () "" "*"', listing("*", extended=True)),
        (
            b'LIST (SUBSCRIBED) "" "*"',
            listing("*", selection=frozenset({ListSelection.SUBSCRIBED}), extended=True),
        ),
        (
            b'LIST (recursivematch subscribed) "" "%"',
            listing(
                "%",
                selection=frozenset({ListSelection.RECURSIVEMATCH, ListSelection.SUBSCRIBED}),
                extended=True,
            ),
        ),
        (
            b'LIST (SPECIAL-USE REMOTE) "" "*" RETURN (SPECIAL-USE)',
            listing(
                "*",
                selection=frozenset({ListSelection.SPECIAL_USE, ListSelection.REMOTE}),
                returned=frozenset({ListReturn.SPECIAL_USE}),
                extended=True,
            ),
        ),
        (b'LIST "" "*" RETURN ()', listing("*", extended=True)),
        (
            b'LIST "" % RETURN (SUBSCRIBED CHILDREN STATUS (MESSAGES UNSEEN))',
            listing(
                "%",
                returned=frozenset({ListReturn.SUBSCRIBED, ListReturn.CHILDREN}),
                status=(S.MESSAGES, S.UNSEEN),
                extended=True,
            ),
        ),
        (b'LSUB "" "*"', c.Lsub("", "*")),
        (b"lsub inbox/ %", c.Lsub("INBOX/", "%")),
    ],
)
def test_list(text: bytes, command: AnyCommand) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"LIST", b"expected a space"),
        (b'LIST ""', b"expected a space"),
        (b'LIST "" "*" x', b"expected RETURN"),
        (b'LIST "" "*" (SUBSCRIBED)', b"expected a word"),
        (b'LIST "" ()', b"expected a string"),
        (b'LIST "" ("a""b")', b"expected a space or )"),
        (b'LIST (X) "" "*"', b"there is no such selection option of LIST"),
        (b'LIST (RECURSIVEMATCH) "" "*"', b"RECURSIVEMATCH needs another selection option"),
        (b'LIST (RECURSIVEMATCH REMOTE) "" *', b"RECURSIVEMATCH needs another selection option"),
        (b'LIST "" "*" RETURN (X)', b"there is no such return option of LIST"),
        (b'LIST "" "*" RETURN (STATUS)', b"expected a space"),
        (b'LIST "" "*" RETURN', b"expected a space"),
        (b'LSUB "" (a b)', b"expected a string"),
    ],
)
def test_no_list(text: bytes, says: bytes) -> None:
    assert fault(text) == says
