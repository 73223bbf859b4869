"""Parts of a message, rule by rule (RFC 2045, RFC 2046)."""

import pytest

from mailserver.protocol.mime.scan import DEPTH, HEADER_OCTETS, PARTS, Part, header_only, scan


def tree(part: Part) -> str:
    """Write a part as `type/subtype`, what it holds in brackets."""
    name = f"{part.type.decode()}/{part.subtype.decode()}"
    if part.message is not None:
        return f"{name}[{tree(part.message)}]"
    if part.children:
        return f"{name}[{' '.join(tree(child) for child in part.children)}]"
    return name


def bodies(message: bytes) -> list[bytes]:
    """Return the bodies of the root's children."""
    return [message[child.body_start : child.body_end] for child in scan(message).children]


def multipart(body: bytes, boundary: bytes = b"b", subtype: bytes = b"mixed") -> bytes:
    return b'Content-Type: multipart/%b; boundary="%b"\r\n\r\n' % (subtype, boundary) + body


def test_a_message_without_content_type_is_us_ascii_text() -> None:
    # RFC 2045 §5.2
    part = scan(b"Subject: x\r\n\r\nhello\r\nworld\r\n")
    assert tree(part) == "text/plain"
    assert part.params == ((b"charset", b"us-ascii"),)
    assert part.encoding == b"7bit"
    assert (part.header_end, part.body_end, part.lines) == (14, 28, 2)


def test_names_are_lower_case_and_values_are_not() -> None:
    part = scan(b"CONTENT-TYPE: Text/HTML; CharSet=ISO-8859-1\r\n\r\n")
    assert (part.type, part.subtype) == (b"text", b"html")
    assert part.params == ((b"charset", b"ISO-8859-1"),)


@pytest.mark.parametrize(
    "value", [b"text", b"", b";", b"/", b"(comment)", b"; charset=x", b"text/"]
)
def test_a_content_type_that_is_none_is_text(value: bytes) -> None:
    assert tree(scan(b"Content-Type: " + value + b"\r\n\r\nx")) == "text/plain"


def test_the_first_content_field_counts() -> None:
    assert tree(scan(b"Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n")) == "a/b"


def test_parts_lie_between_delimiters_and_lose_the_line_end_before_them() -> None:
    # RFC 2046 §5.1.1: the CRLF before a delimiter line belongs to it
    message = multipart(b"pre\r\n--b\r\n\r\none\r\n--b\r\nA: b\r\n\r\ntwo\r\n\r\n--b--\r\npost\r\n")
    assert bodies(message) == [b"one", b"two\r\n"]
    root = scan(message)
    assert message[root.children[1].header_start : root.children[1].header_end] == b"A: b\r\n\r\n"
    assert [child.lines for child in root.children] == [1, 1]
    assert root.body_end == len(message)


