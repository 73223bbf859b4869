"""The keys of DKIM and ARC signatures: Ed25519, and RSA as PKCS #1 v1.5 does it.

Both sign a SHA-256 digest that the caller made; what is hashed is mail authentication's knowledge.
A public key travels in a DNS record, so whatever octets a stranger put there are read here.

Source: RFC 6376 §3.3, RFC 8301, RFC 8463.
"""

from enum import Enum
from typing import Never, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from mailserver.model.errors import Condition, Corrupt, PeerFault

RSA_BITS = 2048  # RFC 8301 §3.2: what signers should use; 4096 fit few DNS zones' editors
MOST_RSA_BITS = 4096  # RFC 8301 §3.2 asks for no more; a stranger's key is our work
_ED25519_BITS = 256
_MOST_EXPONENT = 1 << 32  # a large one makes a verification cost what a signature does
_PUBLIC_OCTETS = 1024  # of an RSA key of 4096 bits: 550

_PADDING = PKCS1v15()
_DIGEST = Prehashed(SHA256())


class KeyType(Enum):
    """The kinds of key; the value is that of `k=` in a key record and the start of `a=`."""

    RSA = "rsa"
    ED25519 = "ed25519"


class PublicKey:
    """A key that verifies."""

    __slots__ = ("_key", "bits", "kind")

    kind: KeyType
    bits: int
    """The length of the modulus; 256 for Ed25519."""

    def __init__(self, key: RSAPublicKey | Ed25519PublicKey) -> None:
        """Wrap a loaded key."""
        self._key = key
        self.kind = KeyType.RSA if isinstance(key, RSAPublicKey) else KeyType.ED25519
        self.bits = key.key_size if isinstance(key, RSAPublicKey) else _ED25519_BITS

    @classmethod
    def parse(cls, kind: KeyType, octets: bytes) -> Self:
        """Read the octets of `p=`: 32 of Ed25519, or an RSA key, with its algorithm or bare.

        Raises:
            PeerFault: BAD_SYNTAX, these are no such key, or one that is too costly to use.

        Source: RFC 8463 §4.2; RFC 6376 §3.6.1, erratum 3017.
        """
        try:
            if kind is KeyType.ED25519:
                return cls(Ed25519PublicKey.from_public_bytes(octets))
            key = load_der_public_key(octets) if len(octets) <= _PUBLIC_OCTETS else None
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, RSAPublicKey):
            raise PeerFault(Condition.BAD_SYNTAX, f"the record holds no {kind.value} key")
        if key.key_size > MOST_RSA_BITS or key.public_numbers().e >= _MOST_EXPONENT:
            raise PeerFault(Condition.BAD_SYNTAX, "the key is larger than any in use")
        return cls(key)

    def encode(self) -> bytes:
        """Write the octets of `p=`; RSA with its algorithm, as all verifiers take it."""
        if isinstance(self._key, Ed25519PublicKey):
            return self._key.public_bytes_raw()
        return self._key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def verify(self, signature: bytes, digest: bytes) -> None:
        """Check that the key's owner signed a SHA-256 `digest`.

        Raises:
            Corrupt: DAMAGED, it did not.
        """
        try:
            if isinstance(self._key, Ed25519PublicKey):
                self._key.verify(signature, digest)
            else:
                self._key.verify(signature, digest, _PADDING, _DIGEST)
        except InvalidSignature:
            raise Corrupt(Condition.DAMAGED, "a signature does not hold") from None

    def __repr__(self) -> str:
        """Name the kind and the size."""
        return f"<public key, {self.kind.value}, {self.bits} bits>"


class PrivateKey:
    """A key that signs."""

    __slots__ = ("_key", "kind", "public")

    kind: KeyType
    public: PublicKey

    def __init__(self, key: RSAPrivateKey | Ed25519PrivateKey) -> None:
        """Wrap a loaded key."""
        self._key = key
        self.public = PublicKey(key.public_key())
        self.kind = self.public.kind

    @classmethod
    def generate(cls, kind: KeyType) -> Self:
        """Make a key; an RSA key takes 0.1 s on the average, and sometimes three times that."""
        if kind is KeyType.ED25519:
            return cls(Ed25519PrivateKey.generate())
        return cls(generate_private_key(65537, RSA_BITS))

    @classmethod
    def load(cls, octets: bytes) -> Self:
        """Read what `encode` wrote, and what nobody but us can have sealed since.

        Raises:
            Corrupt: DAMAGED, these octets are none.
        """
        try:
            # Unchecked, an RSA key loads in 40 µs; its two primality tests would take 50 ms.
            key = load_der_private_key(octets, None, unsafe_skip_rsa_key_validation=True)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
            raise Corrupt(Condition.DAMAGED, "these octets are no signing key")
        return cls(key)

    def encode(self) -> bytes:
        """Write it for the guard: unencrypted PKCS #8."""
        return self._key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, digest: bytes) -> bytes:
        """Return a signature of a SHA-256 `digest`: 64 octets, or as many as the modulus has.

        With RSA of 2048 bits it takes half a millisecond, and no second thread gains by it.
        """
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(digest)
        return self._key.sign(digest, _PADDING, _DIGEST)

    def __repr__(self) -> str:
        """Name the kind, never the key."""
        return f"<signing key, {self.kind.value}>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied."""
        raise TypeError("a key is not pickled or copied")
