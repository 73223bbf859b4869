"""Bounds on one request: how large its body is, how long it and its answer may take.

No route reads a body that nobody bounded; those that take larger ones are named in `webui.app`.
Bodies count against what all connections together may have in flight. Once an answer has begun it
may go on for hours, as push channels do, as long as its peer reads.
"""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailserver.model.errors import Condition, Transient
from mailserver.runtime.limits import Budget, stranger
from mailserver.runtime.settings import Settings
from webui.errors import BodyTooLarge

SLOWEST_OCTETS = (
    16 * 1024
)  # a second: a body that comes slower than this holds its place for naught


class Body(NamedTuple):
    """How large a body may be, and what is said of one that is larger."""

    octets: int
    said: Mapping[str, str] = MappingProxyType({})
    """Further members of the problem details."""


class Bounds:
    """Refuses a body that is too large before it is read, and ends what takes too long."""

    def __init__(
        self, app: ASGIApp, settings: Settings, budget: Budget, bodies: Mapping[str, Body]
    ) -> None:
        """Stand before `app`.

        Args:
            app: what is bounded.
            settings: the bounds.
            budget: octets in flight.
            bodies: the largest body by the begin of the path; the longest that fits counts.
        """
        self._app = app
        self._web = settings.web
        self._budget = budget
        self._bodies = sorted(bodies.items(), key=lambda each: -len(each[0]))

    def _bound(self, path: str) -> Body:
        for begin, body in self._bodies:
            if path.startswith(begin):
                return body
        return Body(self._web.body_octets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            BodyTooLarge: it is.
            Transient: BUSY, too much is being received, or the answer was not there in time.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        peer = stranger(scope["client"][0]) if scope.get("client") else ""
        body = _Body(self._bound(scope["path"]), self._budget, receive, peer)
        seconds = float(self._web.request_seconds)
        stall = float(self._web.stall_seconds)
        begun = False

        async def receiving() -> Message:
            message = await body.receive()
            if not begun and message["type"] == "http.request":
                more = len(message.get("body", b"")) / SLOWEST_OCTETS
                until = deadline.when()
                deadline.reschedule(None if until is None else until + more)
            return message

        async def sending(message: Message) -> None:
            nonlocal begun
            if not begun:
                begun = True
                deadline.reschedule(None)
            async with asyncio.timeout(stall):
                await send(message)

        try:
            body.announced(Headers(scope=scope).get("content-length"))
            async with asyncio.timeout(seconds) as deadline:
                await self._app(scope, receiving, sending)
        except TimeoutError:
            if begun:
                raise ConnectionAbortedError from None  # the peer does not read
            if not deadline.expired():
                raise  # the route's own
            raise Transient(Condition.BUSY, "the server was too slow; try again later") from None
        finally:
            body.close()


class _Body:
    """The body of one request as it comes."""

    def __init__(self, bound: Body, budget: Budget, receive: Receive, peer: str) -> None:
        self._bound = bound
        self._budget = budget
        self._receive = receive
        self._peer = peer
        self._came = 0
        self._held = 0

    def announced(self, length: str | None) -> None:
        """Refuse what says itself that it is too large."""
        if length is not None and length.isdecimal():
            self._see_to(int(length))

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._came += len(message.get("body", b""))
            self._see_to(self._came)
        return message

    def _see_to(self, octets: int) -> None:
        if octets > self._bound.octets:
            raise BodyTooLarge(self._bound.octets, self._bound.said)
        if octets > self._held:
            if not self._budget.try_reserve(octets - self._held, self._peer):
                raise Transient(Condition.BUSY, "too much is being received at once, try later")
            self._held = octets

    def close(self) -> None:
        self._budget.release(self._held, self._peer)
        self._held = 0
