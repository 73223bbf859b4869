"""Breaches of personal data, from a suspicion to their end, by the 72 hours of GDPR Art. 33."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel
from pydantic import Field as Bound

from mailserver.accounts.admin_sessions import AdminHere
from mailserver.accounts.permissions import Permission
from mailserver.privacy.breach import OVER, Breach, Detector, Field, Risk, State
from mailserver.privacy.breach_drafts import Reader, draft
from webui.account.schemas import Body
from webui.admin.needs import Needs
from webui.admin.routes_requests import Language, Reason, StepShown, Why
from webui.state import Served

router = APIRouter(prefix="/breaches", tags=["breaches"])

Looking = Annotated[AdminHere, Depends(Needs(Permission.REGISTERS_READ))]
Officer = Annotated[AdminHere, Depends(Needs(Permission.REGISTERS_WRITE))]
Text = Annotated[str, Bound(max_length=10_000)]


class BreachShown(BaseModel):
    """An entry, and by when the authority must be told."""

    number: int
    state: State
    detector: Detector
    fields: dict[Field, str]
    missing: list[Field]
    """What Art. 33(3) asks for and nobody has said anything of."""
    opened_at: datetime
    aware_at: datetime | None
    deadline: datetime | None
    late: bool
    risk: Risk | None
    told_at: datetime | None
    reason: str
    over_at: datetime | None
    occurrences: list[str]
    timeline: list[StepShown]


class Opened(Body):
    """What was noticed."""

    nature: Annotated[str, Bound(min_length=1, max_length=10_000)]


class Aware(Body):
    """Since when one is aware of it; now, if not given."""

    at: AwareDatetime | None = None


class Filled(Body):
    """What is known; `?` for what is not known yet."""

    fields: dict[Field, Text]


class Assessed(Why):
    """How great the risk to people is, and why."""

    risk: Risk


class AuthorityTold(Aware):
    """When the authority was told, and where late, why."""

    late: Reason = ""


class PeopleAnswered(Body):
    """That people were told, or the exemption of Art. 34(3)."""

    exemption: Reason = ""


class Draft(BaseModel):
    """A letter for a person to read and send."""

    letter: str


@router.get("")
async def listing(_here: Looking, services: Served, over: bool = False) -> list[BreachShown]:
    """List entries by number; those that are `over` too, where asked for."""
    found = await services.books.breaches.listing()
    return [_shown(one, services) for one in found if over or one.state not in OVER]


@router.get("/{number}")
async def one(number: int, _here: Looking, services: Served) -> BreachShown:
    """Return an entry."""
    return _shown(await services.books.breaches.get(number), services)


@router.get("/{number}/draft")
async def drafted(
    number: int,
    _here: Looking,
    services: Served,
    reader: Reader = Reader.AUTHORITY,
    language: Language = "en",
) -> Draft:
    """Write what the authority, people or the controller are to be told."""
    breach, books = await services.books.breaches.get(number), services.books
    settings = services.settings
    name = settings.organisation.name or settings.hostname
    return Draft(letter=draft(breach, reader, language, name, books.profile))


@router.post("", status_code=201)
async def open_entry(body: Opened, here: Officer, services: Served) -> BreachShown:
    """Open an entry for what somebody noticed."""
    number = await services.books.breaches.open(body.nature, actor=here.actor)
    return await one(number, here, services)


@router.post("/{number}/aware")
async def aware(number: int, body: Aware, here: Officer, services: Served) -> BreachShown:
    """Say that it is a breach: the 72 hours begin."""
    done = await services.books.breaches.become_aware(number, body.at, actor=here.actor)
    return _shown(done, services)


@router.post("/{number}/fill")
async def fill(number: int, body: Filled, here: Officer, services: Served) -> BreachShown:
    """Fill in fields; again, when more is known."""
    done = await services.books.breaches.fill(number, body.fields, actor=here.actor)
    return _shown(done, services)


@router.post("/{number}/assess")
async def assess(number: int, body: Assessed, here: Officer, services: Served) -> BreachShown:
    """Say how great the risk to people is, and why."""
    breaches = services.books.breaches
    done = await breaches.assess(number, body.risk, body.reason, actor=here.actor)
    return _shown(done, services)


@router.post("/{number}/told")
async def told(number: int, body: AuthorityTold, here: Officer, services: Served) -> BreachShown:
    """Say that the authority was told."""
    breaches = services.books.breaches
    done = await breaches.tell_authority(number, body.at, late=body.late, actor=here.actor)
    return _shown(done, services)


@router.post("/{number}/spare")
async def spare(number: int, body: Why, here: Officer, services: Served) -> BreachShown:
    """Say why the authority need not be told: there is no risk."""
    done = await services.books.breaches.spare_authority(number, body.reason, actor=here.actor)
    return _shown(done, services)


@router.post("/{number}/people")
async def people(number: int, body: PeopleAnswered, here: Officer, services: Served) -> BreachShown:
    """Say that those concerned were told, or why not."""
    breaches = services.books.breaches
    return _shown(await breaches.answer_people(number, body.exemption, actor=here.actor), services)


@router.post("/{number}/close")
async def close(number: int, here: Officer, services: Served) -> BreachShown:
    """End an entry; refused while anything is open."""
    return _shown(await services.books.breaches.close(number, actor=here.actor), services)


@router.post("/{number}/dismiss")
async def dismiss(number: int, body: Why, here: Officer, services: Served) -> BreachShown:
    """Say that a suspicion was none, and why."""
    done = await services.books.breaches.dismiss(number, body.reason, actor=here.actor)
    return _shown(done, services)


def _shown(one: Breach, services: Served) -> BreachShown:
    return BreachShown(
        number=one.number,
        state=one.state,
        detector=one.detector,
        fields=dict(one.fields),
        missing=list(one.missing()),
        opened_at=one.opened_at,
        aware_at=one.aware_at,
        deadline=one.deadline,
        late=one.is_red(services.clock.now()),
        risk=one.risk,
        told_at=one.told_at,
        reason=one.reason,
        over_at=one.over_at,
        occurrences=list(one.occurrences),
        timeline=[StepShown(at=s.at, actor=s.actor, what=s.what) for s in one.timeline],
    )
