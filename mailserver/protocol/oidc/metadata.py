"""What a provider publishes of itself: where its endpoints are, and what it can do.

The issuer is pinned by whoever configured it; a document that names another is somebody else's.

Source: OpenID Connect Discovery 1.0 §3, §4; RFC 8414 §2; RFC 9207 §3.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mailserver.model.errors import Condition, PeerFault

URL_CHARACTERS = 2_048
DOCUMENT_OCTETS = 256 * 1024
WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Metadata:
    """The endpoints of a provider, and how it is spoken to."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    keys_url: str
    secret_in_body: bool
    """The client's secret goes into the body of a token request: the header is not taken."""
    names_itself: bool
    """Its answers name the issuer, so one that does not is another's (RFC 9207 §2.4)."""


def document_url(issuer: str) -> str:
    """Return where a provider's metadata is. Source: OpenID Connect Discovery 1.0 §4."""
    return issuer.removesuffix("/") + WELL_KNOWN


def check_issuer(issuer: str) -> str:
    """Return `issuer` as it is written, where it can be one.

    Raises:
        PeerFault: BAD_ADDRESS, it is no https: URL, or has a query or a fragment.

    Source: OpenID Connect Core 1.0 §1.2 ("Issuer Identifier").
    """
    return _https(issuer, bare=True)


def parse(octets: bytes, issuer: str) -> Metadata:
    """Read a provider's metadata.

    Raises:
        PeerFault: BAD_SYNTAX, it is not the document of `issuer`, or of no use to us; BAD_ADDRESS,
            an endpoint is not https.
    """
    try:
        found = json.loads(octets) if len(octets) <= DOCUMENT_OCTETS else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("issuer") != issuer:
        raise PeerFault(Condition.BAD_SYNTAX, "the provider's metadata are not of this issuer")
    if "code" not in _listed(found, "response_types_supported", ["code"]):
        raise PeerFault(Condition.BAD_SYNTAX, "the provider gives no authorization codes")
    if "S256" not in _listed(found, "code_challenge_methods_supported", ["S256"]):
        raise PeerFault(Condition.BAD_SYNTAX, "the provider does not take PKCE by SHA-256")
    default = ["client_secret_basic"]
    methods = _listed(found, "token_endpoint_auth_methods_supported", default)
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_https(found.get("authorization_endpoint")),
        token_endpoint=_https(found.get("token_endpoint")),
        keys_url=_https(found.get("jwks_uri")),
        secret_in_body="client_secret_basic" not in methods and "client_secret_post" in methods,
        names_itself=found.get("authorization_response_iss_parameter_supported") is True,
    )


def _listed(found: dict[str, Any], name: str, default: list[str]) -> list[Any]:
    value = found.get(name, default)
    return value if isinstance(value, list) else []


def _https(url: object, *, bare: bool = False) -> str:
    if not isinstance(url, str) or not 0 < len(url) <= URL_CHARACTERS or not url.isprintable():
        raise _wrong()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _wrong() from None
    named = parts.scheme == "https" and parts.hostname and port != 0 and parts.username is None
    if not named or parts.fragment or (bare and parts.query) or " " in url or not url.isascii():
        raise _wrong()
    return url


def _wrong() -> PeerFault:
    return PeerFault(Condition.BAD_ADDRESS, "an identity provider is named by an https: address")
