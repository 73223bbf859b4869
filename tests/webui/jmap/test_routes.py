"""JMAP over TLS on the api listener: sign-in, session, requests, blobs and events."""

import asyncio
import json
import sqlite3
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.support.web import WebServer, web_server

LOGIN = "noor@example.test"
CORE, MAIL = "urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"
LETTER = b"From: Bob <bob@else.test>\r\nTo: noor@example.test\r\nSubject: Plan\r\n\r\nWords.\r\n"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[WebServer]:
    """A server with its api listener."""
    async with web_server(tmp_path) as running:
        yield running


@asynccontextmanager
async def signed_in(server: WebServer) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """A program with its app password, and the id of its account."""
    async with server.client("api", auth=(LOGIN, server.secret), timeout=20) as client:
        session = (await client.get("/.well-known/jmap")).json()
        yield client, session["primaryAccounts"][MAIL]


async def post(client: httpx.AsyncClient, *calls: list[Any], **more: Any) -> dict[str, Any]:
    """Make one request."""
    body = {"using": [CORE, MAIL], "methodCalls": calls, **more}
    answer = await client.post("/jmap", json=body)
    assert answer.status_code == 200, answer.text
    response: dict[str, Any] = answer.json()
    return response


async def test_the_session_says_what_and_where(server: WebServer) -> None:
    async with signed_in(server) as (client, account_id):
        session = (await client.get("/jmap/session")).json()
        assert session["username"] == LOGIN
        assert session["apiUrl"].endswith("/jmap")
        assert session["capabilities"][CORE]["maxObjectsInGet"] >= 500
        assert MAIL in session["accounts"][account_id]["accountCapabilities"]
        answer = await post(client, ["Core/echo", {"a": [1]}, "c"], createdIds={})
        assert answer["methodResponses"] == [["Core/echo", {"a": [1]}, "c"]]
        assert (answer["sessionState"], answer["createdIds"]) == (session["state"], {})


async def test_nobody_is_let_in_without_an_app_password(server: WebServer) -> None:
    async with server.client("api") as client:
        assert (await client.get("/.well-known/jmap")).status_code == 401
        assert (await client.post("/jmap", json={})).status_code == 401


async def test_requests_that_are_none_are_problems_with_their_names(server: WebServer) -> None:
    async with signed_in(server) as (client, account_id):
        kind = {"content-type": "application/json"}
        not_json = await client.post("/jmap", content=b"{", headers=kind)
        assert not_json.status_code == 400
        assert not_json.json()["type"] == "urn:ietf:params:jmap:error:notJSON"
        as_text = await client.post("/jmap", content=b"{}", headers={"content-type": "text/plain"})
        assert (as_text.status_code, as_text.json()["type"]) == (400, not_json.json()["type"])
        unknown = await client.post("/jmap", json={"using": ["x:y"], "methodCalls": []})
        assert unknown.json()["type"] == "urn:ietf:params:jmap:error:unknownCapability"
        answer = await post(
            client,
            ["Email/fetch", {}, "0"],
            ["Mailbox/get", {"accountId": "A00"}, "1"],
            ["Mailbox/get", {"accountId": account_id, "sort": 1}, "2"],
            ["Mailbox/get", {"accountId": account_id, "properties": ["colour"]}, "3"],
        )
        kinds = [arguments["type"] for _, arguments, _ in answer["methodResponses"]]
        assert kinds == ["unknownMethod", "accountNotFound", "invalidArguments", "invalidArguments"]


async def announced(server: WebServer, path: str, octets: int) -> tuple[int, dict[str, Any]]:
    """Announce a body, send none of it, and return the status and the problem details."""
    port = server.serving.ports["api"]
    reader, writer = await asyncio.open_connection("localhost", port, ssl=server.tls())
    login = b64encode(f"{LOGIN}:{server.secret}".encode()).decode()
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Basic {login}\r\n"
        f"Content-Length: {octets}\r\n\r\n".encode()
    )
    async with asyncio.timeout(30):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = head.partition("content-length: ")[2].partition("\r\n")[0]
        body = await reader.readexactly(int(length))
    writer.close()
    return int(head.split()[1]), json.loads(body)


