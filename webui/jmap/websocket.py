"""JMAP over a WebSocket, for programs with an app password (RFC 8887).

Each message shows the credential of the handshake again, so that a revoked one ends the
conversation with its next word. Requests are answered one after the other, each in the time that
one over HTTP has; what is pushed comes between them, and whoever does not read is left. The webmail
has events instead.
"""

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from mailserver.model.errors import Condition, MailError, Transient
from webui.deps import api_account, peer_of, state_of
from webui.jmap import push
from webui.jmap.context import Context
from webui.jmap.dispatch import answered
from webui.jmap.errors import RequestError
from webui.jmap.methods import REGISTRY
from webui.jmap.request import decoded, request_of
from webui.jmap.session import session_object

SUBPROTOCOL = "jmap"
IDLE_SECONDS = 1_800.0
_POLICY, _TRY_LATER = 1008, 1013

socket_jmap = APIRouter(include_in_schema=False)


class _Wanted(msgspec.Struct, rename="camel"):
    data_types: list[str] | None = None
    push_state: str | None = None


@socket_jmap.websocket("/jmap/ws")
async def converse(socket: WebSocket) -> None:
    """Answer requests until the client leaves, is silent for long, or may not any more."""
    if SUBPROTOCOL not in socket.scope.get("subprotocols", ()):
        await socket.close(_POLICY)
        return
    try:
        context = await _context(socket)
    except MailError:
        await socket.close(_POLICY)  # before it is accepted: an HTTP 403
        return
    await socket.accept(SUBPROTOCOL)
    conversation = _Conversation(socket, context)
    try:
        async with asyncio.TaskGroup() as tasks:
            await conversation.run(tasks)
    except* (WebSocketDisconnect, TimeoutError):
        conversation.stop()


async def _context(socket: WebSocket) -> Context:
    web = state_of(socket)
    account = await api_account(socket, web, peer_of(socket))
    return Context(account, web.services, session_id=None)


class _Conversation:
    """One client's connection."""

    def __init__(self, socket: WebSocket, context: Context) -> None:
        self._socket = socket
        self._context = context
        self._sending = asyncio.Lock()
        self._pushing: asyncio.Task[None] | None = None

    async def run(self, tasks: asyncio.TaskGroup) -> None:
        """Read messages one after the other."""
        try:
            while True:
                async with asyncio.timeout(IDLE_SECONDS):
                    text = await self._socket.receive_text()
                try:
                    self._context = await _context(self._socket)
                except MailError:
                    await self._socket.close(_POLICY)
                    return
                await self._take(text, tasks)
        finally:
            self.stop()

    async def _take(self, text: str, tasks: asyncio.TaskGroup) -> None:
        request_id: str | None = None
        try:
            message = _decoded(text)
            given = message.pop("id", None)
            request_id = given if isinstance(given, str) else None
            match message.pop("@type", None):
                case "Request":
                    await self._answer(message, request_id)
                case "WebSocketPushEnable":
                    self.stop()
                    wanted = msgspec.convert(message, _Wanted)
                    self._pushing = tasks.create_task(self._push(wanted))
                case "WebSocketPushDisable":
                    self.stop()
                case _:
                    raise RequestError("notRequest", "there is no such message")
        except msgspec.ValidationError as error:
            refused = RequestError("notRequest", str(error))
            await self._send(_refusal(refused, request_id))
        except RequestError as error:
            await self._send(_refusal(error, request_id))
        except Transient as error:
            await self._send(_later(error, request_id))

    async def _answer(self, message: dict[str, Any], request_id: str | None) -> None:
        request = request_of(message)
        place = state_of(self._socket).place
        state = session_object(REGISTRY, self._context, place)["state"]
        seconds = self._context.services.settings.web.request_seconds
        try:
            async with asyncio.timeout(seconds) as deadline:
                response = await answered(REGISTRY, request, self._context, state)
        except TimeoutError:
            if not deadline.expired():
                raise
            slow = "the server was too slow; try again later"
            raise Transient(Condition.BUSY, slow) from None
        told = {"@type": "Response", **response}
        if request_id is not None:
            told["requestId"] = request_id
        await self._send(told)

    async def _push(self, wanted: _Wanted) -> None:
        told = push.Told(self._context.account, self._context.account_id)
        types = None if wanted.data_types is None else frozenset(wanted.data_types)
        at_once = wanted.push_state is not None
        async for change in told.changes(types, None, at_once=at_once):
            state = str(told.state)
            if change and state != wanted.push_state:
                await self._send({**change, "pushState": state})
        await self._socket.close(_TRY_LATER)

    def stop(self) -> None:
        """Push no more."""
        if self._pushing is not None:
            self._pushing.cancel()
            self._pushing = None

    async def _send(self, message: dict[str, Any]) -> None:
        stall = self._context.services.settings.web.stall_seconds
        async with self._sending, asyncio.timeout(stall):  # a response and a change must not mix
            await self._socket.send_text(msgspec.json.encode(message).decode())


def _decoded(text: str) -> dict[str, Any]:
    message = decoded(text.encode())
    if not isinstance(message, dict):
        raise RequestError("notRequest", "the message is no object")
    return message


def _refusal(error: RequestError, request_id: str | None) -> dict[str, Any]:
    said = {"@type": "RequestError", "status": 400, "detail": error.detail, **error.members}
    return said if request_id is None else {**said, "requestId": request_id}


def _later(error: Transient, request_id: str | None) -> dict[str, Any]:
    """Say what HTTP would say of it. Source: RFC 8887 §4.3.4, RFC 9457 §4.2.1."""
    said = {"@type": "RequestError", "type": "about:blank", "status": 503, "detail": error.text}
    return said if request_id is None else {**said, "requestId": request_id}
