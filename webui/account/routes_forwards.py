"""To which addresses elsewhere an account's filters may send its mail (PRIVACY §3)."""

from http import HTTPStatus

from fastapi import APIRouter

from mailserver.audit.entry import account_actor
from mailserver.model.address import Address
from webui.account import schemas
from webui.account.sessions import Door, FreshHere, Whole

router = APIRouter(tags=["forwards"])


@router.get("/forwards")
async def listing(here: Whole, desk: Door) -> list[str]:
    """List the addresses. A filter that names another one keeps the message."""
    return [str(each) for each in await desk.forwards.listing(here.session.account_id)]


@router.post("/forwards", status_code=HTTPStatus.NO_CONTENT)
async def approve(body: schemas.ForwardBody, here: FreshHere, desk: Door) -> None:
    """Allow one more; the owner is told by mail. It sends nothing by itself: a filter does."""
    account_id = here.session.account_id
    target = Address.parse(body.address)
    await desk.forwards.approve(account_id, target, actor=account_actor(account_id))


@router.post("/forwards/remove", status_code=HTTPStatus.NO_CONTENT)
async def remove(body: schemas.ForwardBody, here: Whole, desk: Door) -> None:
    """Allow an address no more; filters that name it keep what they would have sent."""
    account_id = here.session.account_id
    target = Address.parse(body.address)
    await desk.forwards.remove(account_id, target, actor=account_actor(account_id))
