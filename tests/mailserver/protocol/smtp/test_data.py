import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailserver.protocol.smtp.data import ChunkReader, ContentLimits, DataReader, Fault

SMALL = ContentLimits(message_octets=120, header_octets=30, line_octets=20)
ROOMY = ContentLimits(message_octets=1 << 20, header_octets=1 << 20, line_octets=1 << 20)

# Sequences in which every way to end, stuff or break a line is likely.
streams = st.lists(
    st.sampled_from(
        [
            b"\r\n",
            b"\r\n.",
            b"\r\n..",
            b"\r",
            b"\n",
            b".",
            b"\r\n.\r",
            b"a",
            b"bc: d",
            b"\x00",
            b"\x80",
            b"x" * 19,
            b"y" * 20,
            b"z" * 21,
        ]
    ),
    max_size=40,
).map(b"".join)
clean = st.lists(
    st.sampled_from([b"", b".", b"..", b"a", b".b", b"x" * 19, b"\xff"]), max_size=12
).map(lambda lines: b"".join(line + b"\r\n" for line in lines))


def faults(content: bytes, limits: ContentLimits) -> set[Fault]:
    """The reference: what is wrong with a whole message, read octet by octet and line by line."""
    found = set()
    if len(content) > limits.message_octets:
        found.add(Fault.TOO_LARGE)
    if re.search(rb"\r(?!\n)|(?<!\r)\n", content):
        found.add(Fault.BARE_NEWLINE)
    if b"\0" in content:
        found.add(Fault.NUL)
    if any(len(line) > limits.line_octets for line in re.split(rb"\r\n|\n", content)):
        found.add(Fault.LINE_TOO_LONG)
    header = (b"\r\n" + content).partition(b"\r\n\r\n")[0]
    if len(header) - 2 > limits.header_octets:
        found.add(Fault.HEADER_TOO_LARGE)
    return found


def stuffed(content: bytes) -> bytes:
    lines = content.split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)


def unstuffed(content: bytes) -> bytes:
    lines = content.split(b"\r\n")
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)


def cut(octets: bytes, at: list[int]) -> list[bytes]:
    places = sorted({place % (len(octets) + 1) for place in at})
    return [octets[a:b] for a, b in zip([0, *places], [*places, len(octets)], strict=True)]


def read(pieces: list[bytes], limits: ContentLimits) -> tuple[DataReader, bytes]:
    reader = DataReader(limits)
    content = b""
    for number, piece in enumerate(pieces):
        content += reader.feed(piece)
        if reader.ended:
            reader.rest += b"".join(pieces[number + 1 :])
            break
    return reader, content


@given(streams, st.lists(st.integers(0, 1000), max_size=12))
@example(b"a\r\n.\r\nMAIL", [1, 2, 3, 4, 5, 6])
@example(b".\r\nQUIT\r\n", [])
@example(b"x" * 19 + b"\r\n" + b"y" * 20 + b"\r\n.\r\n", [10, 21, 30])
def test_content_is_what_a_line_by_line_reader_finds(stream: bytes, places: list[int]) -> None:
    reader, content = read(cut(stream, places), SMALL)
    before, end, after = (b"\r\n" + stream).partition(b"\r\n.\r\n")
    assert reader.ended == bool(end)
    if not end:
        return
    assert reader.rest == after
    expected = unstuffed((before + b"\r\n")[2:])
    wrong = faults(expected, SMALL)
    if wrong:
        assert reader.check.fault in wrong
    else:
        assert reader.check.fault is None
        assert content == expected


@given(clean, st.lists(st.integers(0, 1000), max_size=12))
def test_what_is_stuffed_comes_out_as_it_was(content: bytes, places: list[int]) -> None:
    wire = stuffed(content) + b".\r\nNOOP\r\n"
    reader, came = read(cut(wire, places), ROOMY)
    assert reader.ended
    assert reader.rest == b"NOOP\r\n"
    assert reader.check.fault is None
    assert came == content


@given(streams, st.lists(st.integers(0, 1000), max_size=12))
def test_chunks_are_joined_as_they_come(stream: bytes, places: list[int]) -> None:
    reader = ChunkReader(SMALL)
    pieces = cut(stream, places)
    content = b"".join(
        reader.feed(piece, last=number == len(pieces) - 1) for number, piece in enumerate(pieces)
    )
    whole = stream + (b"\r\n" if stream and not stream.endswith(b"\n") else b"")
    wrong = faults(whole, SMALL)
    if wrong:
        assert reader.check.fault in wrong
    else:
        assert reader.check.fault is None
        assert content == whole


@pytest.mark.parametrize(
    "smuggled",
    [
        b"\n.\n",
        b"\n.\r\n",
        b"\r.\r",
        b"\r\n.\n",
        b"\r\n.\r",
        b"\r.\r\n",
        b"\r.\n",
        b"\n.\r",
        b"\n\n.\r\n",
        b"\r\n\x00.\r\n",
        b"\r\n.\x00\r\n",
        b"\r\r\n.\r\r\n",
        b"\r\n.\r\r\n",
    ],
)
def test_no_other_line_end_ends_a_message(smuggled: bytes) -> None:
    wire = b"Subject: a\r\n\r\nbody" + smuggled + b"MAIL FROM:<x@y.example>\r\n.\r\n"
    for size in range(1, len(wire) + 1):
        pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
        reader, _ = read(pieces, ROOMY)
        assert reader.ended
        assert reader.rest == b""
        assert reader.check.fault in (Fault.BARE_NEWLINE, Fault.NUL)


def test_limits_are_inclusive() -> None:
    for octets, fault in ((20, None), (21, Fault.LINE_TOO_LONG)):
        reader, _ = read([b"\r\n" + b"x" * octets + b"\r\n.\r\n"], SMALL)
        assert reader.check.fault is fault
    for octets, fault in ((120, None), (121, Fault.TOO_LARGE)):
        body = b"\r\n" + (b"x" * 8 + b"\r\n") * 11
        body += b"y" * (octets - len(body) - 2) + b"\r\n"
        assert len(body) == octets
        reader, _ = read([body + b".\r\n"], SMALL)
        assert reader.check.fault is fault
    for octets, fault in ((15, None), (16, Fault.HEADER_TOO_LARGE)):
        header = b"a: 456789012\r\n" + b"b" * octets + b"\r\n\r\n"
        limits = ContentLimits(message_octets=120, header_octets=29, line_octets=20)
        reader, _ = read([header[:5], header[5:] + b".\r\n"], limits)
        assert reader.check.fault is fault


def test_a_header_without_end_is_bounded() -> None:
    reader = DataReader(ContentLimits(message_octets=10_000, header_octets=100))
    for _ in range(20):
        reader.feed(b"name: value\r\n")
    assert reader.check.fault is Fault.HEADER_TOO_LARGE


def test_nothing_is_kept_after_a_fault() -> None:
    reader = DataReader(ROOMY)
    reader.feed(b"a\nb\r\n")
    assert reader.feed(b"more\r\n") == b""
    assert reader.feed(b".\r\nRSET\r\n") == b""
    assert reader.ended
    assert reader.rest == b"RSET\r\n"


def test_a_message_that_ended_takes_no_more() -> None:
    reader = DataReader(ROOMY)
    assert reader.feed(b".\r\n") == b""
    with pytest.raises(ValueError, match="ended"):
        reader.feed(b"a")


def test_empty_chunks_are_an_empty_message() -> None:
    reader = ChunkReader(ROOMY)
    assert reader.feed(b"", last=False) == b""
    assert reader.feed(b"", last=True) == b""
    assert reader.check.fault is None
