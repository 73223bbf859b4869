"""The code flow: what is asked for, and how a code is redeemed."""

import base64
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from mailserver.model.errors import PeerFault
from mailserver.protocol.oidc.code_flow import authorization_url, challenge, id_token, token_request
from mailserver.protocol.oidc.metadata import Metadata

PROVIDER = Metadata(
    "https://idp.test", "https://idp.test/auth", "https://idp.test/token", "https://idp.test/jwks",
    secret_in_body=False, names_itself=False,
)  # fmt: skip


def asked(provider: Metadata = PROVIDER, acr_values: tuple[str, ...] = ()) -> dict[str, list[str]]:
    url = authorization_url(
        provider,
        client_id="zegel",
        redirect_uri="https://mail.test/back",
        state="s",
        nonce="n",
        verifier="v" * 43,
        login_hint="ann@example.org",
        acr_values=acr_values,
    )
    assert url.startswith(provider.authorization_endpoint)
    return parse_qs(urlsplit(url).query)


def test_the_browser_is_sent_with_what_binds_the_answer() -> None:
    fields = asked()
    assert fields["response_type"] == ["code"]
    assert fields["scope"] == ["openid email"]
    assert fields["code_challenge_method"] == ["S256"]
    assert fields["code_challenge"] == [challenge("v" * 43)]
    assert (fields["state"], fields["nonce"]) == (["s"], ["n"])
    assert "acr_values" not in fields
    assert asked(acr_values=("gold", "silver"))["acr_values"] == ["gold silver"]
    with_query = replace(PROVIDER, authorization_endpoint="https://idp.test/auth?tenant=1")
    assert asked(with_query)["tenant"] == ["1"]


def test_a_challenge_is_that_of_the_standard() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
    assert challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize(("secret", "in_body"), [("a:b ü", False), ("a:b ü", True), ("", False)])
def test_a_code_is_redeemed_by_the_client_it_was_given_to(secret: str, *, in_body: bool) -> None:
    body, fields = token_request(
        replace(PROVIDER, secret_in_body=in_body),
        client_id="ze gel",
        client_secret=secret,
        redirect_uri="https://mail.test/back",
        code="c",
        verifier="v",
    )
    form = parse_qs(body.decode())
    assert (form["code"], form["code_verifier"]) == (["c"], ["v"])
    if secret and not in_body:
        given = base64.b64decode(fields["authorization"].removeprefix("Basic ")).decode()
        assert given == "ze+gel:a%3Ab+%C3%BC"
        assert "client_id" not in form
    else:
        assert form["client_id"] == ["ze gel"]
        assert form.get("client_secret") == ([secret] if secret else None)


def test_only_the_id_token_is_taken_from_an_answer() -> None:
    assert id_token(b'{"access_token": "x", "id_token": "a.b.c"}') == "a.b.c"
    for octets in (b"", b"[]", b"{}", b'{"id_token": 5}', b"[" * 100_000, b" " * 200_000):
        with pytest.raises(PeerFault):
            id_token(octets)
