"""What holds for any octets whatsoever."""

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailserver.protocol.mime.addresses import addresses
from mailserver.protocol.mime.charsets import _CODECS, decode
from mailserver.protocol.mime.envelope import address_list, string
from mailserver.protocol.mime.headers import (
    header_fields,
    message_ids,
    parameter_text,
    parameterised,
    sent_date,
    text_of,
)
from mailserver.protocol.mime.scan import Part, header_only, scan
from mailserver.protocol.mime.section import Section, find_part, omit_fields, section, select_fields
from mailserver.protocol.mime.summary import KEPT, Summary, build
from mailserver.protocol.mime.text import plain_text
from mailserver.protocol.mime.transfer import decoded

# pieces that messages are made of, put together in every order
PIECES = [
    b"\r\n", b"\r\n\r\n", b"\n", b"\n\n", b"\r", b" ", b"\t", b"\0", b"\xff", b"\xc3\xa9", b"x",
    b"--a\r\n", b"--b\r\n", b"--ab\r\n", b"--a--\r\n", b"--b--", b"--a--\n", b"\r\n--a\r\n",
    b"Content-Type: multipart/mixed; boundary=a\r\n",
    b"Content-Type: multipart/digest;boundary=b\n",
    b'Content-Type: multipart/mixed; boundary="ab"\r\n\r\n',
    b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Type: text/html; charset=utf-7\r\n",
    b"Content-Type: text/plain; name*=utf-8''%ff\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Disposition: attachment; filename=\"a\\\"\r\n", b"Content-Language: en,\r\n",
    b"Subject: =?utf-8?q?=C3?= =?utf-8?b?qQ?=\r\n", b"From: a <b@c>, g: (d) e;\r\n",
    b"From: \"\r\n",
    b"To: x@y\r\n", b"Date: 1 Jan 2024 00:00 Z\r\n", b"Message-ID: <a@b>\r\n", b"References: <",
    b"<p>&amp;</p><script>", b"=C3=", b"QQ==", b"A: b\r\n c\r\n", b"From x\r\n",
]  # fmt: skip
MESSAGES = st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join) | st.binary(max_size=200)


def check_nesting(part: Part, end: int) -> None:
    assert part.header_start <= part.header_end == part.body_start <= part.body_end <= end
    assert part.lines >= 0
    position = part.body_start
    inside = part.children or ([part.message] if part.message else [])
    for child in inside:
        assert child.header_start >= position
        check_nesting(child, part.body_end)
        position = child.body_end
    if part.message is not None:
        assert not part.children
        assert (part.message.header_start, part.message.body_end) == (
            part.body_start,
            part.body_end,
        )
    if not part.children:
        assert part.type != b"multipart"


