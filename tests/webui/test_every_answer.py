"""What holds of every answer of every site, errors too (PRIVACY §9, T-READ-4; WEBUI §5)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.web import WebServer, from_page, web_server
from webui.security import ALWAYS, HSTS

REQUESTS = [
    ("https", "GET", "/", {}, 200),
    ("https", "HEAD", "/robots.txt", {}, 405),
    ("https", "GET", "/robots.txt", {}, 200),
    ("https", "GET", "/.well-known/security.txt", {}, 200),
    ("https", "GET", "/.well-known/jmap", {}, 401),
    ("https", "GET", "/api/account/session", {}, 401),
    ("https", "GET", "/api/mail/reading", {}, 401),
    ("https", "GET", "/api/mail/preview/B1?page=1", {}, 401),
    ("https", "POST", "/api/mail/remote-image", {}, 403),
    ("api", "GET", "/.well-known/jmap", {}, 401),
    ("api", "GET", "/api/account/session", {}, 404),
    ("api", "GET", "/api/mail/reading", {}, 404),
    ("https", "GET", "/.well-known/mta-sts.txt", {}, 404),
    ("https", "GET", "/mail/config-v1.1.xml?emailaddress=noor@example.test", {}, 200),
    ("https", "GET", "/mail/config-v1.1.xml?emailaddress=noor@else.test", {}, 404),
    ("https", "GET", "/mail/config-v1.1.xml", {}, 422),
    ("https", "GET", "/mail/apple.mobileconfig", {}, 422),
    ("https", "GET", "/autodiscover/autodiscover.json?Protocol=Ews", {}, 400),
    ("https", "GET", "/agreement/no-such-link-at-all", {}, 404),
    ("https", "POST", "/agreement/no-such-link-at-all", {}, 404),
    ("https", "GET", "/agreement/no-such-link-at-all/receipt.json", {}, 404),
    ("https", "GET", "/nothing/here", {}, 404),
    ("https", "GET", "/docs", {}, 404),
    ("https", "GET", "/openapi.json", {}, 404),
    ("https", "POST", "/", {}, 403),
    ("https", "GET", "/", {"host": "else.test"}, 421),
    ("https", "GET", "/", {"authorization": "Basic bm9vcjpub29y"}, 403),
    ("api", "GET", "/nothing", {}, 404),
    ("api", "GET", "/", {"origin": "https://else.test"}, 403),
    ("api", "OPTIONS", "/jmap", {"origin": "https://else.test"}, 403),
    ("api", "OPTIONS", "/jmap", {"origin": "https://friend.test"}, 204),
]


@pytest.fixture
async def server(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[WebServer]:
    origins = {"api__origins": "https://friend.test"}
    async with web_server(tmp_path, **origins, **databases) as running:
        yield running


def check(fields: httpx.Headers, where: str) -> None:
    assert fields["strict-transport-security"] == HSTS, where
    assert fields["x-content-type-options"] == "nosniff", where
    assert fields["referrer-policy"] == "no-referrer", where
    assert fields["cross-origin-opener-policy"] == "same-origin", where
    assert fields["cross-origin-resource-policy"] in ("same-origin", "cross-origin"), where
    assert "default-src 'none'" in fields["content-security-policy"], where
    assert "unsafe" not in fields["content-security-policy"], where
    assert "geolocation=()" in fields["permissions-policy"], where
    assert "publickey-credentials-get=(self)" in fields["permissions-policy"], where
    assert fields["cache-control"], where
    assert "server" not in fields, where
    assert "set-cookie" not in fields, where
    assert "content-encoding" not in fields, where
    for name, _ in ALWAYS:
        assert len(fields.get_list(name)) == 1, (where, name)


async def test_all_fields_stand_in_every_answer(server: WebServer) -> None:
    async with server.client("https") as https, server.client("api") as api:
        clients = {"https": https, "api": api}
        for door, method, path, fields, code in REQUESTS:
            answer = await clients[door].request(method, path, headers=fields)
            where = f"{method} {door} {path}"
            assert answer.status_code == code, where
            check(answer.headers, where)


async def test_only_the_api_asks_for_a_password(server: WebServer) -> None:
    async with server.client("https") as https, server.client("api") as api:
        refused = await api.get("/.well-known/jmap")
        schemes = refused.headers.get_list("www-authenticate")
        assert [scheme.split()[0] for scheme in schemes] == ["Basic", "Bearer"]
        assert "www-authenticate" not in (await https.get("/.well-known/jmap")).headers


async def test_errors_are_problem_details(server: WebServer) -> None:
    async with server.client("https") as client:
        for door, method, path, fields, code in REQUESTS:
            if door != "https" or method == "HEAD" or code in (200, 400):
                continue
            answer = await client.request(method, path, headers=fields)
            if path.endswith(("mta-sts.txt", "no-such-link-at-all")):
                continue  # mail servers and people read no JSON
            assert answer.headers["content-type"] == "application/problem+json", path
            assert answer.json()["status"] == code
            assert answer.json()["title"]


async def said_to(server: WebServer, octets: bytes) -> bytes:
    """Send octets as they are and return the whole answer."""
    context = server.tls()
    reader, writer = await asyncio.open_connection(
        "localhost", server.serving.ports["https"], ssl=context
    )
    writer.write(octets)
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    except (ConnectionError, ssl.SSLError):
        return b""
    finally:
        writer.close()


NO_REQUESTS = [
    (b"what is this\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
    (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"431"),
    (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 12_000 + b"\r\n", b"431"),
    (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000, b"431"),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"421"),
    (b"GET / HTTP/1.0\r\n\r\n", b"421"),
]


@pytest.mark.long
async def test_what_is_no_request_is_refused_with_the_same_fields(server: WebServer) -> None:
    for octets, status in NO_REQUESTS:
        answer = await said_to(server, octets)
        line, _, head = answer.partition(b"\r\n")
        assert line.split()[1] == status, octets[:60]
        assert b"Traceback" not in answer
        for name, value in ALWAYS:
            assert f"{name}: {value}\r\n".encode() in head


async def test_a_page_of_the_site_may_send_json_and_no_form(server: WebServer) -> None:
    async with server.client("https", headers=from_page(server)) as client:
        ours = await client.post("/nothing", json={})
        assert ours.status_code == 404  # it was let in
        form = await client.post("/nothing", data={"a": "b"})
        assert form.status_code == 403
