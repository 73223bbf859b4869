"""Bodies at rest: whole, in part, altered; and blobs written by hand from the description."""

import random
import struct
import threading

import pytest
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from mailserver.crypto.body import (
    CHUNK_OCTETS,
    FRAME_OCTETS,
    HEADER_OCTETS,
    MESSAGE_OCTETS,
    open_body,
    open_range,
    seal_body,
)
from mailserver.crypto.context import FieldId, Kind, Origin, context
from mailserver.crypto.kdf import hkdf
from mailserver.crypto.padding import pad, padme_octets
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import AccountId, ObjectId

KEY = bytes(range(32))
CONTEXT = context(
    Kind.EMAIL,
    Origin.DEPOSIT,
    AccountId(b"a" * 16),
    ObjectId(b"o" * 16),
    FieldId.BODY,
    1,
    1,
    Suite.HYBRID,
)
CHUNK = CHUNK_OCTETS + 16
NOISE = random.Random(7).randbytes(3 * FRAME_OCTETS + 12_345)
LONG = NOISE + b"compressible " * 100_000


def write(content: bytes, salt: bytes = b"s" * 16) -> bytes:
    """Seal padded `content` as the module's description says, without the module."""
    cipher = AESGCM(hkdf(KEY, b"body", salt=b"o" * 16 + salt))
    chunks = [content[n : n + CHUNK_OCTETS] for n in range(0, len(content), CHUNK_OCTETS)]
    sealed = []
    for number, chunk in enumerate(chunks):
        tail = struct.pack(">IB", number, number == len(chunks) - 1)
        sealed.append(cipher.encrypt(bytes(7) + tail, chunk, CONTEXT + tail))
    return b"\x01" + salt + b"".join(sealed)


@pytest.fixture(scope="module")
def long_blob() -> bytes:
    return seal_body(KEY, CONTEXT, LONG)


@pytest.mark.parametrize(
    "length",
    [0, 1, 100, CHUNK_OCTETS - 30, CHUNK_OCTETS, 5 * CHUNK_OCTETS, FRAME_OCTETS, FRAME_OCTETS + 1],
)
def test_a_message_of_any_length_comes_back(length: int) -> None:
    message = NOISE[:length]
    blob = seal_body(KEY, CONTEXT, message)
    assert open_body(bytearray(KEY), CONTEXT, blob) == message
    assert open_range(KEY, CONTEXT, blob, 0, length + 5) == message


def test_a_long_message_comes_back(long_blob: bytes) -> None:
    assert open_body(KEY, CONTEXT, long_blob) == LONG


@given(start=st.integers(0, len(LONG) + 10), octets=st.integers(0, 3 * FRAME_OCTETS))
@settings(max_examples=25, deadline=None)
def test_a_range_is_a_slice(start: int, octets: int) -> None:
    blob = BLOB_OF_LONG
    assert open_range(KEY, CONTEXT, blob, start, octets) == LONG[start : start + octets]


@given(st.binary(max_size=300), st.integers(0, 310), st.integers(0, 310))
@settings(deadline=None)
def test_a_range_of_a_short_message_is_a_slice(message: bytes, start: int, octets: int) -> None:
    blob = seal_body(KEY, CONTEXT, message)
    assert open_range(KEY, CONTEXT, blob, start, octets) == message[start : start + octets]


@pytest.mark.parametrize(("start", "octets"), [(-1, 5), (0, -1)])
def test_a_range_outside_of_all_sense_is_refused(start: int, octets: int) -> None:
    with pytest.raises(ValueError, match="range"):
        open_range(KEY, CONTEXT, seal_body(KEY, CONTEXT, b"text"), start, octets)


