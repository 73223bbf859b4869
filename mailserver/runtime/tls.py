"""TLS for our listeners, and the self-signed certificate of a first run.

Protocols and ciphers are PRIVACY §7's: 1.3 preferred, 1.2 with ephemeral ECDH and AEAD only, no
compression, no renegotiation, no SHA-1 signatures. The key-exchange groups are OpenSSL's own list,
which begins with X25519MLKEM768 where it has it; naming groups would only take that away.
"""

import os
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailserver.model.errors import Misconfigured

# Level 2 refuses SHA-1 signatures and keys under 112 bits; the names are for TLS 1.2 alone.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:@SECLEVEL=2"
SELF_SIGNED_FOR = timedelta(days=365)
_BACKDATED = timedelta(hours=1)  # a client whose clock is a little behind may still connect


def server_context(certificate: Path, private_key: Path) -> ssl.SSLContext:
    """Make a context for a listener.

    Args:
        certificate: PEM, the server's certificate first, then its issuers.
        private_key: PEM, not encrypted.

    Raises:
        Misconfigured: a file cannot be read, or the key is not the certificate's.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_NO_TICKET  # a TLS 1.2 ticket key would outlive the keys it protects
    context.options |= ssl.OP_SINGLE_ECDH_USE
    try:
        context.load_cert_chain(certificate, private_key, password=_no_password)
    except FileNotFoundError as error:
        missing = private_key if certificate.is_file() else certificate
        raise Misconfigured(f"tls: there is no file {missing}") from error
    except (OSError, ValueError) as error:
        raise Misconfigured(
            f"tls: {certificate} and {private_key} are not a certificate and its key"
        ) from error
    return context


def _no_password() -> str:
    raise ValueError("an encrypted key would make the server ask at its start")


class ServerTls:
    """One certificate in use by every listener, exchanged while they run.

    `context` is what a listener is given, once. Each handshake is then moved to the newest
    context, so a reload that fails half-way leaves the old certificate whole.
    """

    def __init__(self, certificate: Path, private_key: Path) -> None:
        """Load the pair.

        Raises:
            Misconfigured: it is missing or does not fit.
        """
        self._files = (certificate, private_key)
        self._stamp = self._stamps()
        self._newest = server_context(certificate, private_key)
        self.context = self._newest
        self.context.sni_callback = self._use_newest

    def _use_newest(
        self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        connection.context = self._newest

    def _stamps(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(_stamp(path) for path in self._files)

    def reload(self) -> None:
        """Read both files again; new handshakes use them, open connections go on.

        Raises:
            Misconfigured: they do not fit; the old pair stays in use.
        """
        stamp = self._stamps()
        self._newest = server_context(*self._files)
        self._stamp = stamp

    def reload_if_changed(self) -> bool:
        """Reload when either file is another than the one loaded; say whether it did.

        Raises:
            Misconfigured: they do not fit (a renewal may be half-way); the old pair stays.
        """
        if self._stamps() == self._stamp:
            return False
        self.reload()
        return True


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_ino)


def create_self_signed(
    certificate: Path, private_key: Path, hostname: str, *, now: datetime | None = None
) -> None:
    """Write a self-signed pair for `hostname`, localhost and the loopback addresses.

    The key file is made with mode 0600 and never replaced.

    Raises:
        Misconfigured: a file exists already, or its directory cannot be written.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    begin = (now or datetime.now(UTC)) - _BACKDATED
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:64])])
    names = dict.fromkeys(["localhost", hostname.encode("idna").decode("ascii")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + SELF_SIGNED_FOR)
        .add_extension(
            x509.SubjectAlternativeName(
                [
                    *(x509.DNSName(dns) for dns in names),
                    x509.IPAddress(IPv4Address("127.0.0.1")),
                    x509.IPAddress(IPv6Address("::1")),
                ]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.OID_SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_new(
        private_key,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        0o600,
    )
    _write_new(certificate, signed.public_bytes(serialization.Encoding.PEM), 0o644)


def _write_new(path: Path, octets: bytes, mode: int) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        reason = (error.strerror or "cannot be written").lower()
        raise Misconfigured(f"tls: {path}: {reason}") from error
