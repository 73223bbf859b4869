"""Clients that only listen: to server-sent events, to a WebSocket, to IDLE; each in a thread."""

import json
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Protocol

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.jmap_wire import origin_of
from tests.support.mail_clients import PATIENCE_SECONDS, User
from tests.support.wire import Closed, RawWire, signed_in

READY = "ready"


class Listener(Protocol):
    """Somebody who is told."""

    heard: "queue.Queue[tuple[float, str]]"
    """When something was said, and what."""


class Events:
    """An EventSource client (RFC 8620 §7.3)."""

    def __init__(self, user: User) -> None:
        self.heard: queue.Queue[tuple[float, str]] = queue.Queue()
        self._client = httpx.Client(
            base_url=origin_of(user),
            auth=(user.address, user.password),
            verify=user.tls,
            timeout=httpx.Timeout(PATIENCE_SECONDS, read=None),
            trust_env=False,
        )
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            with self._client.stream("GET", "/jmap/events", params={"types": "*"}) as answer:
                self._socket = answer.extensions["network_stream"].get_extra_info("socket")
                for line in answer.iter_lines():
                    if line.startswith(":"):
                        self.heard.put((time.monotonic(), READY))
                    elif line.startswith("data:"):
                        self.heard.put((time.monotonic(), line.removeprefix("data:")))
        except (httpx.HTTPError, ssl.SSLError, OSError, RuntimeError):
            return  # it was closed

    def close(self) -> None:
        # Whoever reads lets go: a descriptor that was closed beside it would soon be another's.
        if self._socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        self._thread.join(PATIENCE_SECONDS)
        self._client.close()


class Socket:
    """A WebSocket client that has push on (RFC 8887 §4.3.5)."""

    def __init__(self, user: User) -> None:
        self.heard: queue.Queue[tuple[float, str]] = queue.Queue()
        credential = httpx.BasicAuth(user.address, user.password)._auth_header
        self._stack = ExitStack()
        opened = connect(
            origin_of(user).replace("https://", "wss://") + "/jmap/ws",
            ssl=user.tls,
            subprotocols=["jmap"],  # type: ignore[list-item]  # a NewType of str
            additional_headers={"authorization": credential},
            proxy=None,
        )
        self._connection: ClientConnection = self._stack.enter_context(opened)
        # A client that was somewhere else is told at once how it stands: then push is on.
        enable = {"@type": "WebSocketPushEnable", "dataTypes": None, "pushState": "elsewhere"}
        self._connection.send(json.dumps(enable))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            said = READY
            for text in self._connection:
                self.heard.put((time.monotonic(), said or str(text)))
                said = ""
        except ConnectionClosed:
            return

    def close(self) -> None:
        self._stack.close()


class Idle:
    """An IMAP client in IDLE on INBOX (RFC 9051 §6.3.13)."""

    def __init__(self, wire: RawWire) -> None:
        self.heard: queue.Queue[tuple[float, str]] = queue.Queue()
        self._wire = wire
        wire.socket.settimeout(None)
        wire.send(b"i IDLE\r\n")
        wire.until(b"+ ")
        self.heard.put((time.monotonic(), READY))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            while True:
                line = self._wire.line().decode("utf-8", "replace")
                self.heard.put((time.monotonic(), line))
        except (Closed, OSError, ValueError):
            return  # it was closed


@contextmanager
def listening(user: User, *kinds: str) -> Iterator[list[Listener]]:
    """Have listeners of these kinds (`events`, `socket`, `idle`) for the length of a block."""
    found: list[Any] = []
    closing: list[Any] = []
    try:
        for kind in kinds:
            if kind == "idle":
                held = signed_in(user.server.address("imap"), (user.address, user.password))
                found.append(Idle(held.__enter__()))
                closing.append(lambda held=held: held.__exit__(None, None, None))
            else:
                found.append(Events(user) if kind == "events" else Socket(user))
                closing.append(found[-1].close)
        for each in found:
            until(each, READY)
        yield found
    finally:
        for close in closing:
            close()


def until(listener: Listener, *words: str, seconds: float = PATIENCE_SECONDS) -> float:
    """Wait until a listener hears something with all of `words` in it; return when it did."""
    end = time.monotonic() + seconds
    while True:
        try:
            at, said = listener.heard.get(timeout=max(end - time.monotonic(), 0.01))
        except queue.Empty:
            raise AssertionError(f"{type(listener).__name__} heard nothing of {words}") from None
        if all(word in said for word in words):
            return at


def forget(listeners: list[Listener]) -> None:
    """Drop what was heard so far."""
    for listener in listeners:
        while not listener.heard.empty():
            listener.heard.get_nowait()