def test_bare_line_feeds_end_lines_too() -> None:
    message = multipart(b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n").replace(b"\r\n", b"\n")
    assert bodies(message) == [b"one", b"two"]


def test_a_line_feed_before_an_empty_line_with_carriage_return_ends_the_header() -> None:
    message = b"A: b\n\r\nbody"
    assert scan(message).header_end == 7


def test_the_first_empty_line_ends_the_header_whatever_the_next_one_ends_in() -> None:
    assert scan(b"A: b\n\n\r\nbody").header_end == 6


def test_white_space_may_follow_a_delimiter() -> None:
    # RFC 2046 §5.1.1, transport-padding
    assert bodies(multipart(b"--b \t\r\n\r\none\r\n--b--  \r\n--b\r\n\r\nno\r\n")) == [b"one"]


def test_a_boundary_may_begin_another() -> None:
    inner = b'Content-Type: multipart/alternative; boundary="bc"\r\n\r\n--bc\r\n\r\nx\r\n--bc--\r\n'
    message = multipart(b"--b\r\n" + inner + b"--b\r\n\r\ny\r\n--b--\r\n")
    assert tree(scan(message)) == ("multipart/mixed[multipart/alternative[text/plain] text/plain]")
    inner = inner.replace(b"bc", b"a")
    message = multipart(b"--ab\r\n" + inner + b"--ab\r\n\r\ny\r\n--ab--\r\n", b"ab")
    assert tree(scan(message)) == ("multipart/mixed[multipart/alternative[text/plain] text/plain]")


def test_a_boundary_may_end_in_hyphens() -> None:
    assert bodies(multipart(b"--b--\r\n\r\nx\r\n--b----\r\nrest", b"b--")) == [b"x"]


def test_a_line_that_goes_on_after_the_boundary_is_no_delimiter() -> None:
    assert bodies(multipart(b"--b\r\n\r\none\r\n--b x\r\n--bb\r\n--b--\r\n")) == [
        b"one\r\n--b x\r\n--bb"
    ]


def test_a_missing_close_delimiter_ends_with_the_message() -> None:
    message = multipart(b"--b\r\n\r\none\r\n")
    assert bodies(message) == [b"one\r\n"]


def test_an_outer_delimiter_ends_unclosed_inner_parts() -> None:
    inner = b'Content-Type: multipart/related; boundary="i"\r\n\r\n--i\r\n\r\nx\r\n'
    message = multipart(b"--b\r\n" + inner + b"--b\r\n\r\ny\r\n--b--\r\n")
    root = scan(message)
    assert tree(root) == "multipart/mixed[multipart/related[text/plain] text/plain]"
    assert root.children[0].body_end == root.children[0].children[0].body_end
    assert bodies(message)[1] == b"y"


def test_the_same_boundary_inside_belongs_to_the_inner_multipart_until_it_closes() -> None:
    inner = b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"
    message = multipart(b"--b\r\n" + inner + b"--b\r\n\r\ny\r\n--b--\r\n")
    assert tree(scan(message)) == "multipart/mixed[multipart/related[text/plain] text/plain]"


def test_what_follows_the_close_delimiter_is_epilogue() -> None:
    inner = multipart(b"--i\r\n\r\nx\r\n--i--\r\nepilogue\r\n--i\r\n\r\nno\r\n", b"i")
    message = multipart(b"--b\r\n" + inner + b"--b--\r\n")
    root = scan(message)
    assert tree(root) == "multipart/mixed[multipart/mixed[text/plain]]"
    inside = root.children[0]
    assert message[inside.body_end - 4 : inside.body_end] == b"\r\nno"


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Type: multipart/mixed",
        b'Content-Type: multipart/mixed; boundary=""',
        b'Content-Type: multipart/mixed; boundary=" "',
        b"Content-Type: multipart/mixed; boundary=never",
    ],
)
def test_a_multipart_without_parts_is_text(header: bytes) -> None:
    message = header + b"\r\n\r\nhello\r\n--b\r\n"
    part = scan(message)
    assert tree(part) == "text/plain"
    assert message[part.body_start : part.body_end] == b"hello\r\n--b\r\n"


def test_a_multipart_that_only_closes_is_text() -> None:
    assert tree(scan(multipart(b"--b--\r\n"))) == "text/plain"


def test_a_folded_boundary_is_unfolded() -> None:
    message = b'Content-Type: multipart/mixed; boundary="foo\r\n bar"\r\n\r\n--foo bar\r\n\r\nx\r\n'
    assert bodies(message) == [b"x\r\n"]


def test_parts_without_header_or_body() -> None:
    message = multipart(b"--b\r\n--b\r\n\r\n--b\r\nA: b\r\n--b\r\nA: b\r\n\r\n--b--")
    root = scan(message)
    spans = [(message[c.header_start : c.header_end], c.body_octets) for c in root.children]
    assert spans == [(b"", 0), (b"\r\n", 0), (b"A: b\r\n", 0), (b"A: b\r\n\r\n", 0)]


def test_parts_of_a_digest_are_messages() -> None:
    # RFC 2046 §5.1.5
    message = multipart(
        b"--b\r\n\r\nSubject: m1\r\n\r\nx\r\n--b\r\nX-A: b\r\n\r\nSubject: m2\r\n\r\ny\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\nz\r\n--b--\r\n",
        subtype=b"digest",
    )
    assert tree(scan(message)) == (
        "multipart/digest[message/rfc822[text/plain] message/rfc822[text/plain] text/html]"
    )


@pytest.mark.parametrize("subtype", [b"rfc822", b"global"])
def test_embedded_messages_are_scanned(subtype: bytes) -> None:
    message = (
        b"Content-Type: message/%b\r\n\r\n" % subtype
        + b"Subject: in\r\nContent-Type: message/rfc822\r\n\r\n\r\ndeep"
    )
    root = scan(message)
    assert root.message is not None
    assert root.message.message is not None
    assert message[root.message.header_start : root.message.header_end].startswith(b"Subject: in")
    assert message[root.message.message.body_start :] == b"deep"


