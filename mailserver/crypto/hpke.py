"""Sealing to somebody's public key: HPKE base mode, single shot, the context as `info`.

Base mode names no sender: whoever has the public key can seal. Who really did is shown by the
vault's deposit MAC.

Source: RFC 9180 §5.1.1, §6.1.
"""

from typing import Never

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey

from mailserver.crypto.kdf import hkdf
from mailserver.crypto.secret import overwrite
from mailserver.crypto.suite import HPKE_SUITES, Suite
from mailserver.model.errors import Condition, Corrupt

_MLKEM_SEED_OCTETS = 64
_MLKEM_PUBLIC_OCTETS = 1_184
_X25519_OCTETS = 32
_PRIVATE_OCTETS = {
    Suite.HYBRID: _MLKEM_SEED_OCTETS + _X25519_OCTETS,
    Suite.CLASSICAL: _X25519_OCTETS,
}
PUBLIC_OCTETS = {
    Suite.HYBRID: _MLKEM_PUBLIC_OCTETS + _X25519_OCTETS,
    Suite.CLASSICAL: _X25519_OCTETS,
}
SEAL_OCTETS = {Suite.HYBRID: 1_088 + 32 + 16, Suite.CLASSICAL: 32 + 16}
"""By how much a seal is longer than what it holds."""


class PublicKey:
    """The half that seals. Loading costs about 70 µs: keep it while sealing to one account."""

    __slots__ = ("_key", "octets", "suite")

    suite: Suite
    octets: bytes

    def __init__(self, suite: Suite, octets: bytes) -> None:
        """Load ML-KEM-768 (1,184 octets) ‖ X25519 (32), or X25519 alone, as `suite` says.

        Raises:
            Corrupt: these are not the octets of such a key.
        """
        self.suite = suite
        self.octets = octets
        self._key = _load_public(suite, octets)

    def seal(self, plain: bytes | bytearray, info: bytes) -> bytes:
        """Return encapsulated key ‖ ciphertext, bound to `info`.

        Raises:
            Corrupt: the key is a point that gives no shared secret (RFC 7748 §6.1).
        """
        try:
            return HPKE_SUITES[self.suite].encrypt(plain, self._key, info)
        except ValueError:
            raise Corrupt(Condition.KEY_MISMATCH, "nothing can be sealed to this key") from None

    def __repr__(self) -> str:
        """Name the suite."""
        return f"<public key, {self.suite.name}>"


class KeyPair:
    """Both halves. Deriving one costs about 0.5 ms: keep it while the account is unlocked."""

    __slots__ = ("_private", "public_octets", "suite")

    suite: Suite
    public_octets: bytes
    """What `PublicKey` loads."""

    def __init__(self, suite: Suite, private: bytes | bytearray) -> None:
        """Load ML-KEM-768 seed (64 octets) ‖ X25519 (32), or X25519 alone.

        Raises:
            ValueError: `private` has another length.
        """
        if len(private) != _PRIVATE_OCTETS[suite]:
            raise ValueError("a private key of this suite has another length")
        self.suite = suite
        x25519 = X25519PrivateKey.from_private_bytes(private[-_X25519_OCTETS:])
        self.public_octets = x25519.public_key().public_bytes_raw()
        self._private: X25519PrivateKey | MLKEM768X25519PrivateKey
        if suite is Suite.CLASSICAL:
            self._private = x25519
        else:
            mlkem = MLKEM768PrivateKey.from_seed_bytes(bytes(private[:_MLKEM_SEED_OCTETS]))
            self._private = MLKEM768X25519PrivateKey(mlkem, x25519)
            self.public_octets = mlkem.public_key().public_bytes_raw() + self.public_octets

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Return what was sealed to this pair for `info`.

        Raises:
            Corrupt: it was sealed to another key or for another place, or was altered.
        """
        try:
            return HPKE_SUITES[self.suite].decrypt(sealed, self._private, info)
        except (InvalidTag, ValueError):
            raise Corrupt(Condition.DAMAGED, "this seal does not open with this key") from None

    def __repr__(self) -> str:
        """Name the suite, never the key."""
        return f"<key pair, {self.suite.name}>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied."""
        raise TypeError("a key is not pickled or copied")


def derive_pair(amk: bytes | bytearray, suite: Suite) -> KeyPair:
    """Derive an account's pair: HKDF(AMK, label ‖ suite), 96 octets (32 where classical)."""
    private = hkdf(amk, b"zegel account pair" + bytes([suite]), _PRIVATE_OCTETS[suite])
    try:
        return KeyPair(suite, private)
    finally:
        overwrite(private)


def _load_public(suite: Suite, octets: bytes) -> X25519PublicKey | MLKEM768X25519PublicKey:
    if len(octets) != PUBLIC_OCTETS[suite]:
        raise Corrupt(Condition.KEY_MISMATCH, "a public key has the wrong length for its suite")
    try:
        x25519 = X25519PublicKey.from_public_bytes(octets[-_X25519_OCTETS:])
        if suite is Suite.CLASSICAL:
            return x25519
        mlkem = MLKEM768PublicKey.from_public_bytes(octets[:_MLKEM_PUBLIC_OCTETS])
    except ValueError:
        raise Corrupt(Condition.KEY_MISMATCH, "these octets are no public key") from None
    return MLKEM768X25519PublicKey(mlkem, x25519)
