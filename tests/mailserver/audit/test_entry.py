"""The octets that are hashed: one form only, and each part of them counts."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.audit.entry import Entry, Event, decode, encode, link
from mailserver.audit.subjects import Subject
from mailserver.model.errors import Corrupt
from mailserver.model.ids import AccountId, new_account_id

entries = st.builds(
    Entry,
    number=st.integers(1, 2**62),
    at=st.datetimes(timezones=st.just(UTC)).filter(lambda at: at.year > 1970),
    event=st.sampled_from(Event),
    actor=st.text(max_size=40),
    account_id=st.none() | st.binary(min_size=16, max_size=16).map(AccountId),
    facts=st.dictionaries(st.text(max_size=10), st.integers() | st.text(max_size=20), max_size=4),
    personal=st.binary(max_size=100),
)


@given(entries)
def test_an_entry_comes_back(entry: Entry) -> None:
    assert decode(encode(entry)) == entry


@given(entries, entries)
def test_no_two_entries_are_written_alike(one: Entry, other: Entry) -> None:
    assert (encode(one) == encode(other)) == (one == other)


@pytest.mark.parametrize(
    "octets", [b"", b"{}", b"[]", b"null", b'{"n": 1}', b"\xff", b'{"n":1e400}']
)
def test_other_octets_are_no_entry(octets: bytes) -> None:
    with pytest.raises(Corrupt):
        decode(octets)


def test_another_spelling_of_an_entry_is_refused() -> None:
    octets = encode(Entry(1, datetime(2026, 1, 1, tzinfo=UTC), Event.SIGN_IN, "server"))
    with pytest.raises(Corrupt):
        decode(octets.replace(b",", b", ", 1))


def test_a_hash_depends_on_every_part() -> None:
    hashes = {
        link(b"i" * 16, 1, bytes(32), b"entry"),
        link(b"j" * 16, 1, bytes(32), b"entry"),
        link(b"i" * 16, 2, bytes(32), b"entry"),
        link(b"i" * 16, 1, b"\x01" * 32, b"entry"),
        link(b"i" * 16, 1, bytes(32), b"entrz"),
    }
    assert len(hashes) == 5


def test_personal_fields_open_for_their_subject_alone() -> None:
    account = new_account_id()
    subject = Subject(account, b"k" * 32)
    sealed = subject.seal({"address": "alice@example.org"})
    assert b"alice" not in sealed
    assert subject.open(sealed)["address"].reveal() == b"alice@example.org"
    with pytest.raises(Corrupt):
        Subject(new_account_id(), b"k" * 32).open(sealed)
    with pytest.raises(Corrupt):
        Subject(account, b"l" * 32).open(sealed)
    with pytest.raises(Corrupt):
        subject.open(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with pytest.raises(Corrupt):
        subject.open(b"short")
    assert subject.seal({}) == b""
    assert subject.open(b"") == {}
