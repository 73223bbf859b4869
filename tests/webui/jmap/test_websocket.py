"""JMAP over a WebSocket on the api listener (RFC 8887)."""

import asyncio
import base64
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.support.web import WebServer, web_server

CORE, MAIL = "urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[WebServer]:
    """A server with its api listener."""
    async with web_server(tmp_path) as running:
        yield running


def socket(server: WebServer, secret: str) -> connect:
    """Open a connection with an app password."""
    token = base64.b64encode(f"noor@example.test:{secret}".encode()).decode()
    return connect(
        server.origin("api").replace("https", "wss") + "/jmap/ws",
        ssl=server.tls(),
        subprotocols=[Subprotocol("jmap")],
        additional_headers={"authorization": f"Basic {token}"},
        proxy=None,
    )


async def say(connection: ClientConnection, message: dict[str, Any]) -> None:
    """Send one message."""
    await connection.send(msgspec.json.encode(message).decode())


async def heard(connection: ClientConnection) -> dict[str, Any]:
    """Return the next message."""
    async with asyncio.timeout(10):
        told: dict[str, Any] = msgspec.json.decode(await connection.recv())
        return told


async def test_requests_are_answered_and_changes_pushed(server: WebServer) -> None:
    async with socket(server, server.secret) as connection:
        assert connection.subprotocol == "jmap"
        echo = {"using": [CORE], "methodCalls": [["Core/echo", {"a": 1}, "c"]]}
        await say(connection, {"@type": "Request", "id": "R1", **echo})
        answer = await heard(connection)
        assert (answer["@type"], answer["requestId"]) == ("Response", "R1")
        assert answer["methodResponses"] == [["Core/echo", {"a": 1}, "c"]]
        await connection.send("{")
        assert (await heard(connection))["type"] == "urn:ietf:params:jmap:error:notJSON"
        await say(connection, {"@type": "Nothing", "id": "R2"})
        refused = await heard(connection)
        assert (refused["@type"], refused["requestId"]) == ("RequestError", "R2")
        async with server.client("api", auth=("noor@example.test", server.secret)) as client:
            session = (await client.get("/jmap/session")).json()
        account_id = session["primaryAccounts"][MAIL]
        await say(connection, {"@type": "WebSocketPushEnable", "dataTypes": ["Mailbox"],
                               "pushState": "0.1.1.1"})  # fmt: skip
        first = await heard(connection)
        assert first["changed"][account_id].keys() == {"Mailbox"}
        create = {"accountId": account_id, "create": {"k": {"name": "Made"}}}
        await say(connection, {"@type": "Request", "using": [CORE, MAIL],
                               "methodCalls": [["Mailbox/set", create, "c"]]})  # fmt: skip
        told = [await heard(connection), await heard(connection)]
        assert {each["@type"] for each in told} == {"Response", "StateChange"}


async def test_nobody_is_let_in_without_an_app_password(server: WebServer) -> None:
    with pytest.raises(InvalidStatus):
        async with socket(server, "wrong"):
            pass


async def test_a_request_that_takes_too_long_is_told_so_and_the_next_is_answered(
    tmp_path: Path,
) -> None:
    async with (
        web_server(tmp_path, web__request_seconds=1) as server,
        socket(server, server.secret) as connection,
    ):
        async with server.client("api", auth=("noor@example.test", server.secret)) as client:
            session = (await client.get("/jmap/session")).json()
        create = {"accountId": session["primaryAccounts"][MAIL], "create": {"k": {"name": "Slow"}}}
        calls = [["Mailbox/set", create, "c"]]
        store = sqlite3.connect(server.serving.settings.database_url.removeprefix("sqlite:///"))
        store.isolation_level = None
        store.execute("BEGIN IMMEDIATE")  # nobody else writes meanwhile
        await say(
            connection,
            {"@type": "Request", "id": "R1", "using": [CORE, MAIL], "methodCalls": calls},
        )
        late = await heard(connection)
        store.execute("ROLLBACK")
        store.close()
        assert (late["@type"], late["status"], late["requestId"]) == ("RequestError", 503, "R1")
        echo = {"using": [CORE], "methodCalls": [["Core/echo", {}, "c"]]}
        await say(connection, {"@type": "Request", "id": "R2", **echo})
        assert (await heard(connection))["requestId"] == "R2"
