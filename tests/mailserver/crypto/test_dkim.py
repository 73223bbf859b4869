"""Keys that sign for a domain, and keys that strangers publish."""

import hashlib
import pickle

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from mailserver.crypto.dkim import KeyType, PrivateKey, PublicKey
from mailserver.model.errors import Corrupt, PeerFault
from tests.support.dkim import private_key

DIGEST = hashlib.sha256(b"what is signed").digest()
DER = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("kind", KeyType)
def test_a_key_signs_what_its_public_half_verifies(kind: KeyType) -> None:
    key = private_key(kind)
    again = PrivateKey.load(key.encode())
    assert again.kind is kind
    public = PublicKey.parse(kind, again.public.encode())
    assert public.kind is kind
    public.verify(again.sign(DIGEST), DIGEST)


@pytest.mark.parametrize("kind", KeyType)
def test_what_was_not_signed_raises(kind: KeyType) -> None:
    key = private_key(kind)
    signature = key.sign(DIGEST)
    for wrong in (signature[:-1], b"", bytes(len(signature)), signature + b"\0"):
        with pytest.raises(Corrupt):
            key.public.verify(wrong, DIGEST)
    with pytest.raises(Corrupt):
        key.public.verify(signature, bytes(32))
    with pytest.raises(Corrupt):
        private_key(kind, number=1).public.verify(signature, DIGEST)


def test_made_keys_are_as_long_as_is_asked_today() -> None:
    assert PrivateKey.generate(KeyType.RSA).public.bits == 2048
    assert len(PrivateKey.generate(KeyType.ED25519).public.encode()) == 32


def test_an_rsa_key_without_its_algorithm_is_read_too() -> None:
    """RFC 6376 §3.6.1 says RSAPublicKey, everybody publishes SubjectPublicKeyInfo."""
    key = rsa.generate_private_key(65537, 1024)
    bare = key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    public = PublicKey.parse(KeyType.RSA, bare)
    assert public.bits == 1024
    public.verify(PrivateKey(key).sign(DIGEST), DIGEST)


@pytest.mark.parametrize(
    ("kind", "octets"),
    [
        (KeyType.RSA, b""),
        (KeyType.RSA, b"\x30\x80" * 100),
        (KeyType.RSA, bytes(100_000)),
        (KeyType.RSA, ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(*DER)),
        (KeyType.RSA, private_key(KeyType.ED25519).public.encode()),
        (KeyType.ED25519, b""),
        (KeyType.ED25519, bytes(31)),
        (KeyType.ED25519, private_key(KeyType.RSA).public.encode()),
    ],
    ids=["empty", "noise", "long", "another curve", "of 32", "none", "short", "not of 32"],
)
def test_what_is_no_such_key_is_refused(kind: KeyType, octets: bytes) -> None:
    with pytest.raises(PeerFault):
        PublicKey.parse(kind, octets)


def test_keys_that_cost_too_much_are_refused() -> None:
    numbers = rsa.RSAPublicNumbers
    large = numbers(65537, (1 << 8191) + 1).public_key().public_bytes(*DER)
    slow = numbers((1 << 64) + 1, (1 << 2047) + 1).public_key().public_bytes(*DER)
    for octets in (large, slow):
        with pytest.raises(PeerFault):
            PublicKey.parse(KeyType.RSA, octets)


def test_a_short_key_is_read_and_says_so() -> None:
    """Whether it is believed is decided elsewhere; here it must not become an incident."""
    short = rsa.RSAPublicNumbers(65537, (1 << 511) + 1).public_key().public_bytes(*DER)
    public = PublicKey.parse(KeyType.RSA, short)
    assert public.bits == 512
    with pytest.raises(Corrupt):
        public.verify(bytes(64), DIGEST)


def test_octets_that_are_no_signing_key_are_damaged() -> None:
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    )
    for octets in (b"", b"x" * 48, other):
        with pytest.raises(Corrupt):
            PrivateKey.load(octets)


def test_a_signing_key_does_not_print_or_pickle() -> None:
    key = private_key(KeyType.RSA)
    assert repr(key) == "<signing key, rsa>"
    assert repr(key.public) == "<public key, rsa, 2048 bits>"
    with pytest.raises(TypeError):
        pickle.dumps(key)
