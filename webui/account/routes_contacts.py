"""Contacts as files: what a vCard file holds, and all cards as one."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from mailserver.mail.contacts import read_cards, written_cards
from mailserver.model.sealed import Plaintext
from webui.deps import Served, Signed

router = APIRouter(prefix="/contacts", tags=["contacts"])
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "every card, as vCard 4.0", "content": {"text/vcard": {}}}
}
_TAKES = {
    "requestBody": {
        "required": True,
        "content": {"text/vcard": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class Cards(BaseModel):
    """What a file holds; nothing of it is kept until the app makes cards of it by JMAP."""

    cards: list[dict[str, Any]]
    """RFC 9553 objects without `@type`, `version` and address books."""
    unread: int
    """Cards that said nothing of anybody, or had no end."""
    too_many: int
    """Cards beyond those that are read of one file."""
    pictures: int
    """Cards whose picture is left out."""


@router.post("/read", openapi_extra=_TAKES)
async def read(request: Request, _session: Signed, services: Served) -> Cards:
    """Read a file of vCards 2.1, 3.0 or 4.0, sent as it is with `content-type: text/vcard`."""
    told = await read_cards(Plaintext(await request.body()), services.offload)
    return Cards(
        cards=told.cards, unread=told.unread, too_many=told.too_many, pictures=told.pictures
    )


@router.get("/file", responses=_FILE, response_class=Response)
async def file(session: Signed, services: Served) -> Response:
    """Return every card in one file, to save."""
    written = await written_cards(session.account, services.offload)
    fields = {
        "content-disposition": 'attachment; filename="contacts.vcf"',
        "content-security-policy": "sandbox",
    }
    return Response(written.reveal(), headers=fields, media_type="text/vcard")
