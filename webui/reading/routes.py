"""All of `/api/mail`."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from mailserver.mail.account import Account
from mailserver.mail.preview_question import Kind
from mailserver.mail.previews import NoPreview, Page
from mailserver.mail.reading_room import ReadingRoom
from mailserver.mail.remote_pictures import NoPicture
from mailserver.mail.unsubscribing import Unsubscribing, Way
from mailserver.model.errors import Absent, Condition, Refused
from mailserver.model.ids import EmailId
from mailserver.model.sealed import Plaintext
from webui.account.routes import PROBLEMS
from webui.deps import Served, Signed, Web
from webui.errors import problem
from webui.jmap import blobs, ids
from webui.jmap.context import Context
from webui.reading import schemas
from webui.reading.paces import see_to

_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"description": "the picture", "content": {"image/png": {}, "image/jpeg": {}}}
}
_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "the page", "content": {"image/png": {}, "text/plain": {}}}
}
_FILE = {"content-disposition": "attachment"}  # asked for by script; nobody opens it as a page

router = APIRouter(prefix="/api/mail", responses=PROBLEMS, tags=["reading"])


def _room(services: Served) -> ReadingRoom:
    return services.reading_room


@router.get("/reading")
async def allowed(_session: Signed, services: Served) -> schemas.Allowed:
    """Say which helps the organisation allows; the app shows no button for the others."""
    room, kept = _room(services), services.settings.retention
    return schemas.Allowed(
        remote_images=room.pictures is not None,
        unsubscribe=room.unsubscribing is not None,
        previews=room.previews is not None,
        authserv_id=room.authserv_id,
        trash_days=kept.trash_days,
        junk_days=kept.junk_days,
    )


@router.post("/remote-image", responses=_PICTURE, response_class=Response)
async def remote_image(
    body: schemas.ImageWanted, session: Signed, services: Served, web: Web
) -> Response:
    """Fetch a picture that an email names elsewhere; its sender may learn that it was opened.

    A 422 says in `reason` why there is none: not_in_message, bad_url, forbidden_address,
    unreachable, untrusted, too_large, declined, not_a_picture.
    """
    pictures = _room(services).pictures
    if pictures is None:
        raise _not_here("remote pictures")
    see_to(web.paces.pictures, session.account)
    try:
        picture = await pictures.get(session.account, _email(body.email_id), body.url)
    except NoPicture as none:
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, none.text, reason=none.why.value)
    return Response(picture.octets, headers=_FILE, media_type=picture.type)


@router.get("/unsubscribe/{email_id}")
async def offer(email_id: schemas.EmailName, session: Signed, services: Served) -> schemas.Offer:
    """Say how to leave the list that an email came by; nobody is asked for that."""
    lists = _lists(services)
    return schemas.Offer.of(lists.offer(await _message(session.account, email_id)))


@router.post("/unsubscribe")
async def leave(body: schemas.Leaving, session: Signed, services: Served, web: Web) -> schemas.Left:
    """Leave a list, by one POST or by a letter; only where a signature that holds covers the way.

    The result says what became of it; `declined`, `unreachable` and `unsigned` are no failures of
    the request.
    """
    lists = _lists(services)
    see_to(web.paces.lists, session.account)
    message = await _message(session.account, body.email_id)
    if body.by is Way.ONE_CLICK:
        return schemas.Left(result=await lists.post(message))
    submitter = session.account.submitter
    return schemas.Left(result=await lists.write(message, submitter, services.submission))


@router.get("/preview/{blob_id}", responses=_PAGE, response_class=Response)
async def preview(
    blob_id: schemas.BlobName,
    session: Signed,
    services: Served,
    web: Web,
    page: Annotated[schemas.PageNumber, Query()] = 1,
    type: Annotated[schemas.MediaType, Query()] = "",
    charset: Annotated[schemas.Charset, Query()] = "",
) -> Response:
    """Show a page of an attachment as a picture or text; `x-preview-pages` says how many there are.

    A 422 says in `reason` why it cannot: unsupported, too_large, encrypted, damaged, too_complex,
    no_such_page.
    """
    previews = _room(services).previews
    if previews is None:
        raise _not_here("previews")
    see_to(web.paces.pages, session.account)
    octets = await blobs.octets_of(
        Context(session.account, services, session.here.session.id), blob_id
    )
    try:
        shown = await previews.page(octets, page, type=type, charset=charset)
    except NoPreview as none:
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, none.text, reason=none.no.value)
    return _shown(shown)


def _shown(page: Page) -> Response:
    fields = {
        "x-preview-kind": page.kind.value,
        "x-preview-page": str(page.number),
        "x-preview-pages": str(page.pages),
    }
    kind = "text/plain; charset=utf-8" if page.kind is Kind.TEXT else "image/png"
    return Response(page.octets.reveal(), headers={**_FILE, **fields}, media_type=kind)


def _lists(services: Served) -> Unsubscribing:
    lists = _room(services).unsubscribing
    if lists is None:
        raise _not_here("leaving lists")
    return lists


async def _message(account: Account, email_id: str) -> Plaintext:
    return await account.emails.content(_email(email_id))


def _email(email_id: str) -> EmailId:
    number = ids.email(email_id)
    if number is None:
        raise Absent(Condition.NO_SUCH_MESSAGE, "there is no such message")
    return number


def _not_here(what: str) -> Refused:
    return Refused(Condition.NOT_PERMITTED, f"{what} are turned off here")
