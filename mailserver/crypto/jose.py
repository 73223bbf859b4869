"""Signed statements of an identity provider: JSON Web Signatures under the keys it publishes.

joserfc reads and verifies; what may be believed is decided here. An algorithm is one of a short
list, never what the statement would like (`none`, or an HMAC under a public key); a key is chosen
by its name and must be of the algorithm's kind; keys that are too short, or so large that looking
at them is work, are left out. Nothing is said of what a statement means: see `protocol/oidc`.

Source: RFC 7515, RFC 7517, RFC 7518 §3.1, RFC 8725 §3, RFC 9864.
"""

import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey
from joserfc.jws import JWSRegistry, deserialize_compact
from joserfc.util import urlsafe_b64decode

from mailserver.model.errors import Condition, Corrupt, PeerFault

PublicKey = RSAKey | ECKey | OKPKey

KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "RS256": ("RSA", ""),
    "PS256": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "Ed25519": ("OKP", "Ed25519"),
}
"""The algorithms that are believed: of which kind and curve the key is."""
KEYS = 50  # that one provider publishes
KEYS_OCTETS = 256 * 1024
TOKEN_CHARACTERS = 32 * 1024
RSA_BITS = range(2048, 8193)  # RFC 7518 §3.3: 2048 at least
_MODULUS = range(342, 1367)  # characters of such a key's modulus, so that others are not even read


class _Key(NamedTuple):
    name: str
    algorithm: str
    """The one it is for; empty where it says none."""
    key: PublicKey


class VerifyingKeys:
    """The keys that one provider signs with."""

    def __init__(self, keys: Sequence[_Key]) -> None:
        """Hold `keys`."""
        self._keys = tuple(keys)

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """Read a JSON Web Key Set; keys that are of no use to us are left out.

        Raises:
            PeerFault: BAD_SYNTAX, this is none, or nothing in it is a key that we could use.

        Source: RFC 7517 §5.
        """
        try:
            listed = json.loads(octets)["keys"] if len(octets) <= KEYS_OCTETS else None
        except (ValueError, KeyError, TypeError, RecursionError):
            listed = None
        if not isinstance(listed, list):
            raise PeerFault(Condition.BAD_SYNTAX, "this is no set of keys")
        found = [key for each in listed[:KEYS] if (key := _read(each)) is not None]
        if not found:
            raise PeerFault(Condition.BAD_SYNTAX, "there is no key in it that can be used")
        return cls(found)

    def knows(self, token: str) -> bool:
        """Say whether the key is here that a statement says it is signed with.

        Raises:
            PeerFault: BAD_SYNTAX, it is no statement that could be believed.
        """
        return bool(self._fitting(_header(token)))

    def verified(self, token: str) -> dict[str, Any]:
        """Return what a statement says.

        Raises:
            PeerFault: BAD_SYNTAX, it is none, or not signed as we believe it.
            Corrupt: DAMAGED, its signature does not hold.
        """
        header = _header(token)
        keys = self._fitting(header)
        if len(keys) != 1:
            raise PeerFault(Condition.BAD_SYNTAX, "it does not say which key signed it")
        registry = JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
        try:
            octets = deserialize_compact(token, keys[0].key, registry=registry).payload
            claims = json.loads(octets or b"")
        except JoseError:
            raise Corrupt(Condition.DAMAGED, "a signature does not hold") from None
        except (ValueError, RecursionError):
            claims = None
        if not isinstance(claims, dict):
            raise PeerFault(Condition.BAD_SYNTAX, "it says nothing that we understand")
        return claims

    def _fitting(self, header: Mapping[str, Any]) -> list[_Key]:
        """Return the keys that may have made a signature: one, where there is no doubt."""
        algorithm, name = header["alg"], header.get("kid")
        kind, curve = KINDS[algorithm]
        return [
            each
            for each in self._keys
            if each.key.key_type == kind
            and (not curve or each.key.as_dict(private=False).get("crv") == curve)
            and each.algorithm in ("", algorithm)
            and (name is None or each.name == name)
        ]


def _header(token: str) -> dict[str, Any]:
    """Read a statement's header; of three parts, by an algorithm that is believed."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > TOKEN_CHARACTERS or not token.isascii():
        raise PeerFault(Condition.BAD_SYNTAX, "this is no signed statement")
    try:
        header = json.loads(urlsafe_b64decode(parts[0].encode()))
    except (ValueError, binascii.Error, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("alg") not in KINDS or "crit" in header:
        raise PeerFault(Condition.BAD_SYNTAX, "it is not signed in a way that is believed")
    return header


def _read(given: object) -> _Key | None:
    """Read one key; None where it is for something else, or not one that we would use."""
    if not isinstance(given, dict) or given.get("use", "sig") != "sig" or "d" in given:
        return None
    name, algorithm = given.get("kid", ""), given.get("alg", "")
    operations = given.get("key_ops", ["verify"])
    fits = isinstance(name, str) and isinstance(algorithm, str) and isinstance(operations, list)
    if not fits or algorithm not in ("", *KINDS) or "verify" not in operations:
        return None
    kind, modulus = given.get("kty"), given.get("n")
    if kind == "RSA" and not (isinstance(modulus, str) and len(modulus) in _MODULUS):
        return None
    if kind not in ("RSA", "EC", "OKP"):
        return None
    try:
        key = JWKRegistry.import_key(given)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if isinstance(key, RSAKey):
        sized = key.public_key.key_size in RSA_BITS
        return _Key(name, algorithm, key) if sized else None
    return _Key(name, algorithm, key) if isinstance(key, ECKey | OKPKey) else None
