"""The audit log, and how accounts stand: what is seen without any person's key."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from mailserver.accounts.admin_sessions import AdminHere
from mailserver.accounts.permissions import Permission
from mailserver.model.ids import AccountId
from mailserver.privacy.oversight import PAGE
from webui.account.schemas import Hex
from webui.admin.needs import Needs
from webui.state import Served

router = APIRouter()

Auditing = Annotated[AdminHere, Depends(Needs(Permission.AUDIT_READ))]
Helping = Annotated[AdminHere, Depends(Needs(Permission.ACCOUNTS_READ))]


class Line(BaseModel):
    """An entry of the audit log; what names a person stays under that person's key."""

    number: int
    at: datetime
    event: str
    actor: str
    account: str
    facts: dict[str, str | int]
    damaged: bool


class Verified(BaseModel):
    """Whether the log is what was written."""

    intact: bool


class AccountShown(BaseModel):
    """How an account stands."""

    account: str
    addresses: list[str]
    created_at: datetime
    used_octets: int
    quota_octets: int
    factors: list[str]
    restricted: bool
    sending_stopped: bool
    erase_at: datetime | None
    keys_missing: bool


class LastSignIn(BaseModel):
    """The day of an account's last sign-in, as far as the log goes back."""

    day: date | None


@router.get("/audit", tags=["audit"])
async def log(
    _here: Auditing,
    services: Served,
    before: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = 50,
) -> list[Line]:
    """Return entries of the audit log, newest first; below a number, for the next page."""
    return [
        Line(
            number=one.number,
            at=one.at,
            event=one.event,
            actor=one.actor,
            account=one.account,
            facts=dict(one.facts),
            damaged=one.damaged,
        )
        for one in await services.books.oversight.log(before=before, limit=limit)
    ]


@router.post("/audit/verify", tags=["audit"])
async def verify(_here: Auditing, services: Served) -> Verified:
    """Read the whole log; where it was altered, a breach is suspected."""
    return Verified(intact=await services.books.verify_log())


@router.get("/accounts", tags=["accounts"])
async def accounts(_here: Helping, services: Served) -> list[AccountShown]:
    """Return how every account stands, the oldest first."""
    return [
        AccountShown(
            account=one.account,
            addresses=list(one.addresses),
            created_at=one.created_at,
            used_octets=one.used_octets,
            quota_octets=one.quota_octets,
            factors=list(one.factors),
            restricted=one.restricted,
            sending_stopped=one.sending_stopped,
            erase_at=one.erase_at,
            keys_missing=one.keys_missing,
        )
        for one in await services.books.oversight.accounts()
    ]


@router.get("/accounts/{account}/last-sign-in", tags=["accounts"])
async def last_sign_in(account: Hex, _here: Helping, services: Served) -> LastSignIn:
    """Return the day of an account's last sign-in."""
    found = await services.books.oversight.last_sign_in(AccountId(bytes.fromhex(account)))
    return LastSignIn(day=found)
