"""Fields are written as RFC 5322, 2047 and 2231 have them, and what cannot be is refused."""

import pytest

from mailserver.model.errors import PeerFault
from mailserver.protocol.mime import fields
from mailserver.protocol.mime.compose import Outline, compose
from mailserver.protocol.mime.headers import header_fields, parameter_text, parameterised
from mailserver.protocol.mime.scan import scan


def test_a_ready_value_stays_as_it_is_unless_a_line_is_too_long() -> None:
    assert fields.raw("X-A", "one\r\n two") == b"X-A: one\r\n two\r\n"
    assert fields.raw("X-A", " one\r\n") == b"X-A: one\r\n"
    assert fields.raw("X-A", "") == b"X-A:\r\n"
    long = fields.raw("X-A", "word " * 400)
    assert all(len(line) <= 78 for line in long.split(b"\r\n"))


def test_names_are_quoted_where_they_must_be() -> None:
    people = [fields.Named("Ann", "a@b.test"), fields.Named('B "x", C', "c@d.test")]
    written = fields.addresses("To", people)
    assert written == b'To: Ann <a@b.test>, "B \\"x\\", C" <c@d.test>\r\n'
    nameless = fields.Group("", [fields.Named("", "a@b.test"), fields.Named("", "c@d.test")])
    both = fields.addresses("To", [nameless, fields.Group("Gone", [])])
    assert both == b"To: a@b.test, c@d.test, Gone:;\r\n"
    endless = fields.addresses("To", [fields.Named("(" * 600, "a@b.test")])
    assert all(len(line) <= 78 for line in endless.split(b"\r\n"))


def test_ids_and_urls_stand_in_angle_brackets() -> None:
    assert fields.message_ids("References", ["a@b", "c@d"]) == b"References: <a@b> <c@d>\r\n"
    urls = fields.urls("List-Post", ["mailto:a@b.test", "https://b.test/"])
    assert urls == b"List-Post: <mailto:a@b.test>, <https://b.test/>\r\n"
    for wrong in ("a b", "<a>", "a\r\nb", ""):
        with pytest.raises(PeerFault):
            fields.message_ids("References", [wrong])
        with pytest.raises(PeerFault):
            fields.urls("List-Post", [wrong])
    with pytest.raises(PeerFault):
        fields.urls("List-Post", ["https://a.test/,b"])


@pytest.mark.parametrize("value", ["plain", 'with "quotes"', "grün", "ü" * 60, "x" * 200])
def test_parameters_survive_whatever_they_hold(value: str) -> None:
    written = fields.parameterised("Content-Type", "text/plain", [("name", value)])
    _, read = parameterised(header_fields(written)[0][1])
    assert parameter_text(read, b"name") == value
    assert all(len(line) <= 78 for line in written.split(b"\r\n"))


def test_what_is_no_token_is_no_type_and_no_parameter() -> None:
    with pytest.raises(PeerFault):
        fields.parameterised("Content-Type", "text/pl ain")
    with pytest.raises(PeerFault):
        fields.parameterised("Content-Type", "text/plain", [("na me", "x")])


def test_parts_say_what_they_are() -> None:
    leaf = Outline(
        "text/plain",
        b"x\0y",
        charset="utf-8",
        disposition="INLINE",
        cid="one@two",
        language=["de", "nl"],
        location="https://b.test/",
        header=[b"X-Own: yes\r\n"],
    )
    message = compose([], leaf)
    for line in (
        b"Content-Disposition: inline\r\n",
        b"Content-ID: <one@two>\r\n",
        b"Content-Language: de, nl\r\n",
        b"Content-Location: https://b.test/\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"X-Own: yes\r\n",
    ):
        assert line in message
    assert repr(leaf) == "<part to be, text/plain>"


def test_a_multipart_has_a_part() -> None:
    assert len(scan(compose([], Outline("multipart/mixed"))).children) == 1


def test_attached_messages_are_never_encoded() -> None:
    for octets, encoding in (
        (b"Subject: x\r\n\r\nplain\r\n", b"7bit"),
        (b"Subject: x\r\n\r\n\xc3\xbc\r\n", b"8bit"),
        (b"Subject: x\r\n\r\n\xc3\xbc" + b"x" * 1_200 + b"\r\n", b"binary"),
        (b"Subject: bare\n\nline ends\r", b"7bit"),
    ):
        message = compose([], Outline("message/rfc822", octets))
        assert b"Content-Transfer-Encoding: " + encoding + b"\r\n" in message


def test_text_of_many_languages_is_base64_and_of_few_quoted_printable() -> None:
    for text, encoding in (
        ("Grüße aus Köln, sehr viele davon, und sonst nichts", b"quoted-printable"),
        ("日本語のテキスト" * 10, b"base64"),
        ("x" * 2_000, b"quoted-printable"),
    ):
        message = compose([], Outline("text/plain", text.encode(), charset="utf-8"))
        assert b"Content-Transfer-Encoding: " + encoding + b"\r\n" in message
