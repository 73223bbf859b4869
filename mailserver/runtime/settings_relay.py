"""How mail for elsewhere leaves: whether, by which servers, and with what TLS.

Tables of the operator are lists of lines, so that an environment variable can hold them, with
commas: `relay.routes = ["example.org 10.0.0.5:25 none"]`.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from mailserver.model.address import canonical_domain
from mailserver.model.errors import MailError
from mailserver.runtime.settings_values import Endpoint, Section, Tls

SMTP = 25


@dataclass(frozen=True, slots=True)
class Hop:
    """A server that takes mail from us, and how it is come to."""

    host: str
    port: int
    tls: Tls

    def __str__(self) -> str:
        """Write it as it stands in the settings."""
        return f"{Endpoint(host=self.host, port=self.port)} {self.tls.value}"


def _hop(value: object) -> object:
    """Read `host[:port] [starttls|implicit|none]`; TLS proves the host's name unless none."""
    if not isinstance(value, str):
        return value
    words = value.split()
    if not words or words == ["off"]:
        return None
    place, tls = words[0], words[1] if len(words) == 2 else Tls.STARTTLS.value
    host, colon, port = place.rpartition(":")
    if not colon or place.endswith("]"):
        host, port = place, str(SMTP)
    host = host.removeprefix("[").removesuffix("]")
    if len(words) > 2 or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError('write it as "host:port", with "implicit" or "none" behind it at most')
    try:
        name = str(ip_address(host)) if _is_ip(host) else canonical_domain(host)
        return Hop(name, int(port), Tls(tls))
    except (MailError, ValueError):
        raise ValueError('write it as "host:port starttls", "implicit" or "none"') from None


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _lines(value: object) -> object:
    """Read a list of lines, or one text with commas."""
    listed = value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, list | tuple):
        return value
    return [str(line).strip() for line in listed if str(line).strip()]


def _domain(text: str) -> str:
    dot = "." if text.startswith(".") else ""
    try:
        return dot + canonical_domain(text.removeprefix("."))
    except MailError:
        raise ValueError("each line begins with a domain") from None


def _routes(value: object) -> object:
    lines = _lines(value)
    if not isinstance(lines, list):
        return value
    found: dict[str, Any] = {}
    for line in lines:
        domain, _, rest = line.partition(" ")
        hop = _hop(rest)
        if hop is None:
            raise ValueError('write each line as "domain host:port"')
        found[_domain(domain)] = hop
    return found


def _mandatory(value: object) -> object:
    lines = _lines(value)
    if not isinstance(lines, list):
        return value
    words = (line.split() for line in lines)
    return {_domain(domain): tuple(map(_domain, names)) for domain, *names in words}


def _addresses(value: object) -> object:
    lines = _lines(value)
    if not isinstance(lines, list):
        return value
    if not all(map(_is_ip, lines)):
        raise ValueError("these are IP addresses of this machine")
    return tuple(lines)


OneHop = Annotated[
    Hop | None,
    BeforeValidator(_hop),
    PlainSerializer(lambda hop: "off" if hop is None else str(hop)),
]
Routes = Annotated[
    dict[str, Hop],
    BeforeValidator(_routes),
    PlainSerializer(lambda routes: [f"{domain} {hop}" for domain, hop in routes.items()]),
]
Mandatory = Annotated[
    dict[str, tuple[str, ...]],
    BeforeValidator(_mandatory),
    PlainSerializer(lambda table: [" ".join((domain, *names)) for domain, names in table.items()]),
]
Addresses = Annotated[tuple[str, ...], BeforeValidator(_addresses)]


class Relay(Section):
    """Mail to other servers (RFC 5321 §5)."""

    enabled: bool | Literal["auto"] = "auto"
    """Whether mail leaves; `auto`: where a listener can be reached from other machines, so that a
    server that is only tried out on loopback writes to nobody."""
    smart_host: OneHop = None
    """The server that takes all mail without a route of its own; none: each domain's own hosts."""
    credentials_file: Path | None = None
    """Who we are to the smart host: the user on one line, the password on the next."""
    routes: Routes = Field(default_factory=dict)
    """By domain, `.example.org` being all domains below it: `domain host:port [tls]`."""
    mandatory_tls: Mandatory = Field(default_factory=dict)
    """Domains whose mail waits without verified TLS and is returned after a day. Behind each may
    stand names that a certificate must have, `.example.org` being any below it; without them DANE
    and MTA-STS hold where they are, and else a certificate for the mail host's name."""
    external_min_tls: Literal["none", "encrypted", "verified"] = "none"
    """What every other domain must offer: TLS with any certificate, or one that is verified as for
    `mandatory_tls`; mail that cannot have it returns after a day. Routes and the smart host have
    their own."""
    source_addresses: Addresses = ()
    """Ours to send from; one of each kind."""
    ca_file: Path | None = None
    """Authorities to believe besides the system's, PEM."""
    private_addresses: bool = False
    """Whether DNS may send us to addresses that are not the internet's."""
    port: int = Field(default=SMTP, ge=1, le=65_535)
    """Where other domains' mail hosts listen; another only where the internet is rehearsed."""
    at_once: int = Field(default=100, ge=1, le=10_000)
    """Recipients that one process serves at the same time."""
    connections: int = Field(default=50, ge=1, le=10_000)
    """Connections that one process has open, idle ones included."""

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if self.credentials_file is not None:
            if self.smart_host is None:
                raise ValueError("credentials_file goes with a smart_host")
            if self.smart_host.tls is Tls.NONE:
                raise ValueError("credentials are not sent without TLS")
        return self
