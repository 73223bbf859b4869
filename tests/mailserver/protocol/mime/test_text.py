"""What search and previews read."""

import base64

import pytest

from mailserver.protocol.mime.scan import scan
from mailserver.protocol.mime.text import (
    PREVIEW_CHARACTERS,
    TEXT_OCTETS,
    SearchText,
    file_name,
    leaves,
    plain_text,
    search_text,
    texts,
)


def read(message: bytes) -> SearchText:
    return search_text(scan(message), message)


def preview(message: bytes) -> str:
    return texts(scan(message), message)[1]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("just text", "just text"),
        ("<p>one</p><p>two<br>three", "one two three"),
        ("<b>W</b>ord, <a href='x'>link</a>.", "Word, link."),
        ("<SPAN class=\"a>b\">in</SPAN>side", "inside"),
        ("a<script>if (a<b) x()</script>b<STYLE>p {}</STYLE>c", "a b c"),
        ("a<script>never closed", "a"),
        ("a<!-- <p>no</p> -- -->b", "ab"),
        ("a<!--never closed", "a"),
        ("a <!DOCTYPE html><?xml ?> b", "a b"),
        ("1 < 2 & 3 > 2", "1 < 2 & 3 > 2"),
        ("<p title='a>b'>c</p>", "c"),
        ("<p title=\"never closed>c", "\"never closed>c"),
        ("<p never closed", ""),
        ("&eacute;&amp;&#233;&#xE9;&lt;b&gt;", "é&éé<b>"),
        ("&nbsp;&unheardof; &#0; &#xD800; &#99999999; &#150; & &;", "&unheardof; \ufffd \ufffd"
         " \ufffd – & &;"),
        ("&#" + "9" * 5_000 + ";", "\ufffd" + "9" * 4_988 + ";"),
        ("<sub>x</sub><subject>y", "x y"),
    ],
)  # fmt: skip
def test_html(source: str, text: str) -> None:
    assert plain_text(source) == text


def test_fields_are_decoded_and_joined() -> None:
    found = read(
        b"From: =?utf-8?q?Ren=C3=A9?=\r\n <r@x>\r\nTo: a@x\r\nTo: b@x\r\nCc: c@x\r\nBcc: d@x\r\n"
        b"Subject: =?utf-8?q?caf=C3=A9?=\r\nX-Other: a\r\n\tb\r\nX-Other: =?utf-8?q?=C3=A9?=\r\n"
        b"DKIM-Signature: v=1; b=abc\r\n\r\n"
    )
    assert found.from_ == "René <r@x>"
    assert found.to == "a@x\nb@x"
    assert (found.cc, found.bcc, found.subject) == ("c@x", "d@x", "café")
    assert found.headers == "x-other: a b\nx-other: é\ndkim-signature:"


def test_one_8_bit_field_does_not_spoil_another() -> None:
    found = read(b"X-A: \xc3\xa9\r\nX-B: \xe9\r\n\r\n")
    assert found.headers == "x-a: é\nx-b: é"


def test_a_body_is_decoded_and_single_spaced() -> None:
    found = read(
        b"Content-Type: text/plain; charset=iso-8859-15\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\nzehn =A4\r\nund  =\r\nmehr\r\n"
    )
    assert found.body == "zehn € und mehr"


def test_attached_texts_names_and_messages_are_read() -> None:
    message = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>one</p>\r\n"
        b"--b\r\nContent-Type: text/csv; name=a.csv\r\n"
        b"Content-Disposition: attachment\r\n\r\n1,2\r\n"
        b"--b\r\nContent-Type: image/png\r\n"
        b"Content-Disposition: attachment; filename*=utf-8''%C3%A9.png\r\n\r\nPNG\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nX: y\r\n\r\nwithin\r\n"
        b"--b--\r\n"
    )
    assert read(message).body == "one\na.csv\n1,2\né.png\ninner\nwithin"


def test_an_encoded_message_is_read_but_not_one_inside_that() -> None:
    def wrap(message: bytes) -> bytes:
        return (
            b"Subject: outer\r\nContent-Type: message/rfc822\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(message)
        )

    inner = b"Subject: inner\r\n\r\nwithin"
    assert read(wrap(inner)).body == "inner\nwithin"
    assert read(wrap(wrap(inner))).body == "outer"


def test_leaves_come_in_order() -> None:
    message = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: a/1\r\n\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: a/3\r\n\r\n"
        b"--b\r\nContent-Type: a/4\r\n\r\n"
    )
    assert [part.subtype for part in leaves(scan(message))] == [b"1", b"rfc822", b"3", b"4"]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b"Content-Type: a/b; name=one", "one"),
        (b"Content-Type: a/b; name=one\r\nContent-Disposition: attachment; filename=two", "two"),
        (b'Content-Disposition: attachment; filename=" a\t b "', "a b"),
        (b'Content-Disposition: attachment; filename=""', None),
        (b"Content-Type: a/b", None),
    ],
)
def test_file_names(header: bytes, name: str | None) -> None:
    assert file_name(scan(header + b"\r\n\r\n")) == name


def test_the_preview_is_the_first_text_that_is_not_attached() -> None:
    message = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Disposition: attachment\r\n\r\nattached\r\n"
        b"--b\r\n\r\n \r\n--b\r\nContent-Type: text/html\r\n\r\n<p>" + b"word " * 100 + b"\r\n--b--"
    )
    assert preview(message) == ("word " * 100)[:PREVIEW_CHARACTERS]
    assert preview(b"Content-Type: image/png\r\n\r\nPNG") == ""


def test_the_text_is_bounded() -> None:
    message = b"\r\n" + "é ".encode() * TEXT_OCTETS
    body = read(message).body
    assert TEXT_OCTETS - 4 < len(body.encode()) <= TEXT_OCTETS
