"""Certificates of servers that we connect to: their octets as DANE compares them, and a chain.

Source: RFC 6698 §2.1, RFC 7672 §3.1.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256, sha512

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
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
