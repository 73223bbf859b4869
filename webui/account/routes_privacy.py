"""What is kept of somebody, why and for how long, and what he asks for by his rights."""

from datetime import date, datetime
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import BaseModel

from mailserver.accounts.sending import FROZEN
from mailserver.accounts.wishes import is_restricted
from mailserver.model.record import RecordKind
from mailserver.privacy.centre import Asked
from mailserver.privacy.looks import Means
from mailserver.privacy.request import Right, State
from webui.account import schemas
from webui.account.sessions import Door, FreshHere, Whole
from webui.deps import Signed
from webui.state import Served

router = APIRouter(prefix="/privacy", tags=["privacy"])


class Stored(BaseModel):
    """How much of what is kept now."""

    letters: int
    octets: int
    mailboxes: int
    contacts: int
    filters: int
    forwards: int
    app_passwords: int
    sessions: int
    sign_ins: int
    woken_apps: int


class Purpose(BaseModel):
    """Something that is done with the data."""

    name: str
    basis: str
    recipients: list[str]
    longest_days: int
    """How long what ends by age is kept; 0 where nothing of it does."""
    with_account: bool
    """Whether some of it stays until its owner deletes it."""


class PrivacyShown(BaseModel):
    """What the law wants said, and live numbers."""

    organisation: str
    contact: str
    authority: str
    authority_url: str
    stored: Stored
    purposes: list[Purpose]
    sending_stopped: bool
    """Whether the server stopped this account's sending by itself: a person may be asked to look
    (GDPR Art. 22(3))."""
    restricted: bool
    """Whether the account is only kept (GDPR Art. 18)."""
    held: bool
    """Whether a law, claim or order keeps it from being erased."""
    grace_days: int
    """How long whoever wants the account erased may think again."""
    posts_certificates: bool
    """Whether the certificate of an erasure can go to an address elsewhere."""


class LookShown(BaseModel):
    """One time that somebody looked at the account."""

    means: Means
    at: datetime
    until: datetime | None
    reason: str
    exported: bool
    """Whether a copy of the mailbox was taken."""


class RequestShown(BaseModel):
    """A request, its state and until when it is answered."""

    number: int
    right: Right
    state: State
    received_at: datetime
    due: date
    reason: str
    over_at: datetime | None


class RequestBody(schemas.Body):
    """What is asked for."""

    right: Right


@router.get("")
async def about(session: Signed, services: Served, desk: Door) -> PrivacyShown:
    """Tell what is kept, why, for how long and who sees it."""
    account, account_id = session.account, session.account.account_id
    await desk.escrow.look()  # it may have been turned on beside this process
    told, counters = services.privacy.about(), await account.emails.counters()
    _, cards = await account.records.all(RecordKind.CARD)
    rules = services.rules_of(account)
    row = await desk.keyring.account(account_id)
    await desk.history.write()
    stored = Stored(
        letters=len((await account.emails.catalogue()).living()),
        octets=counters.used_octets,
        mailboxes=len(await account.mailboxes.listing()),
        contacts=len(cards),
        filters=len(await rules.scripts.listing()),
        forwards=len(await desk.forwards.listing(account_id)),
        app_passwords=len(await desk.app_passwords.listing(account_id)),
        sessions=len(await desk.web_sessions.listing(account_id)),
        sign_ins=len(await desk.history.listing(session.here.session.lease)),
        woken_apps=len(await services.push_desk.listing(account_id, account.guard, None)),
    )
    return PrivacyShown(
        organisation=told.organisation,
        contact=told.contact,
        authority=told.authority,
        authority_url=told.authority_url,
        stored=stored,
        purposes=[
            Purpose(
                name=one.name,
                basis=one.basis,
                recipients=list(one.recipients),
                longest_days=one.longest_days,
                with_account=one.with_account,
            )
            for one in told.purposes
        ],
        sending_stopped=FROZEN in row.record.policy,
        restricted=is_restricted(row.record),
        held=await services.books.erasure.is_held(account_id),
        grace_days=services.books.erasure.grace.days,
        posts_certificates=services.books.erasure.posts,
    )


@router.get("/looks")
async def looks(here: Whole, services: Served) -> list[LookShown]:
    """List who looked at the account, by which means and why, the newest first."""
    return [
        LookShown(
            means=one.means, at=one.at, until=one.until, reason=one.reason, exported=one.exported
        )
        for one in await services.books.looks_of(here.session.account_id)
    ]


@router.get("/requests")
async def requests(here: Whole, services: Served) -> list[RequestShown]:
    """List what was asked for, the newest first."""
    return [_shown(one) for one in await services.privacy.asked(here.session.account_id)]


@router.post("/requests", status_code=HTTPStatus.CREATED)
async def ask(body: RequestBody, here: FreshHere, services: Served) -> RequestShown:
    """Ask for a right; the answer comes by the day it says, by mail to this account."""
    lease = here.session.lease
    return _shown(await services.privacy.ask(lease.account_id, lease.address, body.right))


def _shown(one: Asked) -> RequestShown:
    return RequestShown(
        number=one.number,
        right=one.right,
        state=one.state,
        received_at=one.received_at,
        due=one.due,
        reason=one.reason,
        over_at=one.over_at,
    )