@given(MESSAGES)
@example(b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n--a--")
def test_offsets_nest(message: bytes) -> None:
    root = scan(message)
    assert (root.header_start, root.body_end) == (0, len(message))
    assert header_only(message).header_end == root.header_end
    check_nesting(root, len(message))


@given(MESSAGES)
@example(b"Content-Type: message/rfc822\r\n\r\n\r")
def test_lines_are_counted(message: bytes) -> None:
    def check(part: Part) -> None:
        content = message[part.body_start : part.body_end]
        assert part.lines == len(content.split(b"\n")) - (not content or content.endswith(b"\n"))
        for child in part.children or ([part.message] if part.message else []):
            check(child)

    check(scan(message))


@given(MESSAGES)
def test_sections_put_together_are_the_message(message: bytes) -> None:
    header, text = (section(message, Section((), what)) for what in ("HEADER", "TEXT"))
    assert header is not None
    assert text is not None
    assert header + text == section(message, Section()) == message
    for row in Summary(build(message).summary).parts:
        if row.path:
            path = tuple(map(int, row.path.split(".")))
            mime, body = section(message, Section(path, "MIME")), section(message, Section(path))
            assert mime is not None
            assert body is not None
            assert message[row.header_start : row.body_end] == mime + body


@given(MESSAGES)
@settings(max_examples=300)
def test_anything_can_be_summed_up(message: bytes) -> None:
    built = build(message)
    for text in (built.text.from_, built.text.subject, built.text.headers, built.text.body):
        text.encode()
    found = Summary(built.summary)
    assert b"\0" not in found.line
    assert b"\0" not in found.body
    check_response(found.line)
    check_response(found.body)
    assert len(found.preview) <= 256
    assert found.header_fields(KEPT) == section(
        message, Section((), "HEADER.FIELDS", tuple(KEPT)), built.root
    )
    assert built.message_ids
    for row in found.parts:
        assert row.type.count("/") >= 1
        part = find_part(built.root, tuple(map(int, row.path.split("."))) if row.path else ())
        assert part is not None
        decoded(part, message)


def check_response(octets: bytes) -> None:
    """Parentheses, strings and literals must balance, and nothing but a literal hold a line end."""
    position, depth = 0, 0
    while position < len(octets):
        octet = octets[position : position + 1]
        if octet == b"{":
            digits, _, _ = octets[position + 1 :].partition(b"}\r\n")
            position += len(digits) + 4 + int(digits)
            assert position <= len(octets)
            continue
        if octet == b'"':
            position += 1
            while octets[position : position + 1] != b'"':
                if octets[position : position + 1] == b"\\":
                    position += 1
                    assert octets[position : position + 1] in (b'"', b"\\")
                assert 0 < octets[position] < 0x80
                assert octets[position] not in b"\r\n"
                position += 1
        else:
            assert octet in b"() " or octet.isalnum()
            depth += {b"(": 1, b")": -1}.get(octet, 0)
        position += 1
    assert depth == 0


@given(MESSAGES, st.lists(st.sampled_from([b"from", b"TO", b"a", b"content-type", b" c"])))
def test_fields_are_either_selected_or_omitted(header: bytes, names: list[bytes]) -> None:
    wanted = {name.lower() for name in names}
    fields = header_fields(header)
    chosen = [whole for name, _, whole in fields if name in wanted]
    others = [whole for name, _, whole in fields if name not in wanted]
    assert select_fields(header, names).rstrip() == b"".join(chosen).rstrip()
    assert omit_fields(header, names).rstrip() == b"".join(others).rstrip()
    assert select_fields(header, names).endswith(b"\r\n")


VALUES = st.lists(
    st.sampled_from([
        b'"', b"\\", b"(", b")", b"<", b">", b"@", b",", b":", b";", b"[", b"]", b" ", b"\r\n ",
        b"=", b"*", b"0", b"1", b"%", b"a", b"b.c", b"name", b"'", b"\xe9", b"\0", b"=?utf-8?q?",
        b"?=", b"?", b"=?x?b?", b"Jan", b"2024", b"12:34", b"+0100", b"/",
    ])
).map(b"".join)  # fmt: skip


@given(VALUES)
@settings(max_examples=300)
def test_any_value_can_be_read(value: bytes) -> None:
    token, parameters = parameterised(value)
    assert token == token.lower()
    for name, _ in parameters:
        (parameter_text(parameters, name) or "").encode()
    text_of(value).encode()
    sent_date(value)
    message_ids(value)
    addresses(value)
    check_response(address_list(value))


@given(st.binary())
def test_strings_are_well_formed(value: bytes) -> None:
    check_response(string(value))


@given(st.text(alphabet="<>!-/\"'&;# abspanscriptstyle=\u00e9"))
def test_any_html_can_be_read(source: str) -> None:
    plain_text(source).encode()


@given(st.binary(), st.sampled_from(sorted(_CODECS)))
def test_any_octets_can_be_decoded(octets: bytes, label: bytes) -> None:
    decode(octets, label).encode()


def test_long_noise() -> None:
    # hypothesis keeps its examples short
    noise = random.Random(5322)
    for _ in range(30):
        message = b"".join(noise.choices(PIECES, k=3_000))
        root = scan(message)
        check_nesting(root, len(message))
        check_response(Summary(build(message, root).summary).line)
