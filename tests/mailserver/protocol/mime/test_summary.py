"""The summary: what goes in comes out, and the line is a slice."""

import hashlib

import pytest

from mailserver.model.errors import Corrupt
from mailserver.protocol.mime.scan import scan
from mailserver.protocol.mime.section import Section, section
from mailserver.protocol.mime.summary import KEPT, KEPT_OCTETS, PartRow, Summary, build, line

MESSAGE = (
    b"Received: by x\r\nFrom: =?utf-8?q?Ren=C3=A9?= <r@x>\r\nSubject: caf\xc3\xa9\r\n folded\r\n"
    b"Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nMessage-ID: <own@x>\r\nIn-Reply-To: <p@x>\r\n"
    b"References: <r@x> <p@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\nhello there\r\n"
    b"--b\r\nContent-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n"
    b"Content-Disposition: attachment\r\nContent-ID: <1@x>\r\n\r\nQQ==\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nwithin\r\n--b--\r\n"
)


def summary(message: bytes) -> Summary:
    return Summary(build(message).summary)


def test_the_line_is_what_fetch_answers() -> None:
    built = build(MESSAGE)
    found = Summary(built.summary)
    assert found.line == line(built.summary)
    assert found.line == (b"ENVELOPE " + found.envelope + b" BODYSTRUCTURE " + found.bodystructure)
    assert found.envelope.startswith(b'("Fri, 21 Nov')
    assert found.envelope.endswith(b'"<own@x>")')
    assert found.bodystructure.endswith(b'"mixed" ("boundary" "b") NIL NIL NIL)')
    assert found.body.endswith(b'"mixed")')
    assert b"\0" not in found.line


def test_what_lists_show() -> None:
    found = summary(MESSAGE)
    assert found.preview == "hello there"
    assert found.subject == "café folded"
    assert found.from_ == "René <r@x>"
    assert found.field(b"message-id") == "<own@x>"
    assert found.field(b"cc") is None
    assert found.sha256 == hashlib.sha256(MESSAGE).digest()
    assert (found.sent, found.sent_zone) == (880127706, -360)


def test_a_message_with_nothing_to_show() -> None:
    found = summary(b"")
    assert (found.preview, found.subject, found.from_, found.sent) == ("", "", "", None)
    assert not found.has_attachment
    assert found.header_fields([b"subject"]) == b"\r\n"


def test_ids_are_own_first_then_ancestors() -> None:
    assert build(MESSAGE).message_ids == [b"<own@x>", b"<p@x>", b"<r@x>"]


def test_a_message_without_an_id_is_known_by_its_octets() -> None:
    message = b"In-Reply-To: <p@x>\r\n\r\n"
    digest = hashlib.sha256(message).hexdigest().encode()
    assert build(message).message_ids == [b"<" + digest + b"@sha-256.invalid>", b"<p@x>"]


def test_a_scan_is_not_made_twice() -> None:
    root = scan(MESSAGE)
    built = build(MESSAGE, root)
    assert built.root is root
    assert built == build(MESSAGE, root)


def test_what_was_built_does_not_print() -> None:
    built = build(MESSAGE)
    assert "hello" not in repr(built) + repr(built.text) + repr(built.root)


def test_the_part_table() -> None:
    rows = summary(MESSAGE).parts
    assert [(row.path, row.type) for row in rows] == [
        ("", "multipart/mixed"),
        ("1", "text/plain"),
        ("2", "image/png"),
        ("3", "message/rfc822"),
        ("3.1", "text/plain"),
    ]
    text, picture = rows[1], rows[2]
    assert (text.charset, text.encoding, text.lines) == ("utf-8", "7bit", 1)
    assert MESSAGE[text.body_start : text.body_end] == b"hello there"
    start = MESSAGE.index(b"Content-Type: image/png")
    assert picture == PartRow(
        "2", start, picture.body_start, picture.body_start + 4, 1, "image/png", "base64", "",
        "attachment", "1@x", "a.png",
    )  # fmt: skip


