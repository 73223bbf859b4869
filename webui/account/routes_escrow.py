"""Whether custodians of the organisation can open the account, and seeing their notice."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from mailserver.accounts.escrow_wraps import State, Status
from webui.account import schemas
from webui.account.routes_sign_in import given
from webui.account.schemas import plain
from webui.account.sessions import Door, Whole

router = APIRouter(prefix="/escrow", tags=["escrow"])


class Custodian(BaseModel):
    """Who opens, with another one."""

    name: str
    fingerprint: str


class EscrowShown(BaseModel):
    """Escrow as this account has it."""

    state: State
    policy: str
    reason: str
    since: datetime | None
    seen_at: datetime | None
    custodians: list[Custodian]
    notice: str
    """Names what is shown here; whoever saw it sends it back."""


class SeenBody(schemas.Body):
    """Which notice was seen."""

    notice: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class RenewalBody(schemas.Body):
    """The password: what new keys are wrapped under."""

    password: schemas.Secret


@router.get("")
async def shown(here: Whole, desk: Door) -> EscrowShown:
    """Tell whether two custodians can open the account, and on what terms."""
    lease = here.session.lease
    return _shown(await desk.escrow_wraps.status(lease.account_id, lease.account.key))


@router.post("/seen", status_code=HTTPStatus.NO_CONTENT)
async def seen(body: SeenBody, here: Whole, desk: Door) -> None:
    """Say that the notice was seen: from then on both custodians can open the account."""
    await desk.escrow_wraps.accept(here.session.lease, bytes.fromhex(body.notice))


@router.post("/renew")
async def renew(
    body: RenewalBody, here: Whole, desk: Door, answer: Response
) -> schemas.RecoveryCode:
    """Make new keys after a custodian left; app passwords and other sessions end."""
    account = await desk.keyring.account(here.session.account_id)
    password = plain(body.password)
    await desk.sign_in.check_password(account, password, here.visitor)
    key, code = await desk.escrow_wraps.renew(here.session.lease, password)
    try:
        outcome = await desk.sign_in.after(
            here.session.account_id, key, here.visitor, vouching=here.session.vouching
        )
    finally:
        key.close()
    given(answer, outcome)
    return schemas.RecoveryCode(recovery_code=code.reveal().decode())


def _shown(status: Status) -> EscrowShown:
    standing = status.standing
    return EscrowShown(
        state=status.state,
        policy="" if standing is None else standing.policy.policy,
        reason="" if standing is None else standing.policy.reason,
        since=None if standing is None else standing.policy.since,
        seen_at=status.seen_at,
        custodians=[]
        if standing is None
        else [
            Custodian(name=one.name, fingerprint=one.key.fingerprint) for one in standing.custodians
        ],
        notice="" if standing is None else standing.digest.hex(),
    )
