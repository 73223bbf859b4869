"""A stream opens whole, in order, by its name and with its key, or not at all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailserver.crypto.hpke import KeyPair, PublicKey
from mailserver.crypto.stream import CHUNK_OCTETS, StreamOpener, StreamSealer
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Corrupt

PAIR = KeyPair(Suite.HYBRID, bytes(range(96)))
PUBLIC = PublicKey(Suite.HYBRID, PAIR.public_octets)
NAME = b"2026/database"
TAG = 16


def sealed(content: bytes, step: int = 300_000, name: bytes = NAME) -> bytes:
    sealer = StreamSealer(PUBLIC, name)
    pieces = [content[at : at + step] for at in range(0, len(content), step)]
    return sealer.header + b"".join(map(sealer.feed, pieces)) + sealer.finish()


def opened(stream: bytes, step: int = 70_001, name: bytes = NAME, pair: KeyPair = PAIR) -> bytes:
    opener = StreamOpener(pair, name)
    pieces = [stream[at : at + step] for at in range(0, len(stream), step)]
    return b"".join(map(opener.feed, pieces)) + opener.finish()


@pytest.mark.parametrize("octets", [0, 1, CHUNK_OCTETS - 1, CHUNK_OCTETS, CHUNK_OCTETS + 1])
@pytest.mark.parametrize("suite", list(Suite))
def test_what_was_sealed_is_opened(octets: int, suite: Suite) -> None:
    pair = KeyPair(suite, bytes(range(96 if suite is Suite.HYBRID else 32)))
    sealer = StreamSealer(PublicKey(suite, pair.public_octets), NAME)
    content = b"x" * octets
    stream = sealer.header + sealer.feed(content) + sealer.finish()
    assert opened(stream, pair=pair) == content


@settings(max_examples=15)
@given(content=st.integers(0, 3 * CHUNK_OCTETS), a=st.integers(1, 2**20), b=st.integers(1, 2**20))
def test_pieces_may_be_of_any_size(content: int, a: int, b: int) -> None:
    octets = (b"0123456789abcdef" * (content // 16 + 1))[:content]
    assert opened(sealed(octets, a), b) == octets


CONTENT = b"y" * (2 * CHUNK_OCTETS + 5)
STREAM = sealed(CONTENT)
HEADER = len(StreamSealer(PUBLIC, NAME).header)
CHUNK = CHUNK_OCTETS + TAG


@pytest.mark.parametrize(
    "altered",
    [
        STREAM[:-1],
        STREAM[: HEADER + 2 * CHUNK],
        STREAM[: HEADER + CHUNK],
        STREAM[:HEADER],
        STREAM[:3],
        b"",
        STREAM + b"x",
        STREAM[:HEADER]
        + STREAM[HEADER + CHUNK : HEADER + 2 * CHUNK]
        + STREAM[HEADER : HEADER + CHUNK]
        + STREAM[HEADER + 2 * CHUNK :],
        b"zgst\x02" + STREAM[5:],
        STREAM[:100] + bytes([STREAM[100] ^ 1]) + STREAM[101:],
        STREAM[: HEADER + 9] + bytes([STREAM[HEADER + 9] ^ 1]) + STREAM[HEADER + 10 :],
    ],
    ids=["cut", "no end", "half", "header", "magic", "empty", "more", "turned", "other version",
         "seal", "chunk"],
)  # fmt: skip
def test_what_was_altered_does_not_open(altered: bytes) -> None:
    with pytest.raises(Corrupt):
        opened(altered)


def test_a_stream_opens_by_its_own_name_and_key_alone() -> None:
    with pytest.raises(Corrupt):
        opened(STREAM, name=b"2026/keystore")
    with pytest.raises(Corrupt):
        opened(STREAM, pair=KeyPair(Suite.HYBRID, bytes(96)))
    with pytest.raises(Corrupt):
        opened(STREAM, pair=KeyPair(Suite.CLASSICAL, bytes(32)))


def test_nothing_is_said_twice() -> None:
    opener = StreamOpener(PAIR, NAME)
    opener.feed(STREAM)
    opener.finish()
    with pytest.raises(Corrupt):
        opener.finish()
