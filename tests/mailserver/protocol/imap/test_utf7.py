"""Modified UTF-7 (RFC 3501 §5.1.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.protocol.imap import utf7

PAIRS = [
    ("", b""),
    ("INBOX", b"INBOX"),
    ("Tom & Jerry", b"Tom &- Jerry"),
    ("&&", b"&-&-"),
    ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # the RFC's own
    ("Entwürfe", b"Entw&APw-rfe"),
    ("Éléments envoyés", b"&AMk-l&AOk-ments envoy&AOk-s"),
    ("📬", b"&2D3c7A-"),
    ("a\tb", b"a&AAk-b"),
    ("☺!", b"&Jjo-!"),
]


@pytest.mark.parametrize(("text", "octets"), PAIRS)
def test_both_ways(text: str, octets: bytes) -> None:
    assert utf7.encode(text) == octets
    assert utf7.decode(octets) == text


@pytest.mark.parametrize(
    "octets",
    [
        b"&Jjo!",  # no end; the RFC's own example
        b"&U,BTFw-&ZeVnLIqe-",  # superfluous shift; the RFC's own example
        b"&",
        b"a&",
        b"&AGE-",  # "a" stands for itself
        b"&ACY-",  # so does "&", as "&-"
        b"&Jjp-",  # stray bits at the end
        b"&J-",  # not a whole octet
        b"&Jg-",  # half a code unit
        b"&2D0-",  # half a surrogate pair
        b"&3Kw-",
        b"&Jjo=-",
        b"&U/BTFw-",  # "/" is "," here
        b"a\x00b",
        b"a\x7f",
        b"\xc3\xa9",
        b"&\xc3-",
        b"R&D",
    ],
)
def test_there_is_one_spelling(octets: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        utf7.decode(octets)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_comes_back(text: str) -> None:
    octets = utf7.encode(text)
    assert octets.isascii()
    assert utf7.decode(octets) == text


@given(st.one_of(st.binary(), st.text("&-,+A/aJjo2D3c").map(str.encode)))
def test_what_decodes_encodes_to_the_same_octets(octets: bytes) -> None:
    try:
        text = utf7.decode(octets)
    except ValueError:
        return
    assert utf7.encode(text) == octets


def test_half_a_surrogate_pair_is_no_name() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        utf7.encode("\ud83d")