async def test_what_is_too_large_names_its_limit(server: WebServer) -> None:
    async with signed_in(server) as (client, account_id):
        core = (await client.get("/jmap/session")).json()["capabilities"][CORE]
        for path, limit in (
            ("/jmap", "maxSizeRequest"),
            (f"/jmap/upload/{account_id}", "maxSizeUpload"),
        ):
            status, told = await announced(server, path, core[limit] + 1)
            assert status == 413
            assert told["type"] == "urn:ietf:params:jmap:error:limit"
            assert told["limit"] == limit


async def test_what_nests_deeper_with_each_call_is_answered(server: WebServer) -> None:
    async with signed_in(server) as (client, _):
        deep: Any = "x"
        for _ in range(200):
            deep = [deep]
        whole = {"#a": {"resultOf": "0", "name": "Core/echo", "path": ""}}
        calls = [["Core/echo", {"a": deep}, "0"]]
        for n in range(1, 60):
            whole["#a"]["resultOf"] = str(n - 1)
            calls.append(["Core/echo", {"#a": dict(whole["#a"])}, str(n)])
        path = {"resultOf": "0", "name": "Core/echo", "path": "/a" + "/*" * 190}
        answer = await post(client, *calls, ["Core/echo", {"#a": path}, "last"])
        assert {name for name, _, _ in answer["methodResponses"]} == {"Core/echo"}


async def test_references_to_references_do_not_grow_without_end(server: WebServer) -> None:
    async with signed_in(server) as (client, _):
        calls: list[list[Any]] = [["Core/echo", {"a": "x" * 100}, "0"]]
        for n in range(1, 60):
            twice = {"resultOf": str(n - 1), "name": "Core/echo", "path": ""}
            calls.append(["Core/echo", {"#a": twice, "#b": twice}, str(n)])
        answer = (await post(client, *calls))["methodResponses"]
        assert {name for name, _, _ in answer} == {"Core/echo", "error"}
        assert ["error", "requestTooLarge"] in [
            [name, told.get("type")] for name, told, _ in answer
        ]


async def _imported(client: httpx.AsyncClient, account_id: str, octets: bytes = LETTER) -> str:
    headers = {"content-type": "message/rfc822"}
    uploaded = await client.post(f"/jmap/upload/{account_id}", content=octets, headers=headers)
    assert uploaded.status_code == 201, uploaded.text
    answer = await post(
        client, ["Mailbox/query", {"accountId": account_id, "filter": {"role": "inbox"}}, "0"]
    )
    inbox = answer["methodResponses"][0][1]["ids"][0]
    email = {"blobId": uploaded.json()["blobId"], "mailboxIds": {inbox: True}}
    answer = await post(
        client, ["Email/import", {"accountId": account_id, "emails": {"k": email}}, "0"]
    )
    created = answer["methodResponses"][0][1]["created"]
    assert created, answer["methodResponses"][0][1]["notCreated"]
    return str(created["k"]["id"])


async def test_what_is_uploaded_is_imported_listed_and_downloaded(server: WebServer) -> None:
    async with signed_in(server) as (client, account_id):
        email_id = await _imported(client, account_id)
        answer = await post(
            client,
            ["Email/query", {"accountId": account_id, "calculateTotal": True}, "0"],
            ["Email/get", {"accountId": account_id, "properties": ["subject", "blobId", "from"],
                           "#ids": {"resultOf": "0", "name": "Email/query", "path": "/ids"}}, "1"],
        )  # fmt: skip
        query, got = (arguments for _, arguments, _ in answer["methodResponses"])
        assert (query["ids"], query["total"], query["position"]) == ([email_id], 1, 0)
        (email,) = got["list"]
        assert email["subject"] == "Plan"
        assert email["from"] == [{"name": "Bob", "email": "bob@else.test"}]
        path = f"/jmap/download/{account_id}/{email['blobId']}/a%20b.eml"
        file = await client.get(path, params={"type": "text/html"})
        assert file.content == LETTER
        assert file.headers["content-disposition"] == "attachment; filename*=UTF-8''a%20b.eml"
        assert file.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in file.headers["content-security-policy"]
        assert (await client.get(f"/jmap/download/{account_id}/B99/x")).status_code == 404