def test_a_range_opens_only_what_covers_it(long_blob: bytes) -> None:
    """With a chunk of the third frame spoilt, the first is read; the third and all are not."""
    spoilt = bytearray(long_blob)
    spoilt[HEADER_OCTETS + (5 * FRAME_OCTETS // 2 // CHUNK_OCTETS) * CHUNK + 100] ^= 1
    assert open_range(KEY, CONTEXT, bytes(spoilt), 1000, 50_000) == LONG[1000:51_000]
    with pytest.raises(Corrupt):
        open_range(KEY, CONTEXT, bytes(spoilt), 2 * FRAME_OCTETS, FRAME_OCTETS)
    with pytest.raises(Corrupt):
        open_body(KEY, CONTEXT, bytes(spoilt))


def test_the_same_message_never_gives_the_same_blob() -> None:
    assert seal_body(KEY, CONTEXT, b"text") != seal_body(KEY, CONTEXT, b"text")


def test_a_blob_written_by_hand_opens() -> None:
    one = b"\x01" + zstandard.compress(b"written by hand")
    assert open_body(KEY, CONTEXT, write(pad(one))) == b"written by hand"


def test_the_frames_of_a_long_message_stand_alone() -> None:
    """Each is its own zstd frame of 1 MiB, behind a table of lengths."""
    frames = [
        zstandard.compress(LONG[n : n + FRAME_OCTETS]) for n in range(0, len(LONG), FRAME_OCTETS)
    ]
    table = struct.pack(f">cQI{len(frames)}I", b"\x02", len(LONG), len(frames), *map(len, frames))
    assert open_body(KEY, CONTEXT, write(pad(table + b"".join(frames)))) == LONG


def table(
    length: int, *frames: bytes, lengths: list[int] | None = None, count: int | None = None
) -> bytes:
    sizes = lengths or [len(frame) for frame in frames]
    head = struct.pack(">cQI", b"\x02", length, len(frames) if count is None else count)
    return pad(head + struct.pack(f">{len(sizes)}I", *sizes) + b"".join(frames))


FRAME = zstandard.compress(b"x" * FRAME_OCTETS)


@pytest.mark.parametrize(
    "content",
    [
        b"never padded at all",
        pad(b""),
        pad(b"\x03" + bytes(40)),
        pad(b"\x02\0\0"),
        pad(b"\x01 this is no frame"),
        pad(b"\x01" + zstandard.compress(bytes(FRAME_OCTETS + 1))),
        table(0),
        table(FRAME_OCTETS, FRAME, count=2),
        table(2 * FRAME_OCTETS, FRAME),
        table(FRAME_OCTETS - 1, FRAME),
        table(FRAME_OCTETS, FRAME, lengths=[len(FRAME) - 1]),
        table(FRAME_OCTETS, FRAME, lengths=[len(FRAME) + 1]),
        table(FRAME_OCTETS, zstandard.compress(bytes(2 * FRAME_OCTETS))),
        table(FRAME_OCTETS, b"this is no frame"),
    ],
)
def test_content_that_is_not_of_the_format_is_damaged(content: bytes) -> None:
    with pytest.raises(Corrupt) as caught:
        open_body(KEY, CONTEXT, write(content))
    assert caught.value.condition is Condition.DAMAGED


@pytest.mark.parametrize(
    "kept", [0, 1, HEADER_OCTETS - 1, HEADER_OCTETS, HEADER_OCTETS + 15, HEADER_OCTETS + 16]
)
def test_a_blob_of_a_few_octets_is_damaged(kept: int) -> None:
    with pytest.raises(Corrupt):
        open_body(KEY, CONTEXT, seal_body(KEY, CONTEXT, b"text")[:kept])


def test_another_format_is_damaged() -> None:
    blob = seal_body(KEY, CONTEXT, b"text")
    with pytest.raises(Corrupt):
        open_body(KEY, CONTEXT, b"\x02" + blob[1:])


def test_a_blob_cut_at_a_chunk_is_told_even_by_a_range_of_its_beginning(long_blob: bytes) -> None:
    cut = long_blob[: HEADER_OCTETS + 20 * CHUNK]
    with pytest.raises(Corrupt):
        open_range(KEY, CONTEXT, cut, 0, 10)


def test_a_blob_falls_on_padme_lengths(long_blob: bytes) -> None:
    for blob in (
        long_blob,
        seal_body(KEY, CONTEXT, b"text"),
        seal_body(KEY, CONTEXT, NOISE[:70_000]),
    ):
        chunks = -(-(len(blob) - HEADER_OCTETS) // CHUNK)
        content = len(blob) - HEADER_OCTETS - 16 * chunks
        assert padme_octets(content) == content


def test_a_message_of_more_than_a_gibibyte_is_refused() -> None:
    with pytest.raises(ValueError, match="1 GiB"):
        seal_body(KEY, CONTEXT, bytes(MESSAGE_OCTETS + 1))


def test_threads_do_not_disturb_each_other() -> None:
    failures: list[int] = []

    def work(seed: int) -> None:
        message = random.Random(seed).randbytes(1000) * 50
        for _ in range(30):
            if open_body(KEY, CONTEXT, seal_body(KEY, CONTEXT, message)) != message:
                failures.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


BLOB_OF_LONG = seal_body(KEY, CONTEXT, LONG)
