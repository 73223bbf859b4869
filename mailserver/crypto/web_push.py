"""Web push: a message that only the browser or app opens, and who sends it.

A push service carries what it cannot read. The content key comes from an ECDH agreement between a
key made for this one message and the subscription's key, and from a secret that the subscription
told us. The service knows us by a signature (VAPID), so that nobody else who learns a
subscription's URL can push to it.

Source: RFC 8291, RFC 8188, RFC 8292.
"""

import base64
import binascii
import json
import os
from datetime import datetime
from typing import Never

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailserver.crypto.kdf import hkdf
from mailserver.model.errors import Condition, PeerFault

POINT_OCTETS = 65  # an uncompressed point of P-256
AUTH_OCTETS = 16
SALT_OCTETS = 16
RECORD_OCTETS = 4096
OVERHEAD_OCTETS = SALT_OCTETS + 4 + 1 + POINT_OCTETS + 1 + 16
PLAIN_AT_MOST = RECORD_OCTETS - OVERHEAD_OCTETS  # RFC 8030 §7.2: services take 4096 octets in all

_CURVE = ec.SECP256R1()
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # SP 800-186 §3.2.1.3


class PushKeys:
    """What a subscription told us to seal with: its public key, and a secret."""

    __slots__ = ("auth", "p256dh")

    def __init__(self, p256dh: bytes, auth: bytes) -> None:
        """Take a point of P-256, uncompressed, and 16 octets.

        Raises:
            PeerFault: BAD_SYNTAX, they are none.
        """
        if len(auth) != AUTH_OCTETS or len(p256dh) != POINT_OCTETS:
            raise _no_keys()
        _point(p256dh)
        self.p256dh = p256dh
        self.auth = auth

    @classmethod
    def parse(cls, p256dh: str, auth: str) -> "PushKeys":
        """Read both from base64url, with or without padding.

        Raises:
            PeerFault: BAD_SYNTAX, they are none.
        """
        return cls(_decoded(p256dh), _decoded(auth))

    def __repr__(self) -> str:
        """Show neither."""
        return "<keys of a push subscription>"


def encrypt(
    plain: bytes,
    keys: PushKeys,
    *,
    salt: bytes | None = None,
    sender: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """Return a body of Content-Encoding `aes128gcm`, of one record, which `keys`'s owner opens.

    Args:
        plain: at most `PLAIN_AT_MOST` octets.
        keys: of the subscription.
        salt: 16 octets; random unless a test gives them.
        sender: the key of this message; a new one unless a test gives it.

    Raises:
        ValueError: `plain` is too long.

    Source: RFC 8291 §3.4, RFC 8188 §2.
    """
    if len(plain) > PLAIN_AT_MOST:
        raise ValueError(f"a push message holds at most {PLAIN_AT_MOST} octets")
    salt = os.urandom(SALT_OCTETS) if salt is None else salt
    sender = ec.generate_private_key(_CURVE) if sender is None else sender
    ours = _octets(sender.public_key())
    shared = sender.exchange(ec.ECDH(), _point(keys.p256dh))
    label = b"WebPush: info\0" + keys.p256dh + ours
    secret = _derived(shared, keys.auth, label, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    sealed = AESGCM(key).encrypt(nonce, plain + b"\x02", None)  # 2: the last record
    return salt + RECORD_OCTETS.to_bytes(4, "big") + bytes([len(ours)]) + ours + sealed


class PushIdentity:
    """The key by which push services know this server (VAPID)."""

    __slots__ = ("_key", "public")

    public: str
    """The public half, an uncompressed point in base64url: the client's `applicationServerKey`."""

    def __init__(self, secret: bytes | bytearray) -> None:
        """Derive the key from `secret`, so that the same secret is always the same server."""
        number = int.from_bytes(hkdf(secret, b"scalar"), "big")
        self._key = ec.derive_private_key(number % (_ORDER - 1) + 1, _CURVE)
        self.public = _encoded(_octets(self._key.public_key()))

    def authorization(self, origin: str, contact: str, until: datetime) -> str:
        """Return the Authorization field for a push service.

        Args:
            origin: of the service's URL, `https://push.example.net`.
            contact: a `mailto:` or `https:` URI of who answers for this server.
            until: when it ends, at most 24 hours from now.

        Source: RFC 8292 §2, §3.
        """
        claims = {"aud": origin, "exp": int(until.timestamp()), "sub": contact}
        signed = f"{_json({'typ': 'JWT', 'alg': 'ES256'})}.{_json(claims)}"
        first, second = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(SHA256())))
        signature = first.to_bytes(32, "big") + second.to_bytes(32, "big")
        return f"vapid t={signed}.{_encoded(signature)}, k={self.public}"

    def __repr__(self) -> str:
        """Show the public half alone."""
        return f"<push identity {self.public[:12]}>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied."""
        raise TypeError("a push identity is not pickled or copied")


def _derived(secret: bytes, salt: bytes, label: bytes, octets: int) -> bytes:
    return HKDF(SHA256(), octets, salt, label).derive(secret)


def _point(octets: bytes) -> ec.EllipticCurvePublicKey:
    """Read a point. Raises PeerFault (BAD_SYNTAX): it is not on the curve."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, octets)
    except ValueError:
        raise _no_keys() from None


def _octets(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _json(value: object) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _no_keys() from None


def _no_keys() -> PeerFault:
    return PeerFault(Condition.BAD_SYNTAX, "these are no keys of a push subscription")
