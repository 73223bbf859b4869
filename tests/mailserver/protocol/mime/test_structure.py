"""BODYSTRUCTURE and BODY (RFC 3501 §7.4.2)."""

from mailserver.protocol.mime.scan import scan
from mailserver.protocol.mime.structure import body, bodystructure


def test_text() -> None:
    part = scan(b"Content-Type: text/plain; charset=utf-8\r\n\r\nhello\r\nworld")
    assert body(part) == b'("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 12 2)'
    assert bodystructure(part) == (
        b'("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 12 2 NIL NIL NIL NIL)'
    )


def test_plain_text_without_charset_is_us_ascii() -> None:
    # RFC 2045 §5.2; of other text nothing is said
    assert body(scan(b"\r\nx")) == b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 1)'
    assert body(scan(b"Content-Type: text/html\r\n\r\nx")) == (
        b'("text" "html" NIL NIL NIL "7bit" 1 1)'
    )


def test_other_types_have_no_lines() -> None:
    assert body(scan(b"Content-Type: image/png\r\n\r\nx\r\n")) == (
        b'("image" "png" NIL NIL NIL "7bit" 3)'
    )


def test_all_fields_and_extensions() -> None:
    part = scan(
        b'Content-Type: image/png; name="a \\"b\\".png"; x=\xff\r\n'
        b"Content-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: attachment; filename=b.png\r\nContent-ID: <1@x>\r\n"
        b"Content-Description: a thing\r\nContent-MD5: Q2hl\r\nContent-Language: en, fr\r\n"
        b"Content-Location: http://x/\r\n\r\nQQ=="
    )
    basic = b'"image" "png" ("name" "a \\"b\\".png" "x" {1}\r\n\xff) "<1@x>" "a thing" "base64" 4'
    assert body(part) == b"(" + basic + b")"
    assert bodystructure(part) == (
        b"(" + basic + b' "Q2hl" ("attachment" ("filename" "b.png")) ("en" "fr") "http://x/")'
    )


def test_a_disposition_without_parameters() -> None:
    assert bodystructure(scan(b"Content-Disposition: inline\r\n\r\n")).endswith(
        b' NIL ("inline" NIL) NIL NIL)'
    )


def test_language_or_location_alone() -> None:
    assert bodystructure(scan(b"Content-Language: en\r\n\r\n")).endswith(b'NIL NIL ("en") NIL)')
    assert bodystructure(scan(b"Content-Location: x\r\n\r\n")).endswith(b'NIL NIL NIL "x")')


def test_multipart() -> None:
    part = scan(
        b"Content-Type: multipart/mixed; boundary=b\r\nContent-Language: nl\r\n\r\n"
        b"--b\r\n\r\nx\r\n--b\r\nContent-Type: image/png\r\n\r\n\r\n--b--\r\n"
    )
    assert body(part) == (
        b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 1)'
        b'("image" "png" NIL NIL NIL "7bit" 0) "mixed")'
    )
    assert bodystructure(part) == (
        b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 1 NIL NIL NIL NIL)'
        b'("image" "png" NIL NIL NIL "7bit" 0 NIL NIL NIL NIL)'
        b' "mixed" ("boundary" "b") NIL ("nl") NIL)'
    )


def test_a_message_brings_its_envelope_structure_and_lines() -> None:
    part = scan(
        b"Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n"
        b"Subject: in\r\n\r\nhello\r\n"
    )
    envelope = b'(NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL)'
    text = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 7 1'
    start = b'("message" "rfc822" NIL NIL NIL "7bit" 22 ' + envelope + b" "
    assert body(part) == start + text + b") 3)"
    assert bodystructure(part) == (
        start + text + b' NIL NIL NIL NIL) 3 NIL ("attachment" NIL) NIL NIL)'
    )


def test_a_message_in_base64_is_octets() -> None:
    # an envelope would have to follow "message" "rfc822"
    part = scan(b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nQQ==")
    assert body(part) == b'("application" "octet-stream" NIL NIL NIL "base64" 4)'


def test_other_messages_are_plain_parts() -> None:
    part = scan(b"Content-Type: message/delivery-status\r\n\r\nA: b\r\n")
    assert body(part) == b'("message" "delivery-status" NIL NIL NIL "7bit" 6)'


def test_nul_never_appears() -> None:
    part = scan(
        b"Content-Type: a/b\0; c\0=\0\r\nContent-Transfer-Encoding: \0\r\nContent-ID: \0\r\n"
        b"Content-Disposition: \0x\0; y=\0z\r\nContent-Language: \0\r\n\r\n"
    )
    assert b"\0" not in bodystructure(part)
