"""What servers' responses mean."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.errors import PeerFault
from mailserver.model.message import Flag
from mailserver.transfer.imap_reader import Oversized, Reader, Response
from mailserver.transfer.imap_values import fetched, internaldate, listed, values


def response(octets: bytes, literal_octets: int = 1_000) -> Response:
    (one,) = Reader(literal_octets).feed(octets + b"\r\n")
    return one


def test_a_message_is_read_whole() -> None:
    message = fetched(
        response(
            b'* 12 FETCH (UID 5 FLAGS (\\Seen \\Recent \\X $Junk) INTERNALDATE " 1-Mar-2026 '
            b'09:08:07 +0130" X-GM-LABELS ("\\\\Inbox" {3}\r\na b) RFC822.SIZE 4'
            b' BODY[] {4}\r\n(" \\)'
        )
    )
    assert message is not None
    assert (message.uid, message.octets, message.size_octets) == (5, b'(" \\', 4)
    assert (message.flags, message.keywords) == (Flag.SEEN, frozenset({"$Junk"}))
    assert message.internaldate == datetime(2026, 3, 1, 7, 38, 7, tzinfo=UTC)
    assert message.labels == [b"\\Inbox", b"a b"]
    assert message.complete


@pytest.mark.parametrize(
    ("said", "octets"),
    [
        (b'BODY[] ""', b""),
        (b'BODY[] "a\\"b"', b'a"b'),
        (b"BODY[] NIL", None),
        (b"body[] {2}\r\nab", b"ab"),
        (b"BODY[] ~{2}\r\na\0", b"a\0"),
        (b"BODY[]<0> {1}\r\na", None),
    ],
)
def test_content_comes_in_every_form(said: bytes, octets: bytes | None) -> None:
    message = fetched(response(b"* 1 FETCH (UID 1 " + said + b")"))
    assert message is not None
    assert message.octets == octets


def test_what_was_too_long_is_told_by_its_size() -> None:
    message = fetched(response(b"* 1 FETCH (UID 1 BODY[] {2000}\r\n" + b"x" * 2_000 + b")"))
    assert message is not None
    assert (message.octets, message.oversized) == (None, 2_000)


def test_news_of_flags_without_a_uid_is_nobodys() -> None:
    assert fetched(response(b"* 3 FETCH (FLAGS (\\Seen))")) is None


@pytest.mark.parametrize(
    "said", ["", "31-Feb-2026 00:00:00 +0000", "1-Jan-0001 00:00:00 +2300", "01-03-2026"]
)
def test_a_date_that_is_none_is_none(said: str) -> None:
    assert internaldate(said.encode()) is None


@pytest.mark.parametrize(
    ("said", "levels"),
    [
        (b'* LIST () "/" "Entw&APw-rfe/&- Co"', ("Entwürfe", "& Co")),
        (b'* LIST (\\Noselect) "." INBOX.b*r', ("INBOX", "b*r")),
        (b"* LIST () NIL {3}\r\na/b", ("a/b",)),
        (b'* LIST () "/" "caf\xc3\xa9"', ("café",)),
        (b'* LIST () "/" "caf\xe9"', ("café",)),
        (b'* LIST () "/" "a&b"', ("a&b",)),
        (b'* LIST () "\\\\" "a\\\\b" (CHILDINFO ("SUBSCRIBED"))', ("a", "b")),
    ],
)
def test_names_are_read_as_people_wrote_them(said: bytes, levels: tuple[str, ...]) -> None:
    found = listed(response(said))
    assert found is not None
    assert found.levels == levels


def test_a_name_that_cannot_be_asked_for_is_left_out() -> None:
    assert listed(response(b'* LIST () "/" {3}\r\na\r\n')) is None


@pytest.mark.parametrize(
    "said",
    [
        b"* 1 FETCH (UID",
        b"* 1 FETCH)",
        b'* 1 FETCH (UID "',
        b"* 1 FETCH (UID x)",
        b"* LIST " + b"(" * 60,
    ],
)
def test_what_is_no_imap_is_refused(said: bytes) -> None:
    with pytest.raises(PeerFault):
        fetched(response(said))


@given(st.binary(max_size=80))
def test_any_octets_are_values_or_a_fault_of_the_peer(octets: bytes) -> None:
    for one in Reader(100).feed(octets.replace(b"{", b"(") + b"\r\n"):
        try:
            values(one)
            fetched(one)
            listed(one)
        except PeerFault:
            continue


def test_a_literal_that_was_dropped_is_no_text() -> None:
    assert values(response(b"* X {5}\r\nabcde", literal_octets=4)) == [b"X", Oversized(5)]
