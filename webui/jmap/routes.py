"""JMAP over HTTP: requests, uploads, downloads and events (RFC 8620 §3.1, §6, §7.3).

The webmail comes with its session's cookie, other programs with an app password, each on its own
site; from there on both are the same.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mailserver.model.errors import Absent, Condition
from mailserver.model.sealed import Plaintext
from webui.deps import ApiAccount, Signed, Web
from webui.jmap import blobs, limits, push
from webui.jmap.context import Context
from webui.jmap.dispatch import answered
from webui.jmap.errors import RequestError
from webui.jmap.methods import REGISTRY
from webui.jmap.request import parse
from webui.jmap.session import session_object

_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}\Z")
OPAQUE = "application/octet-stream"

Running = dict[str, int]


async def for_program(account: ApiAccount, web: Web) -> Context:
    """Return what a request with an app password may use."""
    return Context(account, web.services, session_id=None)


async def for_page(session: Signed, web: Web) -> Context:
    """Return what a request of a web session may use."""
    return Context(session.account, web.services, session.here.session.id)


@contextmanager
def counted(running: Running, key: str, most: int, limit: str) -> Iterator[None]:
    """Count one request of `key` for the length of a block. Raises RequestError (limit)."""
    if running.get(key, 0) >= most:
        raise RequestError("limit", "too many requests at once", limit=limit)
    running[key] = running.get(key, 0) + 1
    try:
        yield
    finally:
        running[key] -= 1
        if not running[key]:
            del running[key]


def json(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return `value` as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def router(signed_in: Callable[..., Awaitable[Context]]) -> APIRouter:
    """Make the routes of a site; `signed_in` finds out who asks."""
    routes = APIRouter(include_in_schema=False)
    requests: Running = {}
    listeners = push.Listeners()
    who = Depends(signed_in)

    @routes.get("/.well-known/jmap")
    @routes.get("/jmap/session")
    async def session(web: Web, context: Annotated[Context, who]) -> Response:
        return json(session_object(REGISTRY, context, web.place))

    @routes.post("/jmap")
    async def api(request: Request, web: Web, context: Annotated[Context, who]) -> Response:
        try:
            most, limit = limits.REQUESTS_AT_ONCE, "maxConcurrentRequests"
            with counted(requests, context.account_id, most, limit):
                return await _answer(request, web, context)
        except RequestError as error:
            return error.response()

    @routes.get("/jmap/events")
    async def events(
        request: Request,
        context: Annotated[Context, who],
        types: str = "*",
        closeafter: str = "no",
        ping: int = 0,
    ) -> Response:
        try:
            return await _events(request, context, listeners, (types, closeafter, ping))
        except RequestError as error:
            return error.response()

    _add_files(routes, signed_in)
    return routes


def _add_files(routes: APIRouter, signed_in: Callable[..., Awaitable[Context]]) -> None:
    """Add what takes and gives files (RFC 8620 §6)."""
    uploads: Running = {}
    who = Depends(signed_in)

    @routes.post("/jmap/upload/{account_id}")
    @routes.post("/jmap/upload/{account_id}/")
    async def upload(
        account_id: str, request: Request, context: Annotated[Context, who]
    ) -> Response:
        _check_account(account_id, context)
        try:
            most, limit = limits.UPLOADS_AT_ONCE, "maxConcurrentUpload"
            with counted(uploads, context.account_id, most, limit):
                return await _upload(request, context)
        except RequestError as error:
            return error.response()

    @routes.get("/jmap/download/{account_id}/{blob_id}/{name:path}")
    async def download(
        account_id: str,
        blob_id: str,
        name: str,
        context: Annotated[Context, who],
        type: str = OPAQUE,
    ) -> Response:
        _check_account(account_id, context)
        octets = await blobs.octets_of(context, blob_id)
        return _file(octets, name, type)


async def _answer(request: Request, web: Web, context: Context) -> Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RequestError("notJSON", "a request is application/json")
    asked = parse(await request.body())
    state = session_object(REGISTRY, context, web.place)["state"]
    return json(await answered(REGISTRY, asked, context, state))


async def _upload(request: Request, context: Context) -> Response:
    octets = await request.body()
    name = await context.account.uploads.put(Plaintext(octets))
    kind = request.headers.get("content-type", OPAQUE)
    return json(
        {
            "accountId": context.account_id,
            "blobId": blobs.of_upload(name),
            "type": kind if _TYPE.match(kind.partition(";")[0].strip()) else OPAQUE,
            "size": len(octets),
        },
        HTTPStatus.CREATED,
    )


def _file(octets: Plaintext, name: str, kind: str) -> Response:
    """Return a file that no browser shows as a page of ours, whatever is in it (WEBUI §5)."""
    clean = "".join(letter for letter in name if letter.isprintable() and letter not in '/\\"')
    return Response(
        octets.reveal(),
        headers={
            "content-type": kind if _TYPE.match(kind) else OPAQUE,
            "content-disposition": f"attachment; filename*=UTF-8''{quote(clean or 'file')}",
            "x-content-type-options": "nosniff",
        },
    )


async def _events(
    request: Request,
    context: Context,
    listeners: push.Listeners,
    asked: tuple[str, str, int],
) -> Response:
    types, close_after, ping = asked
    wanted = None if types == "*" else frozenset(types.split(","))
    account_id = context.account_id
    listeners.enter(account_id)
    told = push.Told(context.account, account_id)
    stream = push.events(
        told,
        wanted,
        push.ping_of(ping),
        last_id=request.headers.get("last-event-id"),
        once=close_after == "state",
    )

    async def until_over() -> AsyncGenerator[bytes, None]:
        try:
            async for each in stream:
                yield each
        finally:
            listeners.leave(account_id)

    return await _begun(until_over())


async def _begun(stream: AsyncGenerator[bytes, None]) -> Response:
    """Answer once a stream listens: of what changes after the answer's header it tells."""
    first = await anext(stream)

    async def whole() -> AsyncIterator[bytes]:
        async with aclosing(stream):
            yield first
            async for each in stream:
                yield each

    return StreamingResponse(whole(), media_type="text/event-stream")


def _check_account(account_id: str, context: Context) -> None:
    if account_id != context.account_id:
        raise Absent(Condition.NO_SUCH_USER, "there is no such account")


api_jmap = router(for_program)
"""JMAP for programs, by app passwords."""
web_jmap = router(for_page)
"""JMAP for the webmail, by its session."""
