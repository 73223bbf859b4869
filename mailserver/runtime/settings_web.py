"""How browsers and programs reach the web listeners, and what one request may cost."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from mailserver.runtime.settings_values import KIB, MIB, Octets, Section

Network = IPv4Network | IPv6Network
HTTPS_PORT = 443
"""What an https URL without a port means. Source: RFC 9110 §4.2.2."""


def _listed(value: object) -> object:
    """Read a list, or one text with commas, as environment variables have it."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _networks(value: object) -> object:
    listed = _listed(value)
    if not isinstance(listed, list | tuple):
        return value
    try:
        return tuple(ip_network(str(one)) for one in listed)
    except ValueError:
        raise ValueError('write each as an IP address or a network like "10.0.0.0/8"') from None


def _origin(value: str) -> str:
    """Refuse what is no web origin; a scheme and host alone, in lower case."""
    parts = urlsplit(value)
    clean = f"{parts.scheme}://{parts.netloc}".lower()
    if parts.scheme not in ("https", "http") or not parts.hostname or value.lower() != clean:
        raise ValueError('write it as "https://host" or "https://host:port", with nothing behind')
    return clean


def _https(value: str) -> str:
    """Take an https origin, or nothing."""
    if value and urlsplit(value).scheme.lower() != "https":
        raise ValueError('write it as "https://host"; browsers keep no session without TLS')
    return _origin(value.rstrip("/")).removesuffix(":443") if value else ""


Networks = Annotated[
    tuple[Network, ...],
    BeforeValidator(_networks),
    PlainSerializer(lambda networks: [str(network) for network in networks]),
]
Origin = Annotated[str, AfterValidator(_origin)]
Url = Annotated[str, AfterValidator(_https)]


class Web(Section):
    """What all web listeners share. The URLs are those that people type, behind a proxy or not."""

    public_url: Url = ""
    """The webmail; where empty, https with `hostname` and the port of listeners.https."""
    api_url: Url = ""
    """JMAP for apps; with a host of its own it may share the webmail's port."""
    admin_url: Url = ""
    """The console; likewise."""
    portal_url: Url = ""
    """Public pages and letters for outsiders; likewise."""
    proxies: Networks = ()
    """Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    body_octets: Octets = Field(default=MIB, ge=4 * KIB, le=64 * MIB)
    """The body of a request, where a route does not say otherwise."""
    header_octets: Octets = Field(default=32 * KIB, ge=8 * KIB, le=256 * KIB)
    """Request line and header fields together."""
    header_seconds: int = Field(default=10, ge=1, le=300)
    """From the first octet of a request, or the handshake, to the end of its header."""
    request_seconds: int = Field(default=30, ge=1, le=600)
    """From there to the begin of the answer; a body that keeps coming gets more."""
    stall_seconds: int = Field(default=30, ge=1, le=600)
    """How long a peer may leave an answer unread."""
    idle_seconds: int = Field(default=75, ge=1, le=3_600)
    """How long a connection without a request stays open."""
    requests_per_minute: int = Field(default=6_000, ge=0, le=1_000_000)
    """Of one network, which may be an office, with as many at once; 0: as many as they like."""
    account_requests_per_minute: int = Field(default=1_200, ge=0, le=1_000_000)
    acme_webroot: Path | None = None
    """Where a certificate's client writes its challenges (RFC 8555 §8.3), for listeners.http."""
    security_contact: str = Field(default="", pattern="^((mailto|https|tel):[!-~]+)?$")
    """For security.txt, a mailto: or https: URL; else postmaster of `hostname` (RFC 9116)."""
    mta_sts: Literal["none", "testing", "enforce"] = "testing"
    """What the policy that we publish for our domains asks of others (RFC 8461 §3.2)."""
    mta_sts_seconds: int = Field(default=604_800, ge=86_400, le=31_557_600)
    """How long others keep that policy."""


class Api(Section):
    """JMAP with app passwords, on a listener of its own."""

    origins: Annotated[tuple[Origin, ...], BeforeValidator(_listed)] = ()
    """Web clients of others that may ask it from a browser; none unless named (PRIVACY §6)."""
