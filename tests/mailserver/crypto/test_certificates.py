"""Chains of servers' certificates: what leads to an authority, and what only looks like it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from mailserver.crypto.certificates import (
    association,
    details,
    key_association,
    leaf_of,
    verify_chain,
)
from mailserver.model.errors import Corrupt

NOW = datetime(2026, 3, 4, tzinfo=UTC)
Key = ec.EllipticCurvePrivateKey


def issue(
    name: str, key: Key, issuer: str, signer: Key, *, ca: bool | None, names: tuple[str, ...] = ()
) -> bytes:
    """Make a certificate as a mail host's own authority would, without the browsers' extras."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
    )
    if ca is not None:
        basic = x509.BasicConstraints(ca=ca, path_length=None)
        builder = builder.add_extension(basic, critical=True)
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
        builder = builder.add_extension(alternatives, critical=True)
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.fixture(scope="module")
def keys() -> list[Key]:
    return [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]


def test_a_chain_leads_to_its_authority_for_its_names_in_its_time(keys: list[Key]) -> None:
    root, middle, leaf = keys
    top = issue("root", root, "root", root, ca=True)
    between = issue("middle", middle, "root", root, ca=True)
    own = issue("leaf", leaf, "middle", middle, ca=False, names=("mx.there.test",))
    verify_chain(own, [between], top, "mx.there.test", now=NOW)
    verify_chain(own, [], between, "mx.there.test", now=NOW)
    for name, now in (("mx.other.test", NOW), ("mx.there.test", NOW + timedelta(days=2))):
        with pytest.raises(Corrupt):
            verify_chain(own, [between], top, name, now=now)


@pytest.mark.parametrize("ca", [False, None])
def test_who_is_no_issuer_issues_nothing(keys: list[Key], *, ca: bool | None) -> None:
    root, middle, leaf = keys
    top = issue("root", root, "root", root, ca=True)
    impostor = issue("middle", middle, "root", root, ca=ca, names=("evil.test",))
    own = issue("leaf", leaf, "middle", middle, ca=False, names=("mx.there.test",))
    with pytest.raises(Corrupt):
        verify_chain(own, [impostor], top, "mx.there.test", now=NOW)


def test_a_certificate_without_names_is_for_nobody(keys: list[Key]) -> None:
    root, _, leaf = keys
    top = issue("root", root, "root", root, ca=True)
    nameless = issue("mx.there.test", leaf, "root", root, ca=False)
    with pytest.raises(Corrupt):
        verify_chain(nameless, [], top, "mx.there.test", now=NOW)
    with pytest.raises(Corrupt):
        verify_chain(b"nonsense", [], top, "mx.there.test", now=NOW)


def test_a_certificates_facts_are_read() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    der = issue("mx.test", key, "An Authority", key, ca=None, names=("MX.test", "*.mx.test"))
    said = details(der)
    assert said.names == ("mx.test", "*.mx.test")
    assert said.issuer == "An Authority"
    assert not said.self_signed
    assert said.valid_from < NOW < said.valid_until
    assert said.key_sha256 == association(der, selector=1, matching=1)


def test_a_certificate_without_names_is_for_none() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    said = details(issue("mx.test", key, "mx.test", key, ca=None))
    assert said.names == ()
    assert said.self_signed


def test_the_first_certificate_of_a_file_is_the_servers() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    ders = [issue(name, key, name, key, ca=None) for name in ("a.test", "b.test")]
    pem = b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in ders)
    assert leaf_of(pem) == ders[0]


def test_a_key_without_a_certificate_has_its_association() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert key_association(pem) == details(issue("a", key, "a", key, ca=None)).key_sha256


@pytest.mark.parametrize("read", [leaf_of, details, key_association])
def test_what_is_neither_certificate_nor_key_is_told(read: Callable[[bytes], object]) -> None:
    with pytest.raises(Corrupt):
        read(b"-----BEGIN NOTHING-----")
