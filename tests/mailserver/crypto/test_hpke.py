"""HPKE: the published X-Wing vector, by a key schedule written out here; what must not open."""

import hashlib
import json
import os
import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from mailserver.crypto.hpke import PUBLIC_OCTETS, SEAL_OCTETS, KeyPair, PublicKey, derive_pair
from mailserver.crypto.kdf import hkdf
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt

VECTORS = Path(__file__).parents[2] / "vectors" / "xwing.json"
X_WING = 0x647A
AMK = bytes(range(32))


def schedule(shared_secret: bytes, info: bytes, kem_id: int) -> tuple[bytes, bytes]:
    """RFC 9180 §5.1, mode_base, HKDF-SHA256, AES-256-GCM: return key and base nonce."""
    suite = b"HPKE" + kem_id.to_bytes(2) + (1).to_bytes(2) + (2).to_bytes(2)

    def extract(salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return HKDF.extract(SHA256(), salt or None, b"HPKE-v1" + suite + label + ikm)

    def expand(prk: bytes, label: bytes, data: bytes, length: int) -> bytes:
        labelled = length.to_bytes(2) + b"HPKE-v1" + suite + label + data
        return HKDFExpand(SHA256(), length, labelled).derive(prk)

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared_secret, b"secret", b"")
    return expand(secret, b"key", context, 32), expand(secret, b"base_nonce", context, 12)


@pytest.fixture
def vector() -> dict[str, bytes]:
    document = json.loads(VECTORS.read_text())
    return {name: bytes.fromhex("".join(document[name])) for name in ("sk", "pk", "ct", "ss")}


def test_the_x_wing_vector_opens(vector: dict[str, bytes]) -> None:
    """draft-connolly-cfrg-xwing-kem-08 §5.2: our 96 octets are SHAKE-256 of the vector's 32."""
    pair = KeyPair(Suite.HYBRID, hashlib.shake_256(vector["sk"]).digest(96))
    assert pair.public_octets == vector["pk"]
    key, nonce = schedule(vector["ss"], b"context", X_WING)
    sealed = vector["ct"] + AESGCM(key).encrypt(nonce, b"content key", b"")
    assert pair.open(sealed, b"context") == b"content key"


def test_a_seal_opens_by_ml_kem_and_x25519_put_together_by_hand() -> None:
    """X-Wing: SHA3-256(ML-KEM secret ‖ X25519 secret ‖ X25519 ciphertext ‖ X25519 key ‖ label)."""
    pair = derive_pair(AMK, Suite.HYBRID)
    sealed = PublicKey(Suite.HYBRID, pair.public_octets).seal(b"content key", b"context")
    private = hkdf(AMK, b"zegel account pair\x01", 96)
    mlkem = MLKEM768PrivateKey.from_seed_bytes(bytes(private[:64]))
    x25519 = X25519PrivateKey.from_private_bytes(bytes(private[64:]))
    mlkem_ct, x25519_ct, rest = sealed[:1088], sealed[1088:1120], sealed[1120:]
    secret = hashlib.sha3_256(
        mlkem.decapsulate(mlkem_ct)
        + x25519.exchange(X25519PublicKey.from_public_bytes(x25519_ct))
        + x25519_ct
        + x25519.public_key().public_bytes_raw()
        + b"\\.//^\\"
    ).digest()
    key, nonce = schedule(secret, b"context", X_WING)
    assert AESGCM(key).decrypt(nonce, rest, b"") == b"content key"


@pytest.mark.parametrize("suite", Suite)
def test_a_pair_opens_what_was_sealed_to_it(suite: Suite) -> None:
    pair = derive_pair(AMK, suite)
    assert len(pair.public_octets) == PUBLIC_OCTETS[suite]
    assert pair.public_octets == derive_pair(bytearray(AMK), suite).public_octets
    sealed = PublicKey(suite, pair.public_octets).seal(bytearray(32), b"context")
    assert len(sealed) == 32 + SEAL_OCTETS[suite]
    assert pair.open(sealed, b"context") == bytes(32)


def test_the_hybrid_sizes_are_those_of_the_specification() -> None:
    assert PUBLIC_OCTETS[Suite.HYBRID] == 1216
    assert 32 + SEAL_OCTETS[Suite.HYBRID] == 1168


@pytest.mark.parametrize("suite", Suite)
def test_another_place_key_or_octet_does_not_open(suite: Suite) -> None:
    pair = derive_pair(AMK, suite)
    sealed = PublicKey(suite, pair.public_octets).seal(b"content key", b"context")
    with pytest.raises(Corrupt):
        pair.open(sealed, b"another context")
    with pytest.raises(Corrupt):
        derive_pair(os.urandom(32), suite).open(sealed, b"context")
    for position in (0, 40, len(sealed) - 1):
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises(Corrupt) as caught:
            pair.open(bytes(altered), b"context")
        assert caught.value.condition is Condition.DAMAGED
    for kept in (0, 31, 48, len(sealed) - 1):
        with pytest.raises(Corrupt):
            pair.open(sealed[:kept], b"context")


def test_the_suites_do_not_share_a_key() -> None:
    hybrid, classical = (derive_pair(AMK, suite) for suite in Suite)
    assert hybrid.public_octets[-32:] != classical.public_octets


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("length", [0, 31, 33, 1215, 1217])
def test_a_public_key_of_another_length_is_refused(suite: Suite, length: int) -> None:
    with pytest.raises(Corrupt) as caught:
        PublicKey(suite, bytes(length))
    assert caught.value.condition is Condition.KEY_MISMATCH


def test_octets_that_are_no_ml_kem_key_are_refused() -> None:
    with pytest.raises(Corrupt) as caught:
        PublicKey(Suite.HYBRID, b"\xff" * 1216)
    assert caught.value.condition is Condition.KEY_MISMATCH


@pytest.mark.parametrize("suite", Suite)
def test_nothing_is_sealed_to_a_point_without_a_secret(suite: Suite) -> None:
    """RFC 7748 §6.1: an all-zero shared secret is an error."""
    key = PublicKey(suite, derive_pair(AMK, suite).public_octets[:-32] + bytes(32))
    with pytest.raises(Corrupt) as caught:
        key.seal(b"content key", b"context")
    assert caught.value.condition is Condition.KEY_MISMATCH


@pytest.mark.parametrize("suite", Suite)
def test_a_private_key_of_another_length_is_refused(suite: Suite) -> None:
    with pytest.raises(ValueError, match="another length"):
        KeyPair(suite, bytes(64))


def test_keys_do_not_print_or_pickle() -> None:
    pair = derive_pair(AMK, Suite.HYBRID)
    assert repr(pair) == "<key pair, HYBRID>"
    assert repr(PublicKey(Suite.HYBRID, pair.public_octets)) == "<public key, HYBRID>"
    with pytest.raises(TypeError):
        pickle.dumps(pair)
