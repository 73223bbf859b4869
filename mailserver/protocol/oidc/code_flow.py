"""The authorization code flow with PKCE: where the browser is sent, and how its code is redeemed.

Source: OpenID Connect Core 1.0 §3.1; RFC 6749 §2.3.1, §4.1; RFC 7636 §4; RFC 9700 §2.1.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from urllib.parse import quote_plus, urlencode, urlsplit

from mailserver.model.errors import Condition, PeerFault
from mailserver.protocol.oidc.metadata import Metadata

SCOPE = "openid email"
CLAIMS = '{"id_token":{"email":null,"email_verified":null}}'
"""Wanted in the ID token itself: the access token is not used (OpenID Connect Core 1.0 §5.5)."""
ANSWER_OCTETS = 128 * 1024
CODE_CHARACTERS = 4_096


def authorization_url(
    metadata: Metadata,
    *,
    client_id: str,
    redirect_uri: str,
    state: str,
    nonce: str,
    verifier: str,
    login_hint: str,
    acr_values: Sequence[str] = (),
) -> str:
    """Return where the browser goes to prove who sits at it."""
    fields = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": SCOPE,
        "claims": CLAIMS,
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
        "login_hint": login_hint,
    }
    if acr_values:
        fields["acr_values"] = " ".join(acr_values)
    url = metadata.authorization_endpoint
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(fields)}"


def challenge(verifier: str) -> str:
    """Return what a verifier is known by before it is shown. Source: RFC 7636 §4.2."""
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


def token_request(
    metadata: Metadata,
    *,
    client_id: str,
    client_secret: str,
    redirect_uri: str,
    code: str,
    verifier: str,
) -> tuple[bytes, dict[str, str]]:
    """Return the form that redeems a code, and the fields that go with it.

    Without a secret the client is public: PKCE alone binds the code to who asked for it.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    fields = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    if client_secret and not metadata.secret_in_body:
        # RFC 6749 §2.3.1: both are form-encoded before they are joined.
        pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}".encode()
        fields["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    else:
        form["client_id"] = client_id
        if client_secret:
            form["client_secret"] = client_secret
    return urlencode(form).encode(), fields


def id_token(octets: bytes) -> str:
    """Return the ID token of a token answer; nothing else in it is looked at.

    Raises:
        PeerFault: BAD_SYNTAX, there is none.

    Source: OpenID Connect Core 1.0 §3.1.3.3.
    """
    try:
        found = json.loads(octets) if len(octets) <= ANSWER_OCTETS else None
    except (ValueError, RecursionError):
        found = None
    token = found.get("id_token") if isinstance(found, Mapping) else None
    if not isinstance(token, str):
        raise PeerFault(Condition.BAD_SYNTAX, "the provider gave no ID token")
    return token
