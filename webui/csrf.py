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
from webui.security import allow_reading_by
from webui.site import Place

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM_TYPES = frozenset(
    {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""}
)
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
        """Serve one request.

        Raises:
            Refused: NOT_PERMITTED, it did not come from a page of this site.
        """
        if scope["type"] in ("http", "websocket"):
            self._check(scope, Headers(scope=scope))
        await self._app(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        if "authorization" in headers:
            raise Refused(Condition.NOT_PERMITTED, "this site takes no Authorization; the API does")
        if scope["type"] == "http" and scope["method"] in SAFE:
            return
        if headers.get("origin") != self._origin(headers):
            raise Refused(Condition.NOT_PERMITTED, "only pages of this site may send this")
        if scope["type"] == "websocket":
            return  # browsers send no Sec-Fetch-Site with it everywhere
        if headers.get("sec-fetch-site") != "same-origin":
            raise Refused(Condition.NOT_PERMITTED, "only pages of this site may send this")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in _FORM_TYPES and _has_body(headers):
            raise Refused(Condition.NOT_PERMITTED, "send application/json; forms are not taken")

    def _origin(self, headers: Headers) -> str:
        """Return our origin as this request's page sees it: on loopback by any of its names."""
        host = headers.get("host", "").lower()
        return self._place.origin if host == self._place.host else f"https://{host}"


class ForPrograms:
    """The rule of the API site."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        """Stand before `app`; pages of `origins` may use it."""
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            Refused: NOT_PERMITTED, a page sent it that may not.
        """
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        _drop_cookies(scope)
        origin = headers.get("origin")
        if origin is None and "sec-fetch-site" not in headers:
            await self._app(scope, receive, send)
            return
        if origin not in self._origins:
            raise Refused(Condition.NOT_PERMITTED, "no web page may use this address")

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                allow_reading_by(MutableHeaders(raw=message["headers"]), origin)
            await send(message)

        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            await Response(None, HTTPStatus.NO_CONTENT, _PREFLIGHT)(scope, receive, sending)
            return
        await self._app(scope, receive, sending)


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _drop_cookies(scope: Scope) -> None:
    scope["headers"] = [field for field in scope["headers"] if field[0] != b"cookie"]
