"""What people asked for by their rights: received, looked into, answered or handed on in time."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from mailserver.accounts.admin_sessions import AdminHere
from mailserver.accounts.permissions import Permission
from mailserver.privacy.request import OVER, Request, Right, Source, State
from mailserver.privacy.request_texts import forwarded, refused
from webui.account.schemas import Body
from webui.admin.needs import Needs
from webui.state import Served

router = APIRouter(prefix="/requests", tags=["requests"])

Reader = Annotated[AdminHere, Depends(Needs(Permission.REQUESTS_READ))]
Officer = Annotated[AdminHere, Depends(Needs(Permission.REQUESTS_WRITE))]
Language = Literal["en", "nl", "de", "fr"]
Reason = Annotated[str, Field(max_length=4_000)]


class StepShown(BaseModel):
    """What was done, when and by whom."""

    at: datetime
    actor: str
    what: str


class RequestShown(BaseModel):
    """A request, its state and until when it is answered."""

    number: int
    right: Right
    source: Source
    who: str
    state: State
    received_at: datetime
    target: date
    due: date
    late: bool
    controller: str
    account: str
    same_as: int | None
    reason: str
    over_at: datetime | None
    erase_at: datetime | None
    certificate: str
    words: str
    timeline: list[StepShown]


class Received(Body):
    """A request that came by letter, telephone or mail."""

    right: Right
    who: Annotated[str, Field(min_length=1, max_length=500)]
    at: AwareDatetime | None = None
    controller: Annotated[str, Field(max_length=500)] = ""


class Why(Body):
    """A reason."""

    reason: Reason


class Late(Body):
    """Why it was too late, where it was."""

    late: Reason = ""


class Refusal(Why):
    """A reason, and in which language who asked is told."""

    language: Language = "en"


class HandedOn(Late):
    """In which language who asked is told."""

    language: Language = "en"


class Told(BaseModel):
    """The request, and what who asked is to be told."""

    request: RequestShown
    letter: str


@router.get("")
async def listing(_here: Reader, services: Served, over: bool = False) -> list[RequestShown]:
    """List requests by number; those that are `over` too, where asked for."""
    found = await services.books.requests.listing()
    return [_shown(one, services) for one in found if over or one.state not in OVER]


@router.get("/{number}")
async def one(number: int, _here: Reader, services: Served) -> RequestShown:
    """Return a request."""
    return _shown(await services.books.requests.get(number), services)


@router.post("", status_code=201)
async def receive(body: Received, here: Officer, services: Served) -> RequestShown:
    """Write down a request that came by another way."""
    made = await services.books.requests.receive(
        body.right,
        Source.LETTER,
        body.who,
        at=body.at,
        controller=body.controller,
        actor=here.actor,
    )
    return _shown(made, services)


@router.post("/{number}/begin")
async def begin(number: int, here: Officer, services: Served) -> RequestShown:
    """Say that it is being worked at, and that there is no doubt who asks."""
    return _shown(await services.books.requests.begin(number, actor=here.actor), services)


@router.post("/{number}/doubt")
async def doubt(number: int, body: Why, here: Officer, services: Served) -> RequestShown:
    """Stop the clock while it is in doubt who asks."""
    done = await services.books.requests.doubt(number, body.reason, actor=here.actor)
    return _shown(done, services)


@router.post("/{number}/extend")
async def extend(number: int, body: Why, here: Officer, services: Served) -> RequestShown:
    """Take two months more; the reason was told to who asks, in time."""
    done = await services.books.requests.extend(number, body.reason, actor=here.actor)
    return _shown(done, services)


@router.post("/{number}/answer")
async def answer(number: int, body: Late, here: Officer, services: Served) -> RequestShown:
    """Say that it was answered."""
    done = await services.books.requests.answer(number, late=body.late, actor=here.actor)
    return _shown(done, services)


@router.post("/{number}/refuse")
async def refuse(number: int, body: Refusal, here: Officer, services: Served) -> Told:
    """Say why nothing is done; returns what who asked is to be told."""
    done = await services.books.requests.refuse(number, body.reason, actor=here.actor)
    letter = refused(done, body.language, services.books.profile.authority)
    return Told(request=_shown(done, services), letter=letter)


@router.post("/{number}/forward")
async def forward(number: int, body: HandedOn, here: Officer, services: Served) -> Told:
    """Say that it was handed on to its controller; returns what who asked is to be told."""
    done = await services.books.requests.forward(number, late=body.late, actor=here.actor)
    return Told(request=_shown(done, services), letter=forwarded(done, body.language))


def _shown(one: Request, services: Served) -> RequestShown:
    profile, now = services.books.profile, services.clock.now()
    term = one.term(profile, now)
    return RequestShown(
        number=one.number,
        right=one.right,
        source=one.source,
        who=one.who,
        state=one.state,
        received_at=one.received_at,
        target=term.target,
        due=term.due,
        late=one.is_red(profile, now),
        controller=one.controller,
        account=one.account,
        same_as=one.first,
        reason=one.reason,
        over_at=one.over_at,
        erase_at=one.erase_at,
        certificate=one.certificate,
        words=one.words,
        timeline=[StepShown(at=s.at, actor=s.actor, what=s.what) for s in one.timeline],
    )
