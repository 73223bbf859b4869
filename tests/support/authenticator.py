"""A passkey in software: makes and uses WebAuthn credentials as a security key does.

Source: W3C Web Authentication Level 3 §6.1, §6.5; RFC 9052 and RFC 8949 for COSE and CBOR.
"""

import hashlib
import json
import secrets
import struct
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def url64(octets: bytes) -> str:
    """Write octets as WebAuthn's JSON does."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    if number < 256:
        return bytes([major << 5 | 24, number])
    return bytes([major << 5 | 25]) + struct.pack(">H", number)


def cbor(value: object) -> bytes:
    """Encode what an attestation needs of CBOR."""
    match value:
        case int() if value >= 0:
            return _head(0, value)
        case int():
            return _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case dict():
            return _head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())
        case _:
            raise TypeError(value)


@dataclass
class SoftPasskey:
    """One credential at one site."""

    host: str
    origin: str
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    counter: int = 1
    verifies: bool = True
    """Whether it asks its user for a finger or a PIN."""

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer `PublicKeyCredentialCreationOptions`."""
        numbers = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        attested = bytes(16) + struct.pack(">H", len(self.credential)) + self.credential
        data = self._data(ATTESTED) + attested + cbor(public)
        statement: dict[object, object] = {"fmt": "none", "attStmt": {}, "authData": data}
        client = self._client("webauthn.create", options["challenge"])
        return self._answer(
            {"clientDataJSON": url64(client), "attestationObject": url64(cbor(statement))}
        )

    def use(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer `PublicKeyCredentialRequestOptions`, counting up."""
        self.counter += 1
        data, client = self._data(0), self._client("webauthn.get", options["challenge"])
        signed = data + hashlib.sha256(client).digest()
        return self._answer(
            {
                "clientDataJSON": url64(client),
                "authenticatorData": url64(data),
                "signature": url64(self.key.sign(signed, ec.ECDSA(SHA256()))),
            }
        )

    def _data(self, flags: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(self.host.encode()).digest() + struct.pack(">BI", flags, self.counter)

    def _client(self, kind: str, challenge: str) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(told).encode()

    def _answer(self, response: dict[str, str]) -> dict[str, Any]:
        name = url64(self.credential)
        return {"id": name, "rawId": name, "type": "public-key", "response": response}
