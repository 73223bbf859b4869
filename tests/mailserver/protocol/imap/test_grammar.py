"""Commands whose grammar is small, and what all commands have in common."""

import pytest

from mailserver.protocol.imap import command as c
from mailserver.protocol.imap.command import AnyCommand
from mailserver.protocol.imap.numset import STAR, SequenceSet, UidSet
from tests.support.imap import fault, parse, value


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (b"CAPABILITY", c.Capability()),
        (b"NOOP", c.Noop()),
        (b"noop", c.Noop()),
        (b"NOOP  ", c.Noop()),
        (b"LOGOUT", c.Logout()),
        (b"STARTTLS", c.StartTls()),
        (b"NAMESPACE", c.Namespace()),
        (b"IDLE", c.Idle()),
        (b"CHECK", c.Check()),
        (b"CLOSE", c.Close()),
        (b"UNSELECT", c.Unselect()),
        (b"EXPUNGE", c.Expunge()),
        (b"UID EXPUNGE 3:5", c.Expunge(UidSet(((3, 5),)))),
        (b"ENABLE CONDSTORE qresync", c.Enable(("CONDSTORE", "QRESYNC"))),
        (b"ENABLE UTF8=ACCEPT", c.Enable(("UTF8=ACCEPT",))),
        (b"DELETE x", c.Delete("x")),
        (b"SUBSCRIBE inbox", c.Subscribe("INBOX")),
        (b'UNSUBSCRIBE "a b"', c.Unsubscribe("a b")),
        (b"COPY 2:4 Trash", c.Copy(SequenceSet(((2, 4),)), "Trash")),
        (b'UID COPY 2,9:* "Sent Items"', c.Copy(UidSet(((2, 2), (9, STAR))), "Sent Items")),
        (b"MOVE 2 Trash", c.Move(SequenceSet(((2, 2),)), "Trash")),
        (b"uid move 2 {5}\r\nTrash", c.Move(UidSet(((2, 2),)), "Trash")),
    ],
)
def test_a_command(text: bytes, command: AnyCommand) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "username", "password"),
    [
        (b"LOGIN joe secret", "joe", b"secret"),
        (b'login "joe@example.org" "s\\"e\\\\ret"', "joe@example.org", b's"e\\ret'),
        (b"LOGIN {3}\r\njoe {6}\r\nsecret", "joe", b"secret"),
        (b"LOGIN {3+}\r\njoe {6+}\r\nse ret", "joe", b"se ret"),
        ('LOGIN "jörg" "geheim"'.encode(), "jörg", b"geheim"),
        (b'LOGIN joe "\xff"', "joe", b"\xff"),
        (b'LOGIN joe ""', "joe", b""),
    ],
)
def test_login_takes_every_kind_of_string(text: bytes, username: str, password: bytes) -> None:
    assert value(parse(text)) == ("Login", username, password)


@pytest.mark.parametrize(
    ("text", "mechanism", "initial"),
    [
        (b"AUTHENTICATE PLAIN", "PLAIN", None),
        (b"authenticate plain =", "PLAIN", b""),
        (b"AUTHENTICATE PLAIN AGpvZQBzZWNyZXQ=", "PLAIN", b"\x00joe\x00secret"),
        (b"AUTHENTICATE XOAUTH2 dGVzdA== ", "XOAUTH2", b"test"),
    ],
)
def test_authenticate_may_bring_its_first_answer(
    text: bytes, mechanism: str, initial: bytes | None
) -> None:
    assert value(parse(text)) == ("Authenticate", mechanism, initial)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (b"ID NIL", None),
        (b"ID ()", ()),
        (b'ID ("name" "mutt")', (("name", "mutt"),)),
        (b'id ("Name" "Outlook" "version" NIL )', (("name", "Outlook"), ("version", None))),
        (b'ID ("name" {4}\r\nmutt)', (("name", "mutt"),)),
        (b'ID ("name" "\xff")', (("name", "\ufffd"),)),
    ],
)
def test_id(text: bytes, fields: tuple[tuple[str, str | None], ...] | None) -> None:
    assert parse(text) == c.Id(fields)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", b"expected a command"),
        (b"123", b"expected a command"),
        (b"\x00", b"expected a command"),
        (b"FROBNICATE", b"there is no such command"),
        (b"FROBNICATE x", b"there is no such command"),
        (b"UID", b"expected a space"),
        (b"UID NOOP", b"there is no such command"),
        (b"UID LOGIN a b", b"there is no such command"),
        (b"NOOP x", b"expected the end of the line"),
        (b"NOOP\x00", b"expected the end of the line"),
        (b"CAPABILITY\xe9", b"expected the end of the line"),
        (b"LOGIN", b"expected a space"),
        (b"LOGIN joe", b"expected a space"),
        (b"LOGIN joe secret x", b"expected the end of the line"),
        (b"LOGIN \xe9 secret", b"expected a string"),
        (b'LOGIN "\xe9" secret', b"the string is not UTF-8"),
        (b'LOGIN "jo\x00e" secret', b"expected a string"),
        (b"LOGIN {3}\r\nj\x00e secret", b"a string has no NUL"),
        (b"AUTHENTICATE", b"expected a space"),
        (b"AUTHENTICATE PLAIN AGpvZQ", b"this is not base64"),
        (b"AUTHENTICATE PLAIN AGp=vZQ=", b"this is not base64"),
        (b"AUTHENTICATE PLAIN AG pv", b"this is not base64"),
        (b"ENABLE", b"expected a space"),
        (b'ENABLE "x"', b"expected an atom"),
        (b"ID", b"expected a space"),
        (b'ID "name"', b"expected NIL or a list"),
        (b'ID ("name")', b"expected a space"),
        (b'ID ("name" "x"', b"expected a space or )"),
        (b"UID EXPUNGE", b"expected a space"),
        (b"UID EXPUNGE x", b"expected a set of message numbers"),
        (b"UID EXPUNGE 1:", b"this is not a set of message numbers"),
        (b"COPY 1", b"expected a space"),
        (b'COPY 1 ""', b"the mailbox has no name"),
        (b"COPY 0 x", b"a message number is from 1 to 4294967295"),
        (b"MOVE 1 a b", b"expected the end of the line"),
        (b"APPEND INBOX", b"APPEND needs a message literal"),
        (b'APPEND INBOX "text"', b"APPEND needs a message literal"),
    ],
)
def test_what_is_no_command_is_bad_with_its_tag(text: bytes, says: bytes) -> None:
    assert fault(text) == says


def test_a_fault_never_repeats_what_the_client_said() -> None:
    assert b"secret" not in fault(b"LOGIN joe secret secret2")
    assert b"c2VjcmV0" not in fault(b"AUTHENTICATE PLAIN c2VjcmV0=")
