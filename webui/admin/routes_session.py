"""Signing in to the console with a second factor, proving it again, sessions, signing out."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from mailserver.accounts.admin_sessions import AdminHere, Entered
from mailserver.accounts.permissions import MATRIX, Permission, may
from webui.account.schemas import Body, Hex, Secret, plain
from webui.admin.needs import Cookie, Needs, Who, drop_cookie, put_cookie
from webui.security import csrf_token
from webui.state import Served

router = APIRouter(tags=["session"])

Self = Annotated[AdminHere, Depends(Needs(Permission.SELF))]
Code = Annotated[Secret, Field(max_length=100)]


class NameAndPassword(Body):
    """Who signs in."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    password: Secret


class CodeBody(Body):
    """A TOTP code, or one of the backup codes."""

    code: Code


class Step(BaseModel):
    """What comes next: `enrol`, `factor`, or `open` where it is done."""

    stage: str
    csrf: str


class Enrolled(Step):
    """The second factor is set up; its backup codes are shown now and never again."""

    backup_codes: list[str]


class Offer(BaseModel):
    """A TOTP seed, to be scanned or typed, and confirmed by its first code."""

    secret: str
    uri: str
    qr_svg: str


class SessionShown(BaseModel):
    """Who is signed in, and what he may do."""

    name: str
    roles: list[str]
    permissions: list[Permission]
    fresh: bool
    expires_at: datetime
    csrf: str


class OwnSession(BaseModel):
    """One of an administrator's sessions."""

    id: str
    agent: str
    peer: str
    made_at: datetime
    seen_at: datetime
    current: bool


def _step(answer: Response, entered: Entered) -> Step:
    put_cookie(answer, entered.cookie)
    return Step(stage=entered.stage, csrf=csrf_token(entered.cookie))


@router.post("/sign-in")
async def sign_in(body: NameAndPassword, visitor: Who, services: Served, answer: Response) -> Step:
    """Take name and password."""
    entered = await services.admin_sessions.sign_in(body.name, plain(body.password), visitor)
    return _step(answer, entered)


@router.post("/sign-in/factor")
async def factor(
    body: CodeBody, cookie: Cookie, visitor: Who, services: Served, answer: Response
) -> Step:
    """Take the second factor."""
    entered = await services.admin_sessions.factor(cookie, plain(body.code), visitor)
    return _step(answer, entered)


@router.post("/sign-in/enrol")
async def offer(cookie: Cookie, services: Served) -> Offer:
    """Offer a second factor to who has none yet."""
    made = await services.admin_sessions.offer_factor(cookie)
    return Offer(
        secret=made.secret.reveal().decode(),
        uri=made.uri.reveal().decode(),
        qr_svg=made.qr_svg.reveal().decode(),
    )


@router.post("/sign-in/enrol/confirm")
async def confirm(
    body: CodeBody, cookie: Cookie, visitor: Who, services: Served, answer: Response
) -> Enrolled:
    """Take the first code of a second factor; the session is open after it."""
    entered, codes = await services.admin_sessions.confirm_factor(cookie, plain(body.code), visitor)
    step = _step(answer, entered)
    return Enrolled(
        stage=step.stage, csrf=step.csrf, backup_codes=[code.reveal().decode() for code in codes]
    )


@router.post("/sign-in/again", status_code=HTTPStatus.NO_CONTENT)
async def again(body: CodeBody, _here: Self, cookie: Cookie, services: Served) -> None:
    """Prove once more who it is, before what asks for it."""
    await services.admin_sessions.again(cookie, plain(body.code))


@router.post("/sign-out", status_code=HTTPStatus.NO_CONTENT)
async def sign_out(cookie: Cookie, services: Served, answer: Response) -> None:
    """End the session."""
    await services.admin_sessions.out(cookie)
    drop_cookie(answer)


@router.get("/session")
async def session(here: Self, cookie: Cookie, services: Served) -> SessionShown:
    """Say who is signed in and what he may do."""
    return SessionShown(
        name=here.name,
        roles=sorted(here.roles),
        permissions=[each for each in MATRIX if may(here.roles, each)],
        fresh=here.is_fresh(services.clock.now()),
        expires_at=here.session.expires_at,
        csrf=csrf_token(cookie),
    )


@router.get("/sessions")
async def sessions(here: Self, services: Served) -> list[OwnSession]:
    """List one's own sessions, the one used last in front."""
    return [
        OwnSession(
            id=row_id.hex(),
            agent=each.agent,
            peer=each.peer,
            made_at=each.made_at,
            seen_at=each.seen_at,
            current=row_id == here.row.row_id,
        )
        for row_id, each in await services.admin_sessions.listing(here)
    ]


@router.delete("/sessions/{session_id}", status_code=HTTPStatus.NO_CONTENT)
async def end(session_id: Hex, here: Self, services: Served) -> None:
    """End one of one's own sessions."""
    await services.admin_sessions.end(here, bytes.fromhex(session_id))
