"""Certificates, other servers' and our own: their octets as DANE compares them, a chain, facts.

Source: RFC 6698 §2.1, RFC 7672 §3.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256, sha512

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from mailserver.model.errors import Condition, Corrupt

# A mail host's own authority need not keep the browsers' rules (criticality, key identifiers), only
# those without which a chain proves nothing: an issuer is one, and a server's certificate names it.
_ISSUERS = ExtensionPolicy.permit_all().require_present(
    x509.BasicConstraints, Criticality.AGNOSTIC, lambda _policy, _certificate, found: _is_ca(found)
)
_SERVERS = ExtensionPolicy.permit_all().require_present(
    x509.SubjectAlternativeName, Criticality.AGNOSTIC, None
)


@dataclass(frozen=True, slots=True)
class Details:
    """What a server's certificate says."""

    names: tuple[str, ...]
    """DNS names it is for, in lower case; `*.` in front of one stands for a label."""
    valid_from: datetime
    valid_until: datetime
    issuer: str
    """The organisation that issued it, else its common name; empty without either."""
    self_signed: bool
    key_sha256: bytes
    """What a TLSA record `3 1 1` of it holds."""


def leaf_of(pem: bytes) -> bytes:
    """Return the first certificate of a PEM file, DER.

    Raises:
        Corrupt: DAMAGED, there is none.
    """
    try:
        return x509.load_pem_x509_certificates(pem)[0].public_bytes(Encoding.DER)
    except ValueError:
        raise Corrupt(Condition.DAMAGED, "this is no certificate") from None


def details(certificate: bytes) -> Details:
    """Read a DER `certificate`.

    Raises:
        Corrupt: DAMAGED, this is no certificate.
    """
    loaded = _loaded(certificate)
    try:
        names = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        listed = tuple(name.lower() for name in names.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        listed = ()
    issuer = [
        str(attribute.value)
        for oid in (x509.NameOID.ORGANIZATION_NAME, x509.NameOID.COMMON_NAME)
        for attribute in loaded.issuer.get_attributes_for_oid(oid)
    ]
    public = loaded.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Details(
        names=listed,
        valid_from=loaded.not_valid_before_utc,
        valid_until=loaded.not_valid_after_utc,
        issuer=issuer[0] if issuer else "",
        self_signed=loaded.issuer == loaded.subject,
        key_sha256=sha256(public).digest(),
    )


def key_association(private_key: bytes) -> bytes:
    """Return what a TLSA record `3 1 1` holds for a key that no certificate is for yet.

    Args:
        private_key: PEM, not encrypted.

    Raises:
        Corrupt: DAMAGED, this is no such key.
    """
    try:
        public = load_pem_private_key(private_key, None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Corrupt(Condition.DAMAGED, "this is no private key") from None
    return sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def association(certificate: bytes, *, selector: int, matching: int) -> bytes | None:
    """Return what a TLSA record with these numbers holds for a DER `certificate`.

    Returns:
        The octets; None where we do not know a number.

    Raises:
        Corrupt: DAMAGED, this is no certificate.

    Source: RFC 6698 §2.1.2, §2.1.3.
    """
    if selector == 0:
        chosen = certificate
    elif selector == 1:
        public = _loaded(certificate).public_key()
        chosen = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        return None
    if matching == 0:
        return chosen
    if matching == 1:
        return sha256(chosen).digest()
    return sha512(chosen).digest() if matching == 2 else None


def verify_chain(
    leaf: bytes, intermediates: Sequence[bytes], anchor: bytes, name: str, *, now: datetime
) -> None:
    """Prove that `leaf` is for `name` and leads to `anchor`; all are DER.

    Raises:
        Corrupt: KEY_MISMATCH, it does not; DAMAGED, one of them is no certificate.

    Source: RFC 7672 §3.1.2, RFC 5280 §6.
    """
    verifier = (
        PolicyBuilder()
        .store(Store([_loaded(anchor)]))
        .time(now)
        .extension_policies(ca_policy=_ISSUERS, ee_policy=_SERVERS)
        .build_server_verifier(x509.DNSName(name))
    )
    try:
        verifier.verify(_loaded(leaf), [_loaded(each) for each in intermediates])
    except VerificationError:
        raise Corrupt(Condition.KEY_MISMATCH, "the certificate does not lead there") from None


def _loaded(certificate: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(certificate)
    except ValueError:
        raise Corrupt(Condition.DAMAGED, "this is no certificate") from None


def _is_ca(found: x509.BasicConstraints) -> None:
    if not found.ca:
        raise ValueError("this certificate issues none")
