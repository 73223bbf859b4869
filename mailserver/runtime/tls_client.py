"""TLS towards other servers: how we ask for it, what they showed, and why it failed.

Three contexts serve every connection: one believes nobody and only encrypts, one verifies the chain
and the name that was asked for, one verifies the chain and leaves the names to `covers`. All of
them want TLS 1.2 at least; the groups are OpenSSL's own list (PRIVACY §7).
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from mailserver.model.errors import Misconfigured

_HOSTNAME_MISMATCH = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, …_IP_ADDRESS_MISMATCH
_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED


@dataclass(frozen=True, slots=True)
class ClientTls:
    """The contexts of a process."""

    encrypting: ssl.SSLContext
    """Takes any certificate: for where DANE compares it, or nothing is known of it."""
    naming: ssl.SSLContext
    """Verifies the chain and the name that is said in SNI."""
    chaining: ssl.SSLContext
    """Verifies the chain alone."""

    @classmethod
    def load(cls, ca_file: Path | None = None) -> "ClientTls":
        """Make them; authorities are the system's and those in `ca_file` (PEM).

        Raises:
            Misconfigured: the file cannot be read.
        """
        chaining = verifying(ca_file)
        chaining.check_hostname = False
        encrypting = _context()
        encrypting.check_hostname = False
        encrypting.verify_mode = ssl.CERT_NONE
        return cls(encrypting, verifying(ca_file), chaining)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    return context


def verifying(ca_file: Path | None) -> ssl.SSLContext:
    """Make the context that verifies chain and name; see `ClientTls.load`."""
    context = _context()
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured(f"{ca_file} holds no certificates that can be read") from error
    return context


def chain_of(connection: ssl.SSLObject) -> list[bytes]:
    """Return the certificates the server showed, DER, its own first.

    Before Python 3.13 that one alone: the rest is not told.
    """
    if hasattr(connection, "get_unverified_chain"):
        return list(cast(Any, connection).get_unverified_chain())
    own = connection.getpeercert(binary_form=True)
    return [] if own is None else [own]


def names_of(connection: ssl.SSLObject) -> tuple[str, ...]:
    """Return the DNS names of the server's certificate, whose chain must have been verified."""
    certificate = connection.getpeercert() or {}
    alternatives = cast(tuple[tuple[str, str], ...], certificate.get("subjectAltName", ()))
    return tuple(name.lower() for kind, name in alternatives if kind == "DNS")


def covers(certified: str, wanted: str) -> bool:
    """Say whether a certificate's name stands for a wanted one.

    `*.` in front of a certified name stands for one label (RFC 9525 §6.3); a dot in front of a
    wanted one for any name below it, as an operator writes it.
    """
    if wanted.startswith("."):
        return certified.removeprefix("*").endswith(wanted)
    if certified.startswith("*."):
        return wanted.partition(".")[2] == certified[2:]
    return certified == wanted


def result_type(error: BaseException) -> str:
    """Say why a handshake failed, in the words of RFC 8460 §4.3."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _HOSTNAME_MISMATCH:
            return "certificate-host-mismatch"
        return "certificate-expired" if error.verify_code == _EXPIRED else "certificate-not-trusted"
    return "validation-failure"
