"""Sessions, known devices and earlier sign-ins of an account."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from webui.account import schemas
from webui.account.cookies import drop_session, drop_trust
from webui.account.sessions import Begun, Door, Whole

router = APIRouter(tags=["sessions"])


@router.get("/sessions")
async def listing(here: Whole, desk: Door) -> list[schemas.SessionShown]:
    """List the sessions, the one used last in front."""
    return [
        schemas.SessionShown(
            id=shown.id.hex(),
            agent=shown.agent,
            peer=shown.peer,
            made_at=shown.made_at,
            seen_at=shown.seen_at,
            expires_at=shown.expires_at,
            stay=shown.stay,
            current=shown.id == here.session.id,
        )
        for shown in await desk.web_sessions.listing(here.session.account_id)
    ]


@router.delete("/sessions/{session_id}", status_code=HTTPStatus.NO_CONTENT)
async def end(session_id: schemas.Hex, here: Whole, desk: Door, answer: Response) -> None:
    """End one session, wherever it is, within five seconds."""
    ended = bytes.fromhex(session_id)
    await desk.web_sessions.end(here.session.account_id, ended)
    if ended == here.session.id:
        drop_session(answer)


@router.post("/sessions/end-others", status_code=HTTPStatus.NO_CONTENT)
async def end_others(here: Whole, desk: Door) -> None:
    """End every session but this one, and know no device any more."""
    await desk.web_sessions.end_all(here.session.account_id, but=here.session.id)


@router.post("/devices/forget", status_code=HTTPStatus.NO_CONTENT)
async def forget_devices(here: Whole, desk: Door, answer: Response) -> None:
    """Know no device any more."""
    await desk.devices.forget(here.session.account_id)
    drop_trust(answer)


@router.get("/history")
async def history(here: Begun, desk: Door) -> list[schemas.HistoryEntry]:
    """List the sign-ins of the last 90 days, newest first; a first sign-in sees them too."""
    await desk.history.write()
    return [
        schemas.HistoryEntry(
            at=each.at, what=each.what, peer=each.peer, agent=each.agent, times=each.times
        )
        for each in await desk.history.listing(here.session.lease)
    ]
