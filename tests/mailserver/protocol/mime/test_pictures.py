"""Which pictures a message names, and which octets are one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.protocol.mime.pictures import picture_type, picture_urls


def letter(html: str, kind: str = "text/html", encoding: str = "8bit") -> bytes:
    head = f"From: a@b.test\r\nContent-Type: {kind}; charset=utf-8\r\n"
    return f"{head}Content-Transfer-Encoding: {encoding}\r\n\r\n{html}".encode()


@pytest.mark.parametrize(
    ("html", "wanted"),
    [
        ('<img src="https://a.test/x.png">', "https://a.test/x.png"),
        ("<IMG alt='x'SRC = 'HTTPS://A.test:443/x y'/>", "https://a.test/x%20y"),
        ("<img src=https://a.test/x?y=1>", "https://a.test/x?y=1"),
        (
            '<img src="https://a.test/?a=1&amp;b=2&copy=3&#38;d">',
            "https://a.test/?a=1&b=2&copy=3&d",
        ),
        ('<td background="http://a.test/x">', "http://a.test/x"),
        ('<video poster="https://a.test/p">', "https://a.test/p"),
        ('<img srcset="/no 1x, https://a.test/2 2x">', "https://a.test/2"),
        ('<p style="background: url(&quot;https://a.test/c&quot;)">', "https://a.test/c"),
        ("<style>p{background:URL( 'https://a.test/c' )}</style>", "https://a.test/c"),
        ("<style>p{background:url(https://a.test/c)}</style>", "https://a.test/c"),
    ],
)
def test_pictures_are_found_where_browsers_show_them(html: str, wanted: str) -> None:
    assert picture_urls(letter(html)) == {wanted}


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://a.test/leave">x</a>',
        '<img src="https://127.0.0.1/x"><img src="https://a.test:8443/"><img src="cid:1">',
        '<img data-src="https://a.test/"> https://a.test/',
        "<img src=\"javascript:'https://a.test/'\">",
        '<form action="https://a.test/">',
    ],
)
def test_nothing_else_is_a_picture(html: str) -> None:
    assert picture_urls(letter(html)) == frozenset()


def test_only_what_is_shown_as_html_counts() -> None:
    assert picture_urls(letter('<img src="https://a.test/">', "text/plain")) == frozenset()
    nested = letter('<img src="https://a.test/">')
    outer = b"Content-Type: message/rfc822\r\n\r\n" + nested
    assert picture_urls(outer) == {"https://a.test/"}


def test_encodings_are_undone() -> None:
    folded = letter('<img src=3D"https://a.te=\r\nst/">', encoding="quoted-printable")
    assert picture_urls(folded) == {"https://a.test/"}


@pytest.mark.parametrize(
    ("begin", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x01\x02\x03\x04WEBPVP8 ", "image/webp"),
        (b"\x00\x00\x00\x1cftypavif", "image/avif"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", ""),
        (b"<?xml version='1.0'?><svg>", ""),
        (b"<html>", ""),
        (b"%PDF-1.7", ""),
        (b"BM", ""),
        (b"", ""),
        (b"RIFF\x01\x02\x03\x04WAVE", ""),
        (b"\x00\x00\x00\x1cftypheic", ""),
    ],
)
def test_octets_say_which_picture_they_are(begin: bytes, kind: str) -> None:
    assert picture_type(begin + b"\x00" * 20 if begin else b"") == kind


@given(st.binary())
def test_any_message_can_be_looked_through(octets: bytes) -> None:
    picture_urls(b"Content-Type: text/html\r\n\r\n" + octets)
