"""Ed25519, HMAC and comparison, against their RFCs."""

import pickle

import pytest

from mailserver.crypto.secret import SecretKey
from mailserver.crypto.sign import SigningKey, mac, same, verify
from mailserver.model.errors import Condition, Corrupt

SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_signing_gives_the_vector_of_rfc_8032() -> None:
    """§7.1, TEST 2."""
    key = SigningKey(SecretKey(SEED))
    assert key.public == PUBLIC
    assert key.sign(b"\x72") == SIGNATURE
    verify(PUBLIC, SIGNATURE, b"\x72")


@pytest.mark.parametrize(
    ("public", "signature", "data"),
    [
        (PUBLIC, SIGNATURE, b"\x73"),
        (PUBLIC, SIGNATURE[:-1], b"\x72"),
        (PUBLIC, bytes(64), b"\x72"),
        (bytes(31), SIGNATURE, b"\x72"),
        (SigningKey.random().public, SIGNATURE, b"\x72"),
    ],
    ids=["data", "cut", "zeros", "no key", "another key"],  # random octets are no name for a test
)
def test_what_was_not_signed_raises(public: bytes, signature: bytes, data: bytes) -> None:
    with pytest.raises(Corrupt) as caught:
        verify(public, signature, data)
    assert caught.value.condition is Condition.DAMAGED


def test_a_signing_key_prints_its_public_half_and_does_not_pickle() -> None:
    key = SigningKey(SecretKey(SEED))
    assert PUBLIC.hex() in repr(key)
    assert SEED.hex() not in repr(key)
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_mac_gives_the_vector_of_rfc_4231() -> None:
    """§4.3, test case 2."""
    assert mac(b"Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_same_compares_octets() -> None:
    assert same(bytearray(b"abc"), b"abc")
    assert not same(b"abc", b"abd")
    assert not same(b"abc", b"abcd")
