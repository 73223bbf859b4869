"""Everything of an account in one file, made in the background and fetched by its owner."""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mailserver.transfer.exports import Export, Fetching, Progress
from webui.deps import Fresh, Signed
from webui.state import Served

router = APIRouter(prefix="/privacy/exports", tags=["privacy"])

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})\Z")


class ExportShown(BaseModel):
    """An export: how far it is, and until when it can be fetched."""

    name: str
    progress: Progress
    began_at: datetime
    expires_at: datetime
    messages: int
    done: int
    octets: int


@router.get("")
async def exports(session: Signed, services: Served) -> list[ExportShown]:
    """List the exports, the newest first; one that waited for its owner goes on."""
    lease = session.here.session.lease
    return [_shown(one) for one in await services.exports.listing(session.account, lease)]


@router.post("", status_code=HTTPStatus.CREATED)
async def begin(session: Fresh, services: Served) -> ExportShown:
    """Begin an export of everything; those before it go."""
    lease = session.here.session.lease
    return _shown(await services.exports.begin(session.account, lease))


@router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT)
async def remove(name: str, session: Signed, services: Served) -> None:
    """Delete an export; no copy of it opens any more."""
    await services.exports.remove(session.account.account_id, name)


@router.get("/{name}/file", response_class=Response)
async def fetch(name: str, request: Request, session: Fresh, services: Served) -> Response:
    """Return the file, or the part of it that Range asks for. Source: RFC 9110 §14."""
    found = await services.exports.fetch(session.account, name)
    headers = {
        "Content-Disposition": f'attachment; filename="zegel-{found.began_at:%Y-%m-%d}.zip"',
        "Content-Security-Policy": "sandbox",
        "Accept-Ranges": "bytes",
        "ETag": f'"{name}"',
    }
    if_range = request.headers.get("if-range", headers["ETag"])
    wanted = request.headers.get("range") if if_range == headers["ETag"] else None
    start, end, status = 0, found.octets, HTTPStatus.OK
    if wanted is not None and (part := _part(wanted, found.octets)) is not None:
        start, end = part
        if start >= end:
            headers["Content-Range"] = f"bytes */{found.octets}"
            return Response(None, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.octets}"
        status = HTTPStatus.PARTIAL_CONTENT
    headers["Content-Length"] = str(end - start)
    return StreamingResponse(_octets(found, start, end), status, headers, "application/zip")


async def _octets(found: Fetching, start: int, end: int) -> AsyncIterator[bytes]:
    async for part in found.read(start, end):
        yield part


def _part(wanted: str, octets: int) -> tuple[int, int] | None:
    """Return from where to before where; None for what is no single range: then all is sent."""
    said = _RANGE.match(wanted)
    if said is None or said.groups() == ("", ""):
        return None
    first, last = said.groups()
    if not first:
        return max(octets - int(last), 0), octets
    return int(first), min(int(last) + 1, octets) if last else octets


def _shown(one: Export) -> ExportShown:
    return ExportShown(
        name=one.name,
        progress=one.progress,
        began_at=one.began_at,
        expires_at=one.expires_at,
        messages=one.messages,
        done=one.done,
        octets=one.octets,
    )
