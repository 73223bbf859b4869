"""STORE and its flags (RFC 9051 §6.4.6, RFC 7162 §3.1.3)."""

import pytest

from mailserver.model.message import Flag, StoreMode
from mailserver.protocol.imap.command import Store
from mailserver.protocol.imap.numset import STAR, SequenceSet, UidSet
from tests.support.imap import fault, parse

ONE = SequenceSet(((1, 1),))
ALL_FLAGS = Flag.SEEN | Flag.ANSWERED | Flag.FLAGGED | Flag.DELETED | Flag.DRAFT


def keywords(*words: str) -> frozenset[str]:
    return frozenset(words)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (b"STORE 1 FLAGS (\\Seen)", Store(ONE, StoreMode.REPLACE, Flag.SEEN)),
        (b"store 1 +flags \\seen", Store(ONE, StoreMode.ADD, Flag.SEEN)),
        (b"STORE 1 -FLAGS (\\Seen)", Store(ONE, StoreMode.REMOVE, Flag.SEEN)),
        (b"STORE 1 FLAGS ()", Store(ONE, StoreMode.REPLACE, Flag.NONE)),
        (
            b"STORE 1 +FLAGS.SILENT (\\Deleted)",
            Store(ONE, StoreMode.ADD, Flag.DELETED, silent=True),
        ),
        (
            b"STORE 1 FLAGS.silent \\Seen $Forwarded  NonJunk",
            Store(ONE, StoreMode.REPLACE, Flag.SEEN, keywords("$Forwarded", "NonJunk"), True),
        ),
        (
            b"STORE 1 FLAGS ( \\Seen \\Answered \\Flagged \\Deleted \\Draft \\Recent $MDNSent )",
            Store(ONE, StoreMode.REPLACE, ALL_FLAGS, keywords("$MDNSent")),
        ),
        (
            b"UID STORE 1:* (UNCHANGEDSINCE 0) +FLAGS (\\Flagged)",
            Store(UidSet(((1, STAR),)), StoreMode.ADD, Flag.FLAGGED, unchanged_since=0),
        ),
        (
            b"STORE 1 (unchangedsince 320162338) FLAGS.SILENT (\\Deleted)",
            Store(ONE, StoreMode.REPLACE, Flag.DELETED, keywords(), True, 320162338),
        ),
    ],
)
def test_store(text: bytes, command: Store) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", b"expected a word"),
        (b"FLAGS", b"expected a space"),
        (b"FLAGS ", b"expected an atom"),
        (b"X (\\Seen)", b"STORE writes FLAGS, +FLAGS or -FLAGS"),
        (b"*FLAGS (\\Seen)", b"expected a word"),
        (b"FLAGS.LOUD (\\Seen)", b"STORE writes FLAGS, +FLAGS or -FLAGS"),
        (b"FLAGS. (\\Seen)", b"STORE writes FLAGS, +FLAGS or -FLAGS"),
        (b"FLAGS (\\Nonsense)", b"there is no such system flag"),
        (b"FLAGS (\\*)", b"expected an atom"),
        (b"FLAGS (\\Seen", b"expected a space or )"),
        (b"FLAGS (\\Seen) x", b"expected the end of the line"),
        (b"FLAGS \\Seen (x)", b"expected an atom"),
        (b"FLAGS (a]b)", b"expected a space or )"),
        (b'FLAGS ("a")', b"expected an atom"),
        (b"FLAGS (\xe9)", b"expected an atom"),
        (b"(X 1) FLAGS (a)", b"there is no such modifier of STORE"),
        (b"(UNCHANGEDSINCE) FLAGS (a)", b"expected a space"),
        (b"(UNCHANGEDSINCE 1 FLAGS (a)", b"expected )"),
        (b"(UNCHANGEDSINCE 1)FLAGS (a)", b"expected a space"),
    ],
)
def test_no_store(text: bytes, says: bytes) -> None:
    assert fault(b"STORE 1 " + text) == says
