"""Web push by the published example of RFC 8291, and by a reader of its own."""

import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey
from joserfc.jws import deserialize_compact

from mailserver.crypto.web_push import PLAIN_AT_MOST, PushIdentity, PushKeys, encrypt
from mailserver.model.errors import PeerFault
from tests.support.push_service import opened

# RFC 8291, appendix A.
PLAIN = b"When I grow up, I want to be a watermelon"
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
    "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
    "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_example_of_the_rfc_is_met_octet_for_octet() -> None:
    sender = ec.derive_private_key(int.from_bytes(octets(SENDER), "big"), ec.SECP256R1())
    body = encrypt(PLAIN, PushKeys.parse(P256DH, AUTH), salt=octets(SALT), sender=sender)
    assert body == octets(BODY)


def test_two_messages_have_no_key_in_common_and_each_opens() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    keys = PushKeys(point, b"a" * 16)
    whole = bytes(range(256)) * 15 + bytes(PLAIN_AT_MOST - 256 * 15)
    first, second = encrypt(whole, keys), encrypt(whole, keys)
    assert len(first) == 4096
    assert first[:16] != second[:16]
    assert first[21:86] != second[21:86]
    assert opened(first, key, point, b"a" * 16) == opened(second, key, point, b"a" * 16) == whole
    with pytest.raises(ValueError, match="at most"):
        encrypt(bytes(PLAIN_AT_MOST + 1), keys)


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        (P256DH, AUTH[:-4]),
        (P256DH[:-4], AUTH),
        (P256DH[:-8] + "AAAAAAAA", AUTH),  # not on the curve
        ("", ""),
        ("ü" + P256DH[1:], AUTH),
        ("!" + P256DH[1:], AUTH),
    ],
)
def test_what_is_no_key_is_refused(p256dh: str, auth: str) -> None:
    with pytest.raises(PeerFault, match="no keys"):
        PushKeys.parse(p256dh, auth)


def test_a_push_service_can_verify_who_sends() -> None:
    identity = PushIdentity(b"s" * 32)
    assert PushIdentity(b"s" * 32).public == identity.public
    assert PushIdentity(b"t" * 32).public != identity.public
    until = datetime(2026, 11, 23, 12, tzinfo=UTC)
    field = identity.authorization("https://push.example.net", "mailto:post@example.org", until)
    scheme, _, rest = field.partition(" ")
    parts = dict(part.split("=", 1) for part in rest.split(", "))
    assert scheme == "vapid"
    point = octets(parts["k"])
    assert len(point) == 65
    named: dict[str, str | list[str]] = {
        "kty": "EC",
        "crv": "P-256",
        "x": base64.urlsafe_b64encode(point[1:33]).rstrip(b"=").decode(),
        "y": base64.urlsafe_b64encode(point[33:]).rstrip(b"=").decode(),
    }
    token = deserialize_compact(parts["t"], ECKey.import_key(named), algorithms=["ES256"])
    assert json.loads(token.payload or b"") == {
        "aud": "https://push.example.net",
        "exp": int(until.timestamp()),
        "sub": "mailto:post@example.org",
    }
    assert "<push identity" in repr(identity)
