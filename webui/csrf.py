"""Which requests of a browser count: those that a page of the same site sent, and no other's.

On a site with cookies a request that changes something proves its page by `Sec-Fetch-Site`, by
`Origin` and by a type that no form can send; its session's token is looked at where the session is
(`webui.deps`). `Authorization` is refused there. On the API site it is the other way round: cookies
are not looked at, and a request that a browser sent for a page is refused unless the page's origin
is in `api.origins`.

Source: PRIVACY §6 (CSRF), WEBUI §5; Fetch metadata; Fetch standard (CORS protocol).
"""

from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailserver.model.errors import Condition, Refused
from webui.errors import said
from webui.security import allow_reading_by
from webui.site import Place

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM_TYPES = frozenset(
    {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""}
)
_SCHEMES = ('Basic realm="Zegel", charset="UTF-8"', 'Bearer realm="Zegel"')
_PREFLIGHT = {
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "Authorization, Content-Type",
    "access-control-max-age": "600",
}


class SameSite:
    """The rule of sites with cookies."""

    def __init__(self, app: ASGIApp, place: Place) -> None:
        """Stand before `app`, which is found at `place`."""
        self._app = app
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or say that it did not come from a page of this site."""
        if scope["type"] in ("http", "websocket"):
            try:
                self._check(scope, Headers(scope=scope))
            except Refused as refusal:
                await said(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        if "authorization" in headers:
            raise Refused(Condition.NOT_PERMITTED, "this site takes no Authorization; the API does")
        if scope["type"] == "http" and scope["method"] in SAFE:
            return
        if headers.get("origin") != origin_of(self._place, headers):
            raise Refused(Condition.NOT_PERMITTED, "only pages of this site may send this")
        if scope["type"] == "websocket":
            return  # browsers send no Sec-Fetch-Site with it everywhere
        if headers.get("sec-fetch-site") != "same-origin":
            raise Refused(Condition.NOT_PERMITTED, "only pages of this site may send this")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in _FORM_TYPES and _has_body(headers):
            raise Refused(Condition.NOT_PERMITTED, "send application/json; forms are not taken")


class ForPrograms:
    """The rule of the API site."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        """Stand before `app`; pages of `origins` may use it."""
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or say that the page which sent it may not."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        _drop(scope, b"cookie")
        origin = headers.get("origin")
        from_page = origin is not None or "sec-fetch-site" in headers
        if from_page and origin not in self._origins:
            refusal = Refused(Condition.NOT_PERMITTED, "no web page may use this address")
            await said(refusal)(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                fields = MutableHeaders(raw=message["headers"])
                if origin is not None:
                    allow_reading_by(fields, origin)
                if message["status"] == HTTPStatus.UNAUTHORIZED:
                    for scheme in _SCHEMES:
                        fields.append("www-authenticate", scheme)
            await send(message)

        if from_page and scope["type"] == "http" and scope["method"] == "OPTIONS":
            await Response(None, HTTPStatus.NO_CONTENT, _PREFLIGHT)(scope, receive, sending)
            return
        await self._app(scope, receive, sending)


class Anonymous:
    """The rule of public sites: nobody signs in, and what programs send along is not looked at.

    Outlook sends the account's password with its first question.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] in ("http", "websocket"):
            _drop(scope, b"cookie", b"authorization")
        await self._app(scope, receive, send)


def origin_of(place: Place, headers: Headers) -> str:
    """Return our origin as a request's page sees it: on loopback by any of its names."""
    host = headers.get("host", "").lower()
    return place.origin if host == place.host else f"https://{host}"


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _drop(scope: Scope, *names: bytes) -> None:
    scope["headers"] = [field for field in scope["headers"] if field[0] not in names]
