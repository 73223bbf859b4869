"""Labels as mail uses them, and octets that are not what their label says."""

import codecs

import pytest

from mailserver.protocol.mime.charsets import _CODECS, decode, guess


@pytest.mark.parametrize(
    ("octets", "label", "text"),
    [
        (b"caf\xc3\xa9", b"utf-8", "café"),
        (b"caf\xc3\xa9", b' "UTF8" ', "café"),
        (b"caf\xc3", b"utf-8", "caf\ufffd"),
        (b"caf\xe9 \x80", b"iso-8859-1", "café €"),
        (b"caf\xc3\xa9", b"us-ascii", "café"),
        (b"\xa4", b"iso-8859-15", "€"),
        (b"\xfe", b"iso-8859-9", "ş"),
        (b"\xc1\xd0\xd2\xc5\xcc\xd8", b"koi8-r", "апрель"),
        (b"\xef\xf0\xe8\xe2\xe5\xf2", b"windows-1251", "привет"),
        (b'\x1b$B$"\x1b(B', b"ISO-2022-JP", "あ"),
        (b"\x82\xa0", b"shift_jis", "あ"),
        (b"\xc4\xe3", b"gb2312", "你"),
        (b"~{Dc~}", b"hz-gb-2312", "你"),
        (b"\xb0\xa1", b"ks_c_5601-1987", "가"),
        (b"\xa7\x41", b"big5", "你"),
        (b"a+AOk-", b"utf-7", "aé"),
        (b"+2AA-", b"utf-7", "\ufffd"),
        (b"a\0b\0", b"utf-16le", "ab"),
        (b"caf\xe9", b"x-unheard-of", "café"),
        (b"caf\xe9", None, "café"),
        (b"caf\xe9", b"", "café"),
        # codecs of Python's that are no charsets
        (b"\\u0041", b"unicode_escape", "\\u0041"),
        (b"6162", b"hex", "6162"),
        (b"xn--caf-dma", b"idna", "xn--caf-dma"),
    ],
)
def test_decode(octets: bytes, label: bytes | None, text: str) -> None:
    assert decode(octets, label) == text


def test_utf_8_that_was_cut_short_is_still_utf_8() -> None:
    assert guess("aéé".encode()[:-1]) == "aé\ufffd"
    assert guess(b"a\xe9") == "aé"


@pytest.mark.parametrize("codec", sorted(set(_CODECS.values())))
def test_every_codec_exists_and_gives_text_that_can_be_encoded(codec: str) -> None:
    assert codecs.lookup(codec)
    label = next(name for name, used in _CODECS.items() if used == codec)
    for start in range(0, 256, 3):
        octets = bytes((start + step * 37) % 256 for step in range(300))
        decode(octets, label).encode()
