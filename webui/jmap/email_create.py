"""An Email object as a client describes it → a message (RFC 8621 §4.6).

The body comes as one tree (`bodyStructure`), or as text, HTML and attachments, of which the tree is
made here. Parts have their content from `bodyValues` or from blobs.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from mailserver.model.errors import Absent, PeerFault
from mailserver.model.sealed import Plaintext
from mailserver.protocol.mime import fields
from mailserver.protocol.mime.compose import DEPTH, Outline, compose
from mailserver.protocol.smtp.trace import date_time
from webui.jmap import header_forms
from webui.jmap.errors import SetError
from webui.jmap.setting import wrong

Blob = Callable[[str], Awaitable[Plaintext]]
"""Returns the octets behind a blob id, or raises Absent."""

_SERVERS = ("id", "blobId", "threadId", "size", "hasAttachment", "preview", "headers")
_BODIES = ("bodyStructure", "textBody", "htmlBody", "attachments", "bodyValues")
_OTHERS = ("mailboxIds", "keywords", "receivedAt")
_PART = frozenset(
    {"partId", "blobId", "size", "name", "type", "charset", "disposition", "cid"}
    | {"language", "location", "subParts", "headers"}
)
_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}\Z")
_ORDER = ("date", "from", "sender", "reply-to", "to", "cc", "bcc", "subject", "message-id")


async def message_of(email: Mapping[str, Any], blob: Blob, *, domain: str) -> Plaintext:
    """Compose the message that `email` describes; `domain` is its Message-ID's.

    Raises:
        SetError: invalidProperties; blobNotFound.
    """
    for name in email:
        if name in _SERVERS:
            raise wrong(name, "the server sets this")
        if name not in _BODIES and name not in _OTHERS and not header_forms.is_header(name):
            raise wrong(name, "there is no such property")
    header = header_forms.written(email)
    if not header.get("date"):
        header["date"] = [fields.raw("Date", date_time(datetime.now(UTC)))]
    if not header.get("message-id"):
        made = f"{secrets.token_hex(16)}@{domain}"
        header["message-id"] = [fields.message_ids("Message-ID", [made])]
    body = await _Bodies(email, blob).outline()
    ordered = sorted(header, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    lines = [line for name in ordered for line in header[name]]
    try:
        return Plaintext(compose(lines, body))
    except PeerFault as error:
        raise wrong("bodyStructure", error.text) from None


class _Bodies:
    """The parts of one email to be."""

    def __init__(self, email: Mapping[str, Any], blob: Blob) -> None:
        self._email = email
        self._blob = blob
        self._missing: list[str] = []
        self._values = _values(email.get("bodyValues"))

    async def outline(self) -> Outline:
        email = self._email
        if email.get("bodyStructure") is not None:
            for name in ("textBody", "htmlBody", "attachments"):
                if email.get(name) is not None:
                    raise wrong(name, "the body is given by bodyStructure already")
            made = await self._part("bodyStructure", email["bodyStructure"], 1)
        else:
            made = await self._assembled()
        if self._missing:
            raise SetError("blobNotFound", notFound=self._missing)
        return made

    async def _assembled(self) -> Outline:
        """Make the tree of text, HTML and attachments (RFC 8621 §4.6)."""
        text = await self._alone("textBody", "text/plain")
        html = await self._alone("htmlBody", "text/html")
        listed = self._email.get("attachments") or []
        if not isinstance(listed, list):
            raise wrong("attachments", "this is a list of parts")
        attached = [await self._part("attachments", each, 1) for each in listed]
        inline = [each for each in attached if each.cid and each.disposition == "inline"]
        if html is not None and inline:
            attached = [each for each in attached if each not in inline]
            html = Outline("multipart/related", parts=[html, *inline])
        shown = [each for each in (text, html) if each is not None]
        if len(shown) == 2:
            shown = [Outline("multipart/alternative", parts=shown)]
        whole = [*shown, *attached]
        if not whole:
            return Outline("text/plain", charset="utf-8")
        if len(whole) == 1 and shown:
            return whole[0]
        return Outline("multipart/mixed", parts=whole)

    async def _alone(self, name: str, kind: str) -> Outline | None:
        listed = self._email.get(name)
        if listed is None:
            return None
        if not isinstance(listed, list) or len(listed) != 1:
            raise wrong(name, "this is a list of one part")
        made = await self._part(name, listed[0], 1, kind)
        if made.type != kind:
            raise wrong(name, f"the part is {kind}")
        return made

    async def _part(self, name: str, given: Any, depth: int, kind: str = "text/plain") -> Outline:
        if not isinstance(given, dict):
            raise wrong(name, "a part is an object")
        if depth > DEPTH:
            raise wrong(name, "the parts are too deep")
        for key in given:
            if key not in _PART and not key.startswith("header:"):
                raise wrong(f"{name}/{key}", "a part has no such property")
        if given.get("headers") is not None:
            raise wrong(f"{name}/headers", "give each field as header:…")
        header = header_forms.written(given, of_part=True)
        lines = [line for each in header.values() for line in each]
        said = self._type(name, given, header, kind)
        if said.startswith("multipart/"):
            inner = given.get("subParts") or []
            if not isinstance(inner, list) or given.get("partId") or given.get("blobId"):
                raise wrong(f"{name}/subParts", "a multipart has parts and no content")
            parts = [await self._part(name, each, depth + 1) for each in inner]
            return Outline(said, parts=parts, header=lines)
        if given.get("subParts"):
            raise wrong(f"{name}/subParts", "only a multipart has parts")
        content, charset = await self._content(name, given, said)
        return Outline(
            said,
            content,
            charset=charset,
            name=_text(name, given, "name"),
            disposition=_disposition(name, given),
            cid=_cid(name, given),
            language=_languages(name, given),
            location=_text(name, given, "location"),
            header=lines,
        )

    def _type(
        self, name: str, given: Mapping[str, Any], header: Mapping[str, Any], kind: str
    ) -> str:
        for field in ("content-type", "content-disposition", "content-id"):
            if field in header:
                raise wrong(name, f"give {field} by its own property")
        said = given.get("type") or ("multipart/mixed" if given.get("subParts") else kind)
        if not isinstance(said, str) or not _TYPE.match(said):
            raise wrong(f"{name}/type", "this is not a media type")
        return said.lower()

    async def _content(
        self, name: str, given: Mapping[str, Any], said: str
    ) -> tuple[bytes, str | None]:
        part_id, blob_id = given.get("partId"), given.get("blobId")
        if (part_id is None) == (blob_id is None):
            raise wrong(f"{name}/partId", "a part has a partId or a blobId")
        charset = _text(name, given, "charset")
        if part_id is not None:
            if charset is not None:
                raise wrong(f"{name}/charset", "the server chooses it")
            if given.get("size") is not None:
                raise wrong(f"{name}/size", "the server counts")
            if not isinstance(part_id, str) or part_id not in self._values:
                raise wrong(f"{name}/partId", "bodyValues has no such part")
            if not said.startswith("text/"):
                raise wrong(f"{name}/type", "bodyValues hold text")
            return self._values[part_id], "utf-8"
        try:
            octets = (await self._blob(str(blob_id))).reveal()
        except Absent:
            self._missing.append(str(blob_id))
            return b"", None
        size = given.get("size")
        if size is not None and size != len(octets):
            raise wrong(f"{name}/size", "the blob has another size")
        return octets, charset


def _values(given: Any) -> dict[str, bytes]:
    if given is None:
        return {}
    found: dict[str, bytes] = {}
    if not isinstance(given, dict):
        raise wrong("bodyValues", "this is an object")
    for part_id, value in given.items():
        if not isinstance(value, dict) or not isinstance(value.get("value"), str):
            raise wrong("bodyValues", "each has a value")
        if value.get("isEncodingProblem") or value.get("isTruncated"):
            raise wrong("bodyValues", "a message is not made of what was cut")
        if not value.keys() <= {"value", "isEncodingProblem", "isTruncated"}:
            raise wrong("bodyValues", "each has a value")
        try:
            found[part_id] = value["value"].encode()
        except UnicodeEncodeError:
            raise wrong("bodyValues", "this is not a text") from None
    return found


def _text(where: str, given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise wrong(f"{where}/{name}", "this is a text")
    return value or None


def _disposition(where: str, given: Mapping[str, Any]) -> str | None:
    value = _text(where, given, "disposition")
    if value is not None and not re.fullmatch(r"[A-Za-z0-9-]{1,40}", value):
        raise wrong(f"{where}/disposition", "this is not a disposition")
    if value is None and where == "attachments":
        return "attachment"
    return None if value is None else value.lower()


def _cid(where: str, given: Mapping[str, Any]) -> str | None:
    value = _text(where, given, "cid")
    if value is not None and not re.fullmatch(r"[^\s<>\x00-\x1f\x7f]{1,250}", value):
        raise wrong(f"{where}/cid", "this is not a content id")
    return value


def _languages(where: str, given: Mapping[str, Any]) -> list[str]:
    value = given.get("language")
    if value is None:
        return []
    plain = isinstance(value, list) and all(
        isinstance(each, str) and re.fullmatch(r"[A-Za-z0-9-]{1,40}", each) for each in value
    )
    if not plain:
        raise wrong(f"{where}/language", "this is a list of language tags")
    return list(value)
