"""What an identity provider signed is believed under its own keys, by algorithms of our choice."""

import hmac
import json
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.util import urlsafe_b64encode

from mailserver.crypto.jose import KEYS, KEYS_OCTETS, VerifyingKeys
from mailserver.model.errors import Condition, Corrupt, PeerFault

Key = RSAKey | ECKey | OKPKey | OctKey

RSA = RSAKey.generate_key(2048, {"kid": "r"})
EC = ECKey.generate_key("P-256", {"kid": "e"})
OTHER_EC = ECKey.generate_key("P-256", {"kid": "o"})
WIDE_EC = ECKey.generate_key("P-384", {"kid": "w"})
SHORT = {
    "kty": "RSA",
    "n": f"{RSA.as_dict(private=False)['n']}"[:171] + "w",
    "e": "AQAB",
}  # 1,024 bits
OKP = OKPKey.generate_key("Ed25519", {"kid": "k"})


def published(*keys: Key, **more: Any) -> bytes:
    return json.dumps({"keys": [{**key.as_dict(private=False), **more} for key in keys]}).encode()


def signed(key: Key, algorithm: str, **header: Any) -> str:
    kid = {} if key.kid is None else {"kid": key.kid}
    whole = {"alg": algorithm, **kid, **header}
    return jwt.encode(whole, {"sub": "ann"}, key, algorithms=[algorithm])


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(RSA, "RS256"), (RSA, "PS256"), (EC, "ES256"), (WIDE_EC, "ES384"), (OKP, "Ed25519")],
)
def test_what_a_published_key_signed_is_believed(key: Key, algorithm: str) -> None:
    keys = VerifyingKeys.parse(published(RSA, EC, WIDE_EC, OKP))
    token = signed(key, algorithm)
    assert keys.knows(token)
    assert keys.verified(token) == {"sub": "ann"}
    head, body, signature = token.split(".")
    for broken in (f"{head}.{body[:-2]}AA.{signature}", f"{head}.{body}.{signature[:-8]}AAAAAAAA"):
        with pytest.raises(Corrupt):
            keys.verified(broken)


def test_a_key_of_another_name_is_not_tried() -> None:
    keys = VerifyingKeys.parse(published(OTHER_EC, RSA))
    token = signed(EC, "ES256")
    assert not keys.knows(token)
    with pytest.raises(PeerFault):
        keys.verified(token)


def test_without_a_name_there_must_be_one_key_of_the_kind() -> None:
    token = jwt.encode({"alg": "ES256"}, {"sub": "ann"}, EC, algorithms=["ES256"])
    assert VerifyingKeys.parse(published(EC, RSA)).verified(token) == {"sub": "ann"}
    with pytest.raises(PeerFault):
        VerifyingKeys.parse(published(EC, OTHER_EC)).verified(token)


def test_a_public_key_is_never_the_secret_of_an_hmac() -> None:
    keys = VerifyingKeys.parse(published(RSA))
    signing = b".".join(map(urlsafe_b64encode, (b'{"alg":"HS256","kid":"r"}', b'{"sub":"ann"}')))
    forged = hmac.digest(RSA.as_pem(private=False), signing, "sha256")
    for token in (
        b".".join((signing, urlsafe_b64encode(forged))).decode(),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.",
    ):
        with pytest.raises(PeerFault):
            keys.knows(token)


@pytest.mark.parametrize(
    "token",
    ["", "a.b", "a.b.c", "ü.b.c", "W10.e30.AA", "a" * 40_000, "eyJhbGciOiJFUzI1NiJ9.e30.AA.BB"],
)
def test_what_is_no_signed_statement_is_refused(token: str) -> None:
    with pytest.raises(PeerFault) as refused:
        VerifyingKeys.parse(published(EC)).verified(token)
    assert refused.value.condition is Condition.BAD_SYNTAX


def test_what_must_be_understood_and_is_not_is_refused() -> None:
    token = jwt.encode(
        {"alg": "ES256", "kid": "e", "crit": ["b64"], "b64": True},
        {"sub": "ann"},
        EC,
        algorithms=["ES256"],
    )
    with pytest.raises(PeerFault):
        VerifyingKeys.parse(published(EC)).verified(token)


@pytest.mark.parametrize("payload", [b"[]", b"ann", b"\xff", b"[" * 100_000])
def test_a_statement_says_something(payload: bytes) -> None:
    token = jws.serialize_compact({"alg": "ES256", "kid": "e"}, payload, EC, algorithms=["ES256"])
    with pytest.raises(PeerFault):
        VerifyingKeys.parse(published(EC)).verified(token)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": 1}',
        b'{"keys": []}',
        b'{"keys": ["x", {"kty": "XX"}, {"kty": "EC"}, {"kty": "RSA", "n": 1, "e": 2}]}',
        published(EC, use="enc"),
        published(EC, alg="ECDH-ES"),
        published(EC, alg=5),
        published(EC, kid=5),
        published(EC, key_ops=["sign"]),
        published(EC, key_ops=7),
        published(OctKey.generate_key(256)),
        json.dumps({"keys": [EC.as_dict(private=True)]}).encode(),
        json.dumps({"keys": [SHORT]}).encode(),
        b" " * KEYS_OCTETS + published(EC),
        b"[" * 100_000,
    ],
    ids=range(17),  # keys are made anew: by their text, two workers would not have the same tests
)
def test_a_set_without_a_key_for_us_is_refused(octets: bytes) -> None:
    with pytest.raises(PeerFault):
        VerifyingKeys.parse(octets)


def test_no_more_keys_are_read_than_a_provider_has() -> None:
    many = json.loads(published(*[OTHER_EC] * KEYS, EC))
    with pytest.raises(PeerFault):
        VerifyingKeys.parse(json.dumps(many).encode()).verified(signed(EC, "ES256"))


def test_a_key_is_for_the_algorithm_it_names() -> None:
    with pytest.raises(PeerFault):
        VerifyingKeys.parse(published(RSA, alg="PS256")).verified(signed(RSA, "RS256"))
