"""What somebody agreed to, each with its day and text, taken back as easily as it was given."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from mailserver.audit.entry import account_actor
from mailserver.model.errors import Absent, Condition, Conflict
from mailserver.privacy.consent import EVERYTHING, Channel, Person, Text
from mailserver.privacy.consent_view import Stand, Standing
from webui.account import schemas
from webui.account.sessions import Whole
from webui.deps import Served
from webui.services import Services

router = APIRouter(prefix="/privacy/consents", tags=["privacy"])

Language = Annotated[Literal["en", "nl", "de", "fr"], Query()]
Purpose = Annotated[str, Path(max_length=40, description="`*`: all marketing (GDPR Art. 21(2))")]


class TextShown(BaseModel):
    """A text, as it was or is asked."""

    number: int
    version: str
    language: str
    body: str
    sha256: str


class ConsentShown(BaseModel):
    """A purpose, and how its consent stands."""

    purpose: str
    stand: Stand
    since: datetime | None
    agreed: TextShown | None
    question: TextShown | None
    as_customer: bool
    """Whether letters about similar products may come without a yes."""


class ConsentBody(schemas.Body):
    """A yes or a no."""

    given: bool
    text: int = Field(default=0, ge=0)
    """The text that was read, with a yes."""


@router.get("")
async def consents(here: Whole, services: Served, language: Language = "en") -> list[ConsentShown]:
    """List what is asked for and what was answered."""
    return await _listed(here, services, language)


@router.post("/{purpose}")
async def answer(
    purpose: Purpose,
    body: ConsentBody,
    here: Whole,
    services: Served,
    language: Language = "en",
) -> list[ConsentShown]:
    """Say yes to the text that was read, or no; it counts at once. Return all as they stand then.

    The session shows whose yes it is: no letter has to prove it.
    """
    account_id = here.session.account_id
    person = Person(here.session.lease.address, account_id.hex())
    ledger, by = services.consents.consents, account_actor(account_id)
    if not body.given and purpose == EVERYTHING:
        await ledger.object_to_all(person, Channel.ACCOUNT, by=by)
    elif not body.given:
        await _known(services, here, purpose)
        await ledger.withdraw(person, purpose, Channel.ACCOUNT, by=by)
    else:
        text = await ledger.texts.get(body.text)
        current = await ledger.texts.current(purpose, text.language)
        if text != current:  # it was replaced while it was read, or is another purpose's
            raise Conflict(Condition.CHANGED_MEANWHILE, "this text is not what is asked now")
        await ledger.give(person, text, Channel.ACCOUNT, by, "")
    return await _listed(here, services, language)


async def _known(services: Services, here: Whole, purpose: str) -> None:
    """See that there is something to say no to; nobody fills the ledger with names of his own."""
    known = await services.consents.views.standings(here.session.account_id, "en")
    if purpose not in [one.purpose for one in known]:
        raise Absent(Condition.NO_SUCH_MESSAGE, "nothing of this name is asked for")


async def _listed(here: Whole, services: Services, language: str) -> list[ConsentShown]:
    found = await services.consents.views.standings(here.session.account_id, language)
    return [_shown(one) for one in found]


def _shown(one: Standing) -> ConsentShown:
    return ConsentShown(
        purpose=one.purpose,
        stand=one.stand,
        since=one.since,
        agreed=_text(one.agreed),
        question=_text(one.question),
        as_customer=one.as_customer,
    )


def _text(text: Text | None) -> TextShown | None:
    if text is None:
        return None
    return TextShown(
        number=text.number,
        version=text.version,
        language=text.language,
        body=text.body,
        sha256=text.sha256.hex(),
    )
