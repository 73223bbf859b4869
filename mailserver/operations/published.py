"""What a domain of ours says of itself in public: the facts that its records are made from.

`dns_records` writes them as a zone, `doctor` looks whether DNS says the same, and the web listener
serves the MTA-STS policy; all three read it here, so that none of them can say something else.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from mailserver.accounts.signing_keys import DomainKey
from mailserver.crypto.certificates import Details, details, key_association, leaf_of
from mailserver.model.errors import MailError, Misconfigured
from mailserver.model.reserved import DMARC_REPORTS, TLS_REPORTS
from mailserver.runtime.settings import Settings

_PROBES = (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))


@dataclass(frozen=True, slots=True)
class Service:
    """A service that programs find by SRV records."""

    name: str
    """As in `_imaps._tcp`."""
    port: int
    host: str


@dataclass(frozen=True, slots=True)
class Published:
    """The facts of one domain."""

    domain: str
    host: str
    """The mail host, canonical."""
    addresses: tuple[str, ...] = ()
    """Public addresses of the host, as far as this machine knows them."""
    keys: tuple[DomainKey, ...] = ()
    tls_keys: tuple[bytes, ...] = ()
    """SHA-256 of the public key that the host shows, then of the one it will show next."""
    certificate: Details | None = None
    policy: bytes = b""
    """The MTA-STS policy; empty where none is published."""
    services: tuple[Service, ...] = ()
    smart_host: str = ""
    """What else sends our mail; empty where we do it ourselves."""
    issuers: tuple[str, ...] = ()
    """Who may issue certificates for the domain (RFC 8659); empty: nobody was named."""

    @property
    def policy_id(self) -> str:
        """The id of the policy: another text, another id. Source: RFC 8461 §3.1."""
        return sha256(self.policy).hexdigest()[:20]

    @property
    def dmarc_reports(self) -> str:
        """Where DMARC reports about the domain are taken."""
        return f"{DMARC_REPORTS}@{self.domain}"

    @property
    def tls_reports(self) -> str:
        """Where TLS reports about the domain are taken."""
        return f"{TLS_REPORTS}@{self.domain}"


def published(settings: Settings, domain: str, keys: Sequence[DomainKey] = ()) -> Published:
    """Gather the facts of `domain`, in canonical form, from the settings and the files they name.

    Raises:
        Misconfigured: the certificate or the next key is there and cannot be read.
    """
    certificate = _certificate(settings.tls.certificate)
    current = () if certificate is None else (certificate.key_sha256,)
    upcoming = _next_key(settings.tls.next_private_key)
    return Published(
        domain=domain,
        host=settings.hostname.lower().rstrip("."),
        addresses=public_addresses(settings),
        keys=tuple(keys),
        tls_keys=tuple(dict.fromkeys((*current, *upcoming))),
        certificate=certificate,
        policy=mta_sts_policy(settings),
        services=tuple(_services(settings)),
        smart_host="" if settings.relay.smart_host is None else settings.relay.smart_host.host,
        issuers=settings.tls.issuers,
    )


def mta_sts_policy(settings: Settings) -> bytes:
    """Write the policy that each of our domains serves; empty where the settings want none.

    Source: RFC 8461 §3.2.
    """
    if settings.web.mta_sts == "none":
        return b""
    age = timedelta(seconds=settings.web.mta_sts_seconds)
    lines = (
        "version: STSv1",
        f"mode: {settings.web.mta_sts}",
        f"mx: {settings.hostname.lower().rstrip('.')}",
        f"max_age: {age // timedelta(seconds=1)}",
    )
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def public_addresses(settings: Settings) -> tuple[str, ...]:
    """Name the addresses under which the internet knows this machine; none where it cannot tell.

    Those the settings name come first; else the kernel is asked which address it would send from.
    Nothing is sent for that.
    """
    named = list(settings.relay.source_addresses)
    mx = settings.listeners.mx.address
    if not named and mx is not None and mx.host:
        named = [mx.host]
    if not named:
        named = [address for probe in _PROBES if (address := _source(*probe))]
    return tuple(dict.fromkeys(one for one in named if _is_public(one)))


def _source(towards: str, family: socket.AddressFamily) -> str:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as datagrams:
            datagrams.connect((towards, 9))
            return str(datagrams.getsockname()[0])
    except OSError:
        return ""


def _is_public(text: str) -> bool:
    try:
        return ip_address(text).is_global
    except ValueError:
        return False


def _certificate(path: Path) -> Details | None:
    try:
        return details(leaf_of(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, MailError) as error:
        raise Misconfigured(f"tls.certificate: {path} holds no certificate to be read") from error


def _next_key(path: Path | None) -> tuple[bytes, ...]:
    if path is None:
        return ()
    try:
        return (key_association(path.read_bytes()),)
    except (OSError, MailError) as error:
        raise Misconfigured(f"tls.next_private_key: {path} holds no key to be read") from error


def _services(settings: Settings) -> list[Service]:
    """Name what is offered; port 0 stands for "not offered" (RFC 6186 §3.4)."""
    host = settings.hostname.lower().rstrip(".")
    listeners = settings.listeners
    offered = (
        ("_submissions._tcp", listeners.submissions),
        ("_submission._tcp", listeners.submission),
        ("_imaps._tcp", listeners.imaps),
        ("_imap._tcp", listeners.imap),
        ("_sieve._tcp", listeners.managesieve),
        ("_jmap._tcp", listeners.api),
        ("_autodiscover._tcp", listeners.https),
    )
    found = []
    for name, listener in offered:
        port = listener.known_port
        if port or name in ("_imap._tcp", "_submission._tcp"):
            found.append(Service(name, port, host))
    return [*found, Service("_pop3s._tcp", 0, host), Service("_pop3._tcp", 0, host)]
