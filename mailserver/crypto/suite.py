"""The version octet of public keys, its algorithms, and the proof that this machine has them.

Source: RFC 9180; draft-ietf-hpke-pq (KEM 0x647A, ML-KEM-768 with X25519); FIPS 203; RFC 7748.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
)
from cryptography.hazmat.primitives.hpke import Suite as HpkeSuite

from mailserver.model.errors import Misconfigured


class Suite(IntEnum):
    """How a content key is sealed to an account. Stored: never renumber."""

    HYBRID = 1
    """HPKE with ML-KEM-768 and X25519 (X-Wing): holds while either does."""
    CLASSICAL = 2
    """HPKE with X25519 alone; only where the settings allow it."""


HPKE_SUITES = {
    Suite.HYBRID: HpkeSuite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
    Suite.CLASSICAL: HpkeSuite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
}

_PROBE = b"zegel self-test"


class SingleShot(Protocol):
    """What the self-test asks of an HPKE suite."""

    def encrypt(self, plaintext: bytes, public_key: MLKEM768X25519PublicKey, info: bytes) -> bytes:
        """Seal."""

    def decrypt(
        self, ciphertext: bytes, private_key: MLKEM768X25519PrivateKey, info: bytes
    ) -> bytes:
        """Open, or raise `InvalidTag`."""


def hybrid_round_trip(suite: SingleShot = HPKE_SUITES[Suite.HYBRID]) -> None:
    """Seal and open once with fresh hybrid keys, and see a wrong context refused.

    Raises:
        UnsupportedAlgorithm: the cipher library lacks ML-KEM.
        RuntimeError: it has it, but gives wrong answers.
    """
    private = MLKEM768X25519PrivateKey(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())
    sealed = suite.encrypt(_PROBE, private.public_key(), b"context")
    if suite.decrypt(sealed, private, b"context") != _PROBE:
        raise RuntimeError("the hybrid KEM does not open what it sealed")
    try:
        suite.decrypt(sealed, private, b"another context")
    except InvalidTag:
        return
    raise RuntimeError("the hybrid KEM opens under a wrong context")


def self_test(
    allow_classical: bool, *, round_trip: Callable[[], None] = hybrid_round_trip
) -> Suite:
    """Try the ciphers at start-up and return the suite that new accounts get.

    Raises:
        Misconfigured: ML-KEM is missing and `crypto.allow_classical` is off.
        RuntimeError: the cipher library gives wrong answers; never serve with it.
    """
    try:
        round_trip()
    except UnsupportedAlgorithm:
        if allow_classical:
            return Suite.CLASSICAL
        raise Misconfigured(
            "this build of the cryptography package has no ML-KEM-768: install the official wheel, "
            "or set crypto.allow_classical to do without protection against quantum computers"
        ) from None
    return Suite.HYBRID
