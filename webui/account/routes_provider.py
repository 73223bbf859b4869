"""Signing in by an organisation's identity provider: there, back, and what its word is worth.

The provider sends the browser back from another site, and no cookie of ours comes with that: the
answer is put behind the `#` of our own page, which brings it here together with what its tab kept.
"""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response

from mailserver.accounts.providers import Answer
from webui.account import schemas
from webui.account.routes_sign_in import given
from webui.account.sessions import Door, Who
from webui.state import Web

RETURN = "/sign-in/provider/return"
PAGE = "/#provider?"

router = APIRouter(tags=["sign-in"])

Told = Annotated[str | None, Query(max_length=4_096)]


@router.post("/sign-in/provider")
async def begin(body: schemas.ProviderBody, desk: Door, web: Web) -> schemas.ProviderSent:
    """Begin a sign-in at the identity provider of an address's domain."""
    sent = await desk.providers.begin(body.address, f"{web.place.origin}/api/account{RETURN}")
    return schemas.ProviderSent(url=sent.url, flow=sent.flow)


@router.get(RETURN, status_code=HTTPStatus.SEE_OTHER, response_class=Response)
async def back(
    state: Told = None, code: Told = None, iss: Told = None, error: Told = None
) -> Response:
    """Take the browser from the provider to our page, with what it was given there."""
    told = {"code": code, "state": state, "iss": iss, "error": error}
    there = urlencode({name: value for name, value in told.items() if value})
    return Response(None, HTTPStatus.SEE_OTHER, {"location": PAGE + there})


@router.post("/sign-in/provider/proof")
async def proof(
    body: schemas.ProviderAnswer, desk: Door, visitor: Who, answer: Response
) -> schemas.ProviderStep:
    """Take what the provider gave the browser; say what comes next."""
    code = None if body.error or body.code is None else body.code.get_secret_value()
    vouched = await desk.providers.proof(body.flow, Answer(body.state, code, body.iss))
    outcome = await desk.sign_in.by_provider(vouched, visitor, stay=body.stay, trust=body.trust)
    if outcome is not None:
        step = given(answer, outcome)
        return schemas.ProviderStep(next="step", address=vouched.address, step=step)
    identity = desk.providers.sealed(vouched)
    return schemas.ProviderStep(next="passphrase", address=vouched.address, identity=identity)
