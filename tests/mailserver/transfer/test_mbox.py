"""mbox, ours and other people's."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.message import Flag
from mailserver.transfer.files import FileMessage, Unreadable
from mailserver.transfer.mbox import MboxWriter, boxes, decode, encode, is_reversible, parse

NOW = datetime(2026, 3, 2, 9, 8, 7, tzinfo=UTC)

_LINES = st.one_of(
    st.sampled_from(
        [b"From here on", b">From here", b">>>From x", b"From ", b">", b"", b"Fromage"]
    ),
    st.binary(max_size=20).map(lambda each: each.replace(b"\r", b"r").replace(b"\n", b"n")),
)
MAIL = st.lists(_LINES, min_size=1).map(lambda lines: b"".join(each + b"\r\n" for each in lines))


def read(path: Path) -> list[FileMessage]:
    (box,) = boxes(path, 1_000_000)
    return [entry.read() for entry in box.entries("")]


@given(MAIL)
def test_what_is_written_comes_back_octet_for_octet(octets: bytes) -> None:
    assert is_reversible(octets)
    assert decode(encode(octets, NOW)) == octets


@given(st.binary(max_size=60))
def test_what_would_be_altered_is_refused(octets: bytes) -> None:
    if is_reversible(octets):
        assert decode(encode(octets, NOW)) == octets
    else:
        with pytest.raises(ValueError, match="CRLF"):
            encode(octets, NOW)


@given(st.lists(MAIL.map(lambda octets: b"Subject: x\r\n\r\n" + octets), min_size=1, max_size=5))
def test_another_program_would_find_each_message(mails: list[bytes]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        writer = MboxWriter(Path(directory) / "x.mbox")
        spans = [writer.write(each, NOW) for each in mails]
        written = writer.path.read_bytes()
        assert [decode(written[at : at + span]) for at, span in spans] == mails
        assert [message.octets for message in read(writer.path)] == mails


def test_a_date_comes_back_from_the_line_before_the_message() -> None:
    assert parse(encode(b"a: b\r\n\r\n", NOW)).internaldate == NOW


def test_mboxcl_is_read_by_its_lengths_and_only_where_they_are_right(tmp_path: Path) -> None:
    body = b"one\n\nFrom me to you Mon Mar  2 09:00:00 2026\nis no separator\n"
    right = b"From a Mon Mar  2 09:00:00 2026\nContent-Length: %d\n\n" % len(body) + body + b"\n"
    wrong = b"From b Mon Mar  2 09:00:01 2026\nContent-Length: 5\n\nlonger than five\n\n"
    (tmp_path / "x").write_bytes(right + wrong + right)
    found = read(tmp_path / "x")
    assert len(found) == 3
    assert found[0].octets.endswith(body.replace(b"\n", b"\r\n"))
    assert found[1].octets.endswith(b"longer than five\r\n")


def test_a_sentence_that_begins_with_from_parts_nothing(tmp_path: Path) -> None:
    text = b"From a@b Mon Mar  2 09:00:00 2026\nA: b\n\nDear all,\n\nFrom now on we close at 5.\n"
    (tmp_path / "x").write_bytes(text)
    (message,) = read(tmp_path / "x")
    assert message.octets.endswith(b"From now on we close at 5.\r\n")


@pytest.mark.parametrize(
    ("fields", "flags", "keywords"),
    [
        (b"Status: RO\nX-Status: AF\n", Flag.SEEN | Flag.ANSWERED | Flag.FLAGGED, set()),
        (b"Status: O\nX-Keywords: Work $Label1   \n", Flag.NONE, {"Work", "$Label1"}),
        (b"X-Mozilla-Status: 000d\n", Flag.SEEN | Flag.FLAGGED | Flag.DELETED, set()),
        (b"X-Mozilla-Status: what\nX-Status: TD\n", Flag.DRAFT | Flag.DELETED, set()),
    ],
)
def test_flags_are_read_from_what_programs_write(
    fields: bytes, flags: Flag, keywords: set[str]
) -> None:
    message = parse(b"From a Mon Mar  2 09:00:00 2026\n" + fields + b"\nStatus: R in the body\n\n")
    assert message.flags == flags
    assert message.keywords == keywords


def test_windows_files_and_files_without_an_end_are_read(tmp_path: Path) -> None:
    one = b"From - Mon Mar  2 09:00:00 2026\r\nA: b\r\n\r\none\r\n\r\n"
    (tmp_path / "x").write_bytes(one + one[:-6])
    assert [message.octets for message in read(tmp_path / "x")] == [
        b"A: b\r\n\r\none\r\n",
        b"A: b\r\n\r\no",
    ]


def test_a_message_that_is_too_long_is_left_behind_alone(tmp_path: Path) -> None:
    short, long = (b"From a Mon Mar  2 09:00:00 2026\n\n" + b"x\n" * n for n in (1, 5_000))
    (tmp_path / "x").write_bytes(long + b"\n" + short)
    (box,) = boxes(tmp_path / "x", 1_000)
    first, second = box.entries("")
    with pytest.raises(Unreadable):
        first.read()
    assert second.read().octets == b"\r\nx\r\n"


def test_thunderbirds_directories_are_levels(tmp_path: Path) -> None:
    (tmp_path / "Work.sbd").mkdir()
    for name in ("Work", "Work.sbd/Plans", "Sent.mbox"):
        (tmp_path / name).write_bytes(encode(b"a: b\r\n\r\n", NOW))
    (tmp_path / "Work.msf").write_bytes(b"an index")
    found = {box.levels for box in boxes(tmp_path, 1_000)}
    assert found == {("Work",), ("Work", "Plans"), ("Sent",)}