def test_part_numbers_are_those_of_sections() -> None:
    inner = (
        b"Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\na\r\n"
        b"--i\r\nContent-Type: multipart/related; boundary=j\r\n\r\n--j\r\n\r\nb\r\n--j--\r\n--i--"
    )
    message = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n"
        b"\r\n" + inner + b"\r\n--b\r\n" + inner + b"\r\n--b--\r\n"
    )
    rows = summary(message).parts
    assert [row.path for row in rows] == [
        "", "1", "1.1", "1.2", "1.2.1", "2", "2.1", "2.2", "2.2.1"
    ]  # fmt: skip
    for row in rows[1:]:
        path = tuple(map(int, row.path.split(".")))
        assert section(message, Section(path)) == message[row.body_start : row.body_end]
        assert (
            section(message, Section(path, "MIME")) == (message[row.header_start : row.body_start])
        )


def test_labels_are_bounded_and_without_nul() -> None:
    header = b"Content-Type: a/" + b"b" * 9_000 + b"; name=x\0y; charset=\xff" + b"c" * 9_000
    (row,) = summary(header + b"\r\n\r\n").parts
    assert len(row.type) == 255
    assert row.file_name == "xy"
    assert row.charset.startswith("\ufffdc")


@pytest.mark.parametrize(
    ("header", "attached"),
    [
        (b"Content-Type: text/plain", False),
        (b"Content-Type: text/plain; name=a.txt", False),
        (b"Content-Disposition: attachment", True),
        (b"Content-Type: image/png; name=a.png", True),
        (b"Content-Type: image/png; name=a.png\r\nContent-ID: <1@x>", False),
        (b"Content-Type: image/png; name=a.png\r\nContent-Disposition: inline", False),
        (b"Content-Type: image/png", False),
        (b"Content-Type: message/rfc822", True),
        (b"Content-Type: application/pgp-signature; name=s.asc", False),
        (b"Content-Type: application/pkcs7-signature\r\nContent-Disposition: attachment", False),
    ],
)
def test_what_counts_as_an_attachment(header: bytes, attached: bool) -> None:
    assert summary(header + b"\r\n\r\n").has_attachment is attached


def test_header_fields_are_those_of_the_message() -> None:
    found = summary(MESSAGE)
    names = (b"SUBJECT", b"from", b"cc")
    assert found.header_fields(names) == (
        b"From: =?utf-8?q?Ren=C3=A9?= <r@x>\r\nSubject: caf\xc3\xa9\r\n folded\r\n\r\n"
    )
    assert found.header_fields(tuple(KEPT)) == (
        section(MESSAGE, Section((), "HEADER.FIELDS", tuple(KEPT)))
    )


def test_fields_that_are_not_kept_are_in_the_message() -> None:
    assert summary(MESSAGE).header_fields([b"subject", b"received"]) is None


def test_too_many_fields_are_not_kept() -> None:
    message = b"References: " + b"<a@x>\r\n " * 3_000 + b"<b@x>\r\nSubject: x\r\nTo: a@x\r\n\r\n"
    assert len(message) > KEPT_OCTETS
    built = build(message)
    found = Summary(built.summary)
    assert found.header_fields([b"subject"]) is None
    assert found.subject == "x"
    assert (found.field(b"references") or "").startswith("<a@x>")
    message = b"To: " + b"a" * 1_500 + b"\r\n"
    found = summary(message * 20 + b"Subject: x\r\n\r\n")
    assert found.header_fields([b"subject"]) is None


@pytest.mark.parametrize("cut", [0, 1, 50, -1])
def test_a_summary_that_is_none_is_corrupt(cut: int) -> None:
    with pytest.raises(Corrupt):
        Summary(build(MESSAGE).summary[:cut])


def test_a_summary_of_another_version_is_corrupt() -> None:
    octets = build(MESSAGE).summary
    with pytest.raises(Corrupt):
        Summary(b"\xff" + octets[1:])


def test_octets_behind_a_summary_are_padding() -> None:
    octets = build(MESSAGE).summary
    assert Summary(octets + b"\0" * 9).preview == "hello there"
