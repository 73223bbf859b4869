"""Blobs: their octets within a request, and what refers to them (RFC 9404)."""

import base64
import hashlib
from typing import Any

import msgspec

from mailserver.model.errors import Absent
from mailserver.model.sealed import Plaintext
from webui.jmap import blobs, ids, limits
from webui.jmap.context import Context
from webui.jmap.errors import MethodError, SetError, invalid
from webui.jmap.getting import wanted
from webui.jmap.registry import Capability, Method, Module, OfAccount, Properties, Taken
from webui.jmap.setting import Outcomes, refusal, wrong

DIGESTS = {"sha": hashlib.sha1, "sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
DATA = ("data", "data:asText", "data:asBase64")
SOURCES = 64
BLOB = Capability(
    "urn:ietf:params:jmap:blob",
    account=lambda _context: {
        "maxSizeBlobSet": limits.BLOB_OCTETS,
        "maxDataSources": SOURCES,
        "supportedTypeNames": ["Email", "Mailbox", "Thread"],
        "supportedDigestAlgorithms": list(DIGESTS),
    },
)


class BlobGet(OfAccount):
    """The arguments of Blob/get."""

    ids: list[str]
    properties: list[str] | None = None
    offset: int | None = None
    length: int | None = None


class BlobLookup(OfAccount):
    """The arguments of Blob/lookup."""

    type_names: list[str]
    ids: list[str]


class Source(Taken):
    """One piece of a blob that is made of pieces."""

    text: str | None = msgspec.field(default=None, name="data:asText")
    base64: str | None = msgspec.field(default=None, name="data:asBase64")
    blob_id: str | None = None
    offset: int | None = None
    length: int | None = None


class Upload(Taken):
    """A blob to be made."""

    data: list[Source]
    type: str | None = None


class BlobUpload(OfAccount):
    """The arguments of Blob/upload."""

    create: dict[str, dict[str, Any]]


async def _get(context: Context, arguments: BlobGet) -> Properties:
    names = ["id", *(arguments.properties or ["data", "size"])]
    for name in names[1:]:
        digest = name.startswith("digest:") and name.removeprefix("digest:") in DIGESTS
        if name not in (*DATA, "size", "id") and not digest:
            raise invalid(f"there is no property {name[:100]}")
    start, length = arguments.offset or 0, arguments.length
    if start < 0 or (length is not None and length < 0):
        raise invalid("offset and length are not below 0")
    listed: list[Properties] = []
    missing: list[str] = []
    given = 0
    for blob_id in wanted(arguments.ids):
        try:
            whole = (await blobs.octets_of(context, blob_id)).reveal()
        except Absent:
            missing.append(blob_id)
            continue
        end = len(whole) if length is None else start + length
        given += min(len(whole), end) - start
        if given > limits.REQUEST_OCTETS:
            raise MethodError("requestTooLarge")
        listed.append(_shown(blob_id, whole, start, end, names))
    return {"accountId": context.account_id, "list": listed, "notFound": missing}


def _shown(blob_id: str, whole: bytes, start: int, end: int, names: list[str]) -> Properties:
    octets = whole[start:end]
    shown: Properties = {"id": blob_id}
    if end > len(whole) or start > len(whole):
        shown["isTruncated"] = True
    for name in names:
        if name == "size":
            shown["size"] = len(whole)
        elif name.startswith("digest:"):
            digest = DIGESTS[name.removeprefix("digest:")](octets).digest()
            shown[name] = base64.b64encode(digest).decode()
        elif name in DATA:
            shown |= _data(octets, name)
    return shown


def _data(octets: bytes, name: str) -> Properties:
    encoded = base64.b64encode(octets).decode()
    if name == "data:asBase64":
        return {name: encoded}
    try:
        return {"data:asText": octets.decode()}
    except UnicodeDecodeError:
        if name == "data:asText":
            return {"data:asText": None, "isEncodingProblem": True}
        return {"data:asBase64": encoded, "isEncodingProblem": True}


async def _lookup(context: Context, arguments: BlobLookup) -> Properties:
    unknown = sorted(set(arguments.type_names) - {"Email", "Mailbox", "Thread"})
    if unknown:
        raise MethodError("unknownDataType", f"blobs are in no {unknown[0][:100]}")
    listed, missing = [], []
    for blob_id in wanted(arguments.ids):
        number = blobs.email_of(blob_id)
        matched: dict[str, list[str]] = {name: [] for name in arguments.type_names}
        known = number is None and await _is_there(context, blob_id)
        if number is not None:
            async for email in context.account.emails.get([number]):
                known = True
                all_of = {
                    "Email": [ids.of_email(email.id)],
                    "Thread": [ids.of_thread(email.thread_id)],
                    "Mailbox": [ids.of_mailbox(each) for each in sorted(email.mailboxes)],
                }
                matched = {name: all_of[name] for name in arguments.type_names}
        if known:
            listed.append({"id": blob_id, "matchedIds": matched})
        else:
            missing.append(blob_id)
    return {"accountId": context.account_id, "list": listed, "notFound": missing}


async def _is_there(context: Context, blob_id: str) -> bool:
    try:
        await blobs.octets_of(context, blob_id)
    except Absent:
        return False
    return True


async def _upload(context: Context, arguments: BlobUpload) -> Properties:
    if len(arguments.create) > limits.OBJECTS_IN_SET:
        raise MethodError("requestTooLarge")
    outcomes = Outcomes()
    for creation, given in arguments.create.items():
        try:
            upload = msgspec.convert(given, Upload)
            octets = await _joined(context, upload.data)
            name = blobs.of_upload(await context.account.uploads.put(Plaintext(octets)))
        except msgspec.ValidationError as error:
            outcomes.not_created[creation] = SetError("invalidProperties", str(error))
            continue
        except SetError as error:
            outcomes.not_created[creation] = refusal(error)
            continue
        context.created_ids[creation] = name
        outcomes.created[creation] = {"id": name, "type": upload.type, "size": len(octets)}
    refused = {key: error.members for key, error in outcomes.not_created.items()}
    return {
        "accountId": context.account_id,
        "created": outcomes.created or None,
        "notCreated": refused or None,
    }


async def _joined(context: Context, sources: list[Source]) -> bytes:
    if len(sources) > SOURCES:
        raise SetError("invalidProperties", "too many pieces", properties=["data"])
    joined = bytearray()
    for source in sources:
        joined += await _piece(context, source)
        if len(joined) > limits.BLOB_OCTETS:
            raise SetError("tooLarge")
    return bytes(joined)


async def _piece(context: Context, source: Source) -> bytes:
    kinds = [each for each in (source.text, source.base64, source.blob_id) if each is not None]
    if len(kinds) != 1:
        raise wrong("data", "each piece is a text, base64 or a blob")
    if source.text is not None:
        return source.text.encode("utf-8", "replace")
    if source.base64 is not None:
        try:
            return base64.b64decode(source.base64, validate=True)
        except ValueError:
            raise wrong("data", "this is not base64") from None
    try:
        whole = await blobs.octets_of(context, context.real_id(source.blob_id or ""))
    except Absent:
        raise SetError("blobNotFound", notFound=[source.blob_id]) from None
    start = source.offset or 0
    end = len(whole) if source.length is None else start + source.length
    if not 0 <= start <= end <= len(whole):
        raise wrong("data", "the blob is shorter")
    return whole.reveal()[start:end]


MODULE = Module(
    BLOB,
    (
        Method("Blob/get", BlobGet, _get),
        Method("Blob/lookup", BlobLookup, _lookup),
        Method("Blob/upload", BlobUpload, _upload),
    ),
)
