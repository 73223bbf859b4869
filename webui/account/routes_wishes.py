"""What an owner has done with his account at once: kept and nothing else, or erased."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from mailserver.audit.entry import account_actor
from mailserver.model.address import Address
from mailserver.model.errors import Condition, Refused
from mailserver.privacy.request import Right, Source
from webui.account import schemas
from webui.account.cookies import drop_session, drop_trust
from webui.account.sessions import Door, FreshHere
from webui.state import Served

router = APIRouter(prefix="/privacy", tags=["privacy"])


class ErasureBody(schemas.Body):
    """What is erased, typed once more, and where the certificate goes."""

    address: schemas.Login
    answer_to: Annotated[str, Field(max_length=320)] = ""


class ErasureShown(BaseModel):
    """The request, and when the account is erased: none while a legal hold stands."""

    number: int
    erase_at: datetime | None


@router.post("/restriction", status_code=HTTPStatus.NO_CONTENT)
async def restrict(here: FreshHere, desk: Door, services: Served) -> None:
    """Keep the account, and do nothing else with it. Source: GDPR Art. 18."""
    lease = here.session.lease
    actor = account_actor(lease.account_id)
    asked = await services.books.requests.receive(
        *(Right.RESTRICTION, Source.ACCOUNT, lease.address), account=lease.account_id, actor=actor
    )
    await desk.wishes.restrict(lease.account_id)
    await services.books.requests.answer(asked.number, actor=actor)


@router.delete("/restriction", status_code=HTTPStatus.NO_CONTENT)
async def lift(here: FreshHere, desk: Door) -> None:
    """Use the account as before."""
    await desk.wishes.lift(here.session.account_id)


@router.post("/erasure", status_code=HTTPStatus.ACCEPTED)
async def erase(
    body: ErasureBody, here: FreshHere, services: Served, response: Response
) -> ErasureShown:
    """Have the account erased after the days of grace; every session of it ends now.

    Its owner's next sign-in keeps it. Source: GDPR Art. 17.
    """
    lease, erasure = here.session.lease, services.books.erasure
    if Address.parse(body.address).key != lease.address:
        raise Refused(Condition.NOT_PERMITTED, "this is another address than the account's")
    answer_to = Address.parse(body.answer_to) if body.answer_to.strip() else None
    if answer_to is not None and not erasure.posts:
        raise Refused(Condition.NOT_PERMITTED, "this server sends no mail to others")
    request, at = await erasure.ask(lease.account_id, lease.address, answer_to)
    if at is not None:
        drop_session(response)
        drop_trust(response)
    return ErasureShown(number=request.number, erase_at=at)
