"""In which language the server writes to an account's owner."""

from http import HTTPStatus

from fastapi import APIRouter

from webui.account import schemas
from webui.account.sessions import Door, Whole

router = APIRouter(tags=["language"])


@router.get("/language")
async def language(here: Whole, desk: Door) -> schemas.LanguageBody:
    """Say which it is: of notices, of reports on mail that failed, of why a message is in Junk."""
    return schemas.LanguageBody(language=await desk.languages.of(here.session.account_id))


@router.put("/language", status_code=HTTPStatus.NO_CONTENT)
async def speak(body: schemas.LanguageBody, here: Whole, desk: Door) -> None:
    """Write in this one from now on."""
    await desk.languages.speak(here.session.account_id, body.language)
