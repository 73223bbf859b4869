"""A provider's own document: of the issuer that was configured, with endpoints behind TLS."""

import json
from typing import Any

import pytest

from mailserver.model.errors import Condition, PeerFault
from mailserver.protocol.oidc import metadata

ISSUER = "https://login.example.org/realms/main"


def document(**changes: Any) -> bytes:
    found: dict[str, Any] = {
        "issuer": ISSUER,
        "authorization_endpoint": "https://login.example.org/auth",
        "token_endpoint": "https://login.example.org:8443/token",
        "jwks_uri": "https://keys.example.org/jwks?v=1",
    }
    return json.dumps({**found, **changes}).encode()


def test_a_document_says_where_things_are() -> None:
    found = metadata.parse(document(), ISSUER)
    assert found.token_endpoint == "https://login.example.org:8443/token"
    assert (found.secret_in_body, found.names_itself) == (False, False)
    by_post = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    named = {"authorization_response_iss_parameter_supported": True}
    found = metadata.parse(document(**by_post, **named), ISSUER)
    assert (found.secret_in_body, found.names_itself) == (True, True)
    assert metadata.document_url(ISSUER + "/").endswith("/main/.well-known/openid-configuration")


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://login.example.org/realms/other"},
        {"issuer": None},
        {"response_types_supported": ["id_token"]},
        {"response_types_supported": "code"},
        {"code_challenge_methods_supported": ["plain"]},
    ],
)
def test_a_document_of_no_use_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(PeerFault) as refused:
        metadata.parse(document(**changes), ISSUER)
    assert refused.value.condition is Condition.BAD_SYNTAX


@pytest.mark.parametrize("octets", [b"", b"[]", b"{", b"[" * 100_000, b" " * 300_000 + document()])
def test_what_is_no_document_is_refused(octets: bytes) -> None:
    with pytest.raises(PeerFault):
        metadata.parse(octets, ISSUER)


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "http://login.example.org/token",
        "https:///token",
        "https://ann@login.example.org/token",
        "https://login.example.org/token#there",
        "https://login.example.org/a b",
        "https://login.example.org:0/",
        "https://login.example.org:x/",
        "https://login.exämple.org/",
        "https://[::1",
        "https://login.example.org/\n",
        "https://login.example.org/" + "a" * 3_000,
    ],
)
def test_an_endpoint_is_an_https_address(url: str | None) -> None:
    with pytest.raises(PeerFault) as refused:
        metadata.parse(document(token_endpoint=url), ISSUER)
    assert refused.value.condition is Condition.BAD_ADDRESS


def test_an_issuer_has_no_query() -> None:
    assert metadata.check_issuer(ISSUER) == ISSUER
    with pytest.raises(PeerFault):
        metadata.check_issuer(ISSUER + "?tenant=1")
