"""Signing in: address, password, second factor; proving it again; signing out."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Response

from mailserver.accounts.sign_in import Outcome
from mailserver.model.errors import Condition, Refused
from webui.account import schemas
from webui.account.cookies import drop_session, put_outcome
from webui.account.schemas import plain
from webui.account.sessions import Begun, Cookie, Door, PasskeysOf, Who, has_factor
from webui.security import csrf_token

router = APIRouter(tags=["sign-in"])


def given(answer: Response, outcome: Outcome) -> schemas.StepGiven:
    """Give the browser its cookies, and say what comes next."""
    put_outcome(answer, outcome)
    return schemas.StepGiven(
        needed=list(outcome.needed),
        provisional=outcome.provisional,
        csrf=csrf_token(outcome.session.cookie),
        expires_at=outcome.session.expires_at,
    )


@router.post("/sign-in/start")
async def start(body: schemas.Start, desk: Door) -> schemas.Started:
    """Say what comes after an address; nothing of whether anybody has it."""
    offer = await desk.providers.offer(body.address)
    if offer is None:
        return schemas.Started(next="password")
    given = schemas.ProviderGiven(name=offer.name, required=offer.required)
    return schemas.Started(next="provider", provider=given)


@router.post("/sign-in")
async def by_password(
    body: schemas.SignInBody, desk: Door, visitor: Who, site: PasskeysOf, answer: Response
) -> schemas.StepGiven:
    """Take address and password."""
    vouched = None
    if body.identity is not None:
        identity = body.identity.get_secret_value()
        vouched = await desk.providers.opened(identity, body.address)
    outcome = await desk.sign_in.by_password(
        body.address,
        plain(body.password),
        visitor,
        stay=body.stay,
        trust=body.trust,
        first=None if body.factor is None else body.factor.proof(site),
        vouched=vouched,
    )
    return given(answer, outcome)


@router.post("/sign-in/factor")
async def by_factor(
    body: schemas.FactorBody,
    cookie: Cookie,
    desk: Door,
    visitor: Who,
    site: PasskeysOf,
    answer: Response,
) -> schemas.StepGiven:
    """Take the second factor."""
    proof = body.factor.proof(site)
    return given(answer, await desk.sign_in.by_factor(cookie, proof, visitor, trust=body.trust))


@router.post("/sign-in/passkey")
async def passkey_options(cookie: Cookie, desk: Door, site: PasskeysOf) -> dict[str, Any]:
    """Return what the browser needs to use a passkey, while signing in or later."""
    return await desk.sign_in.passkey_options(cookie, site)


@router.post("/sign-in/again")
async def again(
    body: schemas.AgainBody,
    cookie: Cookie,
    desk: Door,
    visitor: Who,
    site: PasskeysOf,
    answer: Response,
) -> schemas.StepGiven:
    """Prove who it is in the middle of a session, before what asks for that."""
    outcome = await desk.sign_in.again(
        cookie,
        visitor,
        password=None if body.password is None else plain(body.password),
        proof=None if body.factor is None else body.factor.proof(site),
    )
    return given(answer, outcome)


@router.post("/sign-out", status_code=HTTPStatus.NO_CONTENT)
async def sign_out(cookie: Cookie, desk: Door, answer: Response) -> None:
    """End this session; one that is over already is no error."""
    try:
        await desk.sign_in.out(cookie)
    except Refused as refusal:
        if refusal.condition is not Condition.AUTHENTICATION_FAILED:
            raise
    drop_session(answer)


@router.get("/session")
async def session(here: Begun, desk: Door) -> schemas.SessionGiven:
    """Say who is signed in, and what must be done first."""
    account = await desk.keyring.account(here.session.account_id)
    required = await desk.factors.is_required(account)
    return schemas.SessionGiven(
        id=here.session.id.hex(),
        address=here.session.lease.address,
        csrf=csrf_token(here.cookie),
        stay=here.session.stay,
        fresh=here.session.is_fresh(desk.clock.now()),
        provisional=here.session.provisional,
        factor_missing=required and not has_factor(here.session, account),
        key_mode="server" if account.record.key_mode == "server" else "user",
        provider=here.session.is_vouched,
        expires_at=here.session.until,
    )
