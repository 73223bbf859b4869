"""Transfer encodings, also broken ones (RFC 2045 §6)."""

import pytest

from mailserver.protocol.mime.scan import scan
from mailserver.protocol.mime.transfer import decoded, transfer_decoded


@pytest.mark.parametrize(
    ("octets", "encoding", "content"),
    [
        (b"aGVsbG8=", b"base64", b"hello"),
        (b"aGVs\r\nbG8=\r\n", b"base64", b"hello"),
        (b"aGVsbG8", b"base64", b"hello"),
        (b"aGVsbG8*!-", b"base64", b"hello"),
        (b"aGVsb", b"base64", b"hel"),
        (b"a", b"base64", b""),
        (b"====", b"base64", b""),
        (b"", b"base64", b""),
        (b"caf=C3=A9 =\r\nau lait=20\r\n", b"quoted-printable", b"caf\xc3\xa9 au lait \r\n"),
        (b"a=ZZ =", b"quoted-printable", b"a=ZZ "),
        (b"as is", b"7bit", b"as is"),
        (b"as is", b"x-uuencode", b"as is"),
    ],
)
def test_decoding(octets: bytes, encoding: bytes, content: bytes) -> None:
    assert transfer_decoded(octets, encoding) == content


def test_the_content_of_a_part() -> None:
    message = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Transfer-Encoding: BASE64\r\n\r\naGVsbG8=\r\n--b--\r\n"
    )
    assert decoded(scan(message).children[0], message) == b"hello"
