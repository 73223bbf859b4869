"""The register of processing, what ends when, and what a law or claim keeps from ending."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from mailserver.accounts.admin_sessions import AdminHere
from mailserver.accounts.permissions import Permission
from mailserver.model.errors import Condition, PeerFault
from mailserver.model.ids import AccountId
from mailserver.privacy.holds import EVERYTHING
from mailserver.privacy.processing import Document, View, differences, seen_by
from mailserver.privacy.retention import Outcome
from webui.account.schemas import Body
from webui.admin.needs import Needs
from webui.state import Served

router = APIRouter()

Looking = Annotated[AdminHere, Depends(Needs(Permission.REGISTERS_READ))]
Keeping = Annotated[AdminHere, Depends(Needs(Permission.RETENTION_READ))]
Ending = Annotated[AdminHere, Depends(Needs(Permission.RETENTION_WRITE))]
EndingNow = Annotated[AdminHere, Depends(Needs(Permission.RETENTION_WRITE, fresh=True))]


class VersionShown(BaseModel):
    """A version of the register of processing."""

    number: int
    at: datetime


class CategoryShown(BaseModel):
    """A row of the table of retention, and how it went last."""

    name: str
    what: str
    period_seconds: int
    bound_seconds: int
    ends_by: str
    done_at: datetime | None
    failing_since: datetime | None


class OutcomeShown(BaseModel):
    """What had come to its end in a category."""

    category: str
    found: int | None
    held: bool
    failed: bool


class HoldShown(BaseModel):
    """What must be kept although its time is over."""

    number: int
    category: str
    account: str
    reason: str
    since: datetime
    until: datetime | None
    lifted: datetime | None


class NewHold(Body):
    """A hold of an account, a category, or both; until a day or until it is lifted."""

    reason: Annotated[str, Field(min_length=1, max_length=4_000)]
    category: Annotated[str, Field(max_length=100)] = EVERYTHING
    account: Annotated[str, Field(pattern=r"^(?:[0-9a-f]{32})?$")] = ""
    until: AwareDatetime | None = None


@router.get("/processing", tags=["registers"])
async def processing(
    _here: Looking, services: Served, view: View = View.CONTROLLER
) -> dict[str, Any]:
    """Return the register of processing as the running configuration has it (GDPR Art. 30)."""
    return _viewed(services.books.processing.current(), view)


@router.get("/processing/versions", tags=["registers"])
async def versions(_here: Looking, services: Served) -> list[VersionShown]:
    """List the versions of the register."""
    found = await services.books.processing.versions()
    return [VersionShown(number=one.number, at=one.at) for one in found]


@router.get("/processing/versions/{number}", tags=["registers"])
async def version(
    number: int, _here: Looking, services: Served, view: View = View.CONTROLLER
) -> dict[str, Any]:
    """Return a version."""
    return _viewed((await services.books.processing.version(number)).document, view)


@router.get("/processing/diff/{old}/{new}", tags=["registers"])
async def diff(old: int, new: int, _here: Looking, services: Served) -> list[str]:
    """Tell two versions apart, line by line: + came, - went, ~ changed."""
    before = await services.books.processing.version(old)
    after = await services.books.processing.version(new)
    return differences(before.document, after.document)


@router.get("/retention", tags=["retention"])
async def retention(_here: Keeping, services: Served) -> list[CategoryShown]:
    """Return the table of what ends when."""
    state = await services.books.retention.state()
    return [
        CategoryShown(
            name=one.name,
            what=one.what,
            period_seconds=int(one.period.total_seconds()),
            bound_seconds=int(one.bound.total_seconds()),
            ends_by=one.by.value,
            done_at=_instant(state.get(one.name, {}).get("done")),
            failing_since=_instant(state.get(one.name, {}).get("failing")),
        )
        for one in services.books.retention.categories
    ]


@router.get("/retention/preview", tags=["retention"])
async def preview(_here: Keeping, services: Served) -> list[OutcomeShown]:
    """Count what would end now, and end nothing."""
    return _outcomes(await services.books.retention.run(dry=True))


@router.post("/retention/run", tags=["retention"])
async def run(here: EndingNow, services: Served) -> list[OutcomeShown]:
    """End now what would end tonight."""
    return _outcomes(await services.books.retention.run(actor=here.actor))


@router.get("/holds", tags=["retention"])
async def holds(_here: Keeping, services: Served) -> list[HoldShown]:
    """List all holds that ever were."""
    return [
        HoldShown(
            number=one.number,
            category=one.category,
            account="" if one.account_id is None else one.account_id.hex(),
            reason=one.reason,
            since=one.since,
            until=one.until,
            lifted=one.lifted,
        )
        for one in await services.books.holds.listing()
    ]


@router.post("/holds", status_code=201, tags=["retention"])
async def hold(body: NewHold, here: Ending, services: Served) -> dict[str, int]:
    """Keep something although its time is over, for a reason."""
    known = {one.name for one in services.books.retention.categories}
    if body.category not in (EVERYTHING, *known):
        raise PeerFault(Condition.BAD_SYNTAX, "there is no such category")
    number = await services.books.holds.add(
        body.reason,
        services.clock.now(),
        category=body.category,
        account_id=AccountId(bytes.fromhex(body.account)) if body.account else None,
        until=body.until,
        actor=here.actor,
    )
    return {"number": number}


@router.post("/holds/{number}/lift", status_code=HTTPStatus.NO_CONTENT, tags=["retention"])
async def lift(number: int, here: Ending, services: Served) -> None:
    """End a hold: what it covered ends by its age again."""
    await services.books.holds.lift(number, services.clock.now(), actor=here.actor)


def _viewed(document: Document, view: View) -> Document:
    return document | {"view": view.value, "activities": seen_by(document, view)}


def _outcomes(found: list[Outcome]) -> list[OutcomeShown]:
    return [
        OutcomeShown(category=one.category.name, found=one.found, held=one.held, failed=one.failed)
        for one in found
    ]


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
