"""A push service, and a program that is woken by it and opens what it is sent."""

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.web_host import Answer, WebHost, answer

CREATED = answer(b"", "text/plain", status="201 Created")


def _written(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def opened(body: bytes, key: ec.EllipticCurvePrivateKey, point: bytes, auth: bytes) -> bytes:
    """Open a body as a browser does (RFC 8291 §3.4)."""
    salt, theirs = body[:16], body[21 : 21 + body[20]]
    shared = key.exchange(
        ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
    )
    secret = HKDF(SHA256(), 32, auth, b"WebPush: info\0" + point + theirs).derive(shared)
    cek = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
    nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
    plain = AESGCM(cek).decrypt(nonce, body[21 + body[20] :], None)
    assert plain[-1] == 2
    return plain[:-1]


@dataclass
class Woken:
    """A program on a device, known to a push service by a URL."""

    service: WebHost
    host: str = "device.push.test"
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    auth: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    path: str = field(default_factory=lambda: f"/to/{secrets.token_hex(8)}")

    def __post_init__(self) -> None:
        self.behave(CREATED)

    def behave(self, said: Answer) -> None:
        """Have the service answer so from now on."""
        self.service.answers[self.path] = said

    @property
    def point(self) -> bytes:
        """Its public key."""
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def asks(self, **more: Any) -> dict[str, Any]:
        """Return what it creates a subscription with."""
        keys = {"p256dh": _written(self.point), "auth": _written(self.auth)}
        url = f"https://{self.host}{self.path}"
        return {"deviceClientId": "phone", "url": url, "keys": keys, **more}

    @property
    def requests(self) -> list[bytes]:
        """What the service was asked for it."""
        return [each for each in self.service.asked if each.split(b" ")[1] == self.path.encode()]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What it was sent, opened."""
        bodies = [each.partition(b"\r\n\r\n")[2] for each in self.requests]
        return [json.loads(opened(each, self.key, self.point, self.auth)) for each in bodies]
