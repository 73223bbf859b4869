"""The outermost layers: a line in the log for each request, and an answer whatever fails.

A line has method, route, status and time; no query, no path's variable parts, no full address
(PRIVACY §18).
"""

import time

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailserver.model.errors import MailError
from mailserver.runtime.log import get_logger
from mailserver.runtime.metrics import COUNTS
from webui.errors import incident, said
from webui.site import Site

log = get_logger("web")


class Access:
    """Writes the line."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        """Stand before `app`."""
        self._app = app
        self._site = site.value

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_at, code = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            COUNTS.http[code // 100] += 1
            client = scope.get("client")
            route = scope.get("route")
            log.info(
                "request",
                listener=self._site,
                method=scope["method"],
                where=getattr(route, "path", "-"),
                status=code,
                milliseconds=round((time.perf_counter() - began_at) * 1_000, 1),
                peer=client[0] if client else "-",
            )


class Faults:
    """Answers every error that a layer or a route raises; nothing of it leaves but its sentence."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ConnectionError:
            raise  # the peer is gone
        except ClientDisconnect as gone:
            raise ConnectionAbortedError from gone  # in the middle of its request
        except MailError as error:
            answer = said(error)
        except Exception as bug:  # noqa: BLE001 - whatever it is, the peer gets an incident
            answer = incident(bug)
        else:
            return
        if begun:
            raise ConnectionAbortedError  # half an answer went out; the connection ends
        await answer(scope, receive, send)