def test_an_embedded_message_in_base64_is_octets() -> None:
    part = scan(b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nQQ==")
    assert part.message is None
    assert part.children == []


def test_messages_in_a_multipart_end_with_their_part() -> None:
    message = multipart(
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n--b\r\n\r\nx\r\n--b--\r\n"
    )
    root = scan(message)
    inner = root.children[0].message
    assert inner is not None
    assert message[inner.header_start : inner.header_end] == b"Subject: in\r\n"
    assert inner.body_octets == 0
    assert tree(root) == "multipart/mixed[message/rfc822[text/plain] text/plain]"


def test_content_fields_are_read() -> None:
    part = scan(
        b"Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: BASE64 (x)\r\n"
        b"Content-Disposition: Attachment; FileName=b.png\r\nContent-ID: <1@x>\r\n"
        b"Content-Description: a\r\n b\r\nContent-MD5: Q2hl\r\nContent-Language: en, ,fr\r\n"
        b"Content-Location: http://x/\r\n\r\n"
    )
    assert part.encoding == b"base64"
    assert part.disposition == b"attachment"
    assert part.disposition_params == ((b"filename", b"b.png"),)
    assert (part.id, part.description, part.md5) == (b"<1@x>", b"a b", b"Q2hl")
    assert (part.language, part.location) == ([b"en", b"fr"], b"http://x/")


def test_an_unreadable_transfer_encoding_is_7bit() -> None:
    assert scan(b"Content-Transfer-Encoding: ;\r\n\r\n").encoding == b"7bit"


def test_nul_and_8_bit_octets_are_octets() -> None:
    message = b"Subject: \x00\xff\r\n\r\n\x00\xff\x00"
    part = scan(message)
    assert message[part.body_start : part.body_end] == b"\x00\xff\x00"


@pytest.mark.parametrize("message", [b"", b"\n", b"\r\n", b"\r", b"A", b"A: b", b"A: b\n", b"\n\n"])
def test_stubs(message: bytes) -> None:
    part = scan(message)
    assert part.header_start == 0
    assert part.body_end == len(message)
    assert header_only(message).header_end == part.header_end


def test_depth_is_bounded() -> None:
    levels = DEPTH + 20
    message = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(levels)
    )
    part, depth = scan(message), 1
    while part.children:
        (part,) = part.children
        depth += 1
    assert depth == DEPTH
    assert tree(part) == "application/octet-stream"
    assert part.body_end == len(message)


def test_depth_of_embedded_messages_is_bounded() -> None:
    message = b"Content-Type: message/rfc822\r\n\r\n" * (DEPTH + 20)
    part, depth = scan(message), 1
    while part.message is not None:
        part, depth = part.message, depth + 1
    assert depth == DEPTH
    assert tree(part) == "application/octet-stream"


def test_parts_are_bounded_and_the_last_gets_the_rest() -> None:
    message = multipart(b"--b\r\n\r\nx\r\n" * (PARTS + 20) + b"--b--\r\n")
    root = scan(message)
    assert len(root.children) == PARTS - 1
    assert root.children[-2].body_octets == 1
    assert root.children[-1].body_end == len(message)


def test_a_header_block_is_bounded() -> None:
    line = b"A: " + b"x" * 95 + b"\r\n"
    message = line * (HEADER_OCTETS // 100 + 10) + b"\r\nbody"
    part = scan(message)
    assert tree(part) == "application/octet-stream"
    assert part.header_end == HEADER_OCTETS // 100 * 100
    assert scan(b"x" * (HEADER_OCTETS + 1)).header_end == HEADER_OCTETS


def test_a_part_ends_before_its_header_would_be_too_long() -> None:
    message = multipart(b"--b\r\nA: b\r\n--b\r\n" + b"x" * HEADER_OCTETS + b"y")
    first, second = scan(message).children
    assert message[first.header_start : first.header_end] == b"A: b\r\n"
    assert tree(second) == "application/octet-stream"


def test_very_many_lines_of_hyphens_hide_no_delimiter() -> None:
    noise = b"--\r\n--x\r\n" * 20_000
    message = multipart(noise + b"--b\r\n\r\none\r\n" + noise + b"--b--\r\n" + noise)
    assert bodies(message) == [b"one\r\n" + noise.removesuffix(b"\r\n")]


def test_a_very_long_line_is_no_delimiter() -> None:
    assert bodies(multipart(b"--b\r\n\r\nx\r\n--b" + b" " * 5_000 + b"\r\ny")) == [
        b"x\r\n--b" + b" " * 5_000 + b"\r\ny"
    ]
