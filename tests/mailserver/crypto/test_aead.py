"""AES-256-GCM: the vector, the layout, and everything that must not open."""

import copy
import pickle

import pytest

from mailserver.crypto.aead import NONCE_OCTETS, OVERHEAD_OCTETS, Aead
from mailserver.model.errors import Condition, Corrupt

KEY = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)


def test_it_opens_a_published_vector() -> None:
    """McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16 (NIST's own set)."""
    nonce = bytes.fromhex("cafebabefacedbaddecaf888")
    aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    plain = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    cipher = bytes.fromhex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
    )
    tag = bytes.fromhex("76fc6ece0f4e1768cddf8853bb2d551b")
    assert Aead(KEY).open(nonce + cipher + tag, aad) == plain


def test_it_opens_what_it_sealed() -> None:
    sealed = Aead(KEY).seal(b"text", b"place")
    assert len(sealed) == len(b"text") + OVERHEAD_OCTETS
    assert Aead(bytearray(KEY)).open(sealed, b"place") == b"text"


def test_no_two_seals_share_a_nonce() -> None:
    cipher = Aead(KEY)
    assert len({cipher.seal(b"", b"")[:NONCE_OCTETS] for _ in range(1000)}) == 1000


@pytest.mark.parametrize("position", range(OVERHEAD_OCTETS + 4))
def test_a_flipped_bit_anywhere_does_not_open(position: int) -> None:
    sealed = bytearray(Aead(KEY).seal(b"text", b"place"))
    sealed[position] ^= 1
    with pytest.raises(Corrupt) as caught:
        Aead(KEY).open(bytes(sealed), b"place")
    assert caught.value.condition is Condition.DAMAGED


@pytest.mark.parametrize("kept", [0, 1, 11, 12, 27, 31])
def test_what_is_cut_short_does_not_open(kept: int) -> None:
    sealed = Aead(KEY).seal(b"text", b"place")
    with pytest.raises(Corrupt):
        Aead(KEY).open(sealed[:kept], b"place")


def test_another_key_or_place_does_not_open() -> None:
    sealed = Aead(KEY).seal(b"text", b"place")
    with pytest.raises(Corrupt):
        Aead(bytes(32)).open(sealed, b"place")
    with pytest.raises(Corrupt):
        Aead(KEY).open(sealed, b"other place")


@pytest.mark.parametrize("length", [0, 16, 24, 31, 33])
def test_only_keys_of_32_octets_are_taken(length: int) -> None:
    with pytest.raises(ValueError, match="32 octets"):
        Aead(bytes(length))


def test_a_key_does_not_print_pickle_or_copy() -> None:
    cipher = Aead(KEY)
    assert KEY.hex()[:8] not in repr(cipher)
    with pytest.raises(TypeError):
        pickle.dumps(cipher)
    with pytest.raises(TypeError):
        copy.copy(cipher)