async def _listen(client: httpx.AsyncClient, ready: asyncio.Event) -> tuple[str, float]:
    """Return the first state event and when it came."""
    async with client.stream("GET", "/jmap/events", params={"types": "*", "ping": 0}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith(":"):
                ready.set()
            if line.startswith("data:"):
                return line.removeprefix("data:"), time.perf_counter()
    raise AssertionError("the stream ended")


async def _seconds_to_tell(client: httpx.AsyncClient, account_id: str, round_: int) -> float:
    """Import an email; return how long after it the last of two listeners learnt of it."""
    ready = [asyncio.Event(), asyncio.Event()]
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        listening = [tasks.create_task(_listen(client, each)) for each in ready]
        for each in ready:
            await each.wait()
        await _imported(client, account_id, LETTER + b"%d\r\n" % round_)
        done_at = time.perf_counter()
    for task in listening:
        changed = msgspec.json.decode(task.result()[0])["changed"][account_id]
        assert {"Email", "Mailbox", "Thread", "EmailDelivery"} <= changed.keys()
    return max(task.result()[1] for task in listening) - done_at


async def test_listeners_learn_of_a_change_within_200_ms(server: WebServer) -> None:
    async with signed_in(server) as (client, account_id):
        took = [await _seconds_to_tell(client, account_id, n) for n in range(5)]
    assert min(took) < 0.2  # in other rounds the machine may be busy elsewhere


async def test_who_comes_back_is_told_how_it_stands(server: WebServer) -> None:
    async with signed_in(server) as (client, _):
        headers, params = {"last-event-id": "0.1.1.1"}, {"types": "Email", "closeafter": "state"}
        async with asyncio.timeout(10):
            answer = await client.get("/jmap/events", headers=headers, params=params)
        assert "event: state" in answer.text
        assert '"Email"' in answer.text
        assert '"Mailbox"' not in answer.text


async def test_more_requests_at_once_than_said_name_the_limit(server: WebServer) -> None:
    path = server.serving.settings.database_url.removeprefix("sqlite:///")
    async with signed_in(server) as (client, account_id):
        core = (await client.get("/jmap/session")).json()["capabilities"][CORE]
        most = core["maxConcurrentRequests"]
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # whoever writes waits, for five seconds at most
        calls = [
            ["Mailbox/set", {"accountId": account_id, "create": {"k": {"name": f"n{n}"}}}, "0"]
            for n in range(most)
        ]
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(post(client, call)) for call in calls]
            refused = None
            while refused is None or refused.status_code == 200:
                await asyncio.sleep(0.05)
                refused = await client.post(
                    "/jmap", json={"using": [CORE], "methodCalls": [["Core/echo", {}, "0"]]}
                )
            other.close()
        assert refused.status_code == 400
        assert refused.json()["type"] == "urn:ietf:params:jmap:error:limit"
        assert refused.json()["limit"] == "maxConcurrentRequests"
        created = [answer.result()["methodResponses"][0][1]["created"] for answer in waiting]
        assert all(created)


async def test_more_uploads_at_once_than_said_name_the_limit(server: WebServer) -> None:
    async with signed_in(server) as (client, account_id):
        core = (await client.get("/jmap/session")).json()["capabilities"][CORE]
        go_on = asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield b"begun"
            await go_on.wait()

        async with asyncio.TaskGroup() as tasks:
            waiting = [
                tasks.create_task(client.post(f"/jmap/upload/{account_id}", content=slowly()))
                for _ in range(core["maxConcurrentUpload"])
            ]
            refused = None
            while refused is None or refused.status_code == 201:
                await asyncio.sleep(0.05)
                refused = await client.post(f"/jmap/upload/{account_id}", content=b"whole")
            go_on.set()
        assert refused.json()["limit"] == "maxConcurrentUpload"
        assert [each.result().status_code for each in waiting] == [201] * len(waiting)


@pytest.mark.long
async def test_a_listener_is_pinged_as_often_as_it_asked_within_bounds(server: WebServer) -> None:
    async with (
        signed_in(server) as (client, _),
        client.stream("GET", "/jmap/events?types=*&closeafter=no&ping=1", timeout=40) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("data:") and "interval" in line:
                assert json.loads(line.removeprefix("data:")) == {"interval": 30}
                break
