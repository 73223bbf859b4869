"""The web doors as part of the server: sites by name, a new certificate, an orderly stop."""

import asyncio
import json
import os
import signal
import socket
import ssl
from pathlib import Path

import httpx
import pytest

from mailserver.app import doors
from mailserver.model.errors import Misconfigured
from mailserver.runtime.settings import load
from mailserver.runtime.tls import create_self_signed
from tests.support.server import databases, serving
from tests.support.web import web_server
from webui.doors import web_doors

IDLE = 1_000
IDLE_OCTETS = 90 * 1024
"""Of one idle connection: OpenSSL's buffers and state are more than half of it."""

opener: doors.Opener = web_doors  # the server loads it untyped; here its type is seen to


async def test_each_site_knows_its_own_paths_alone(tmp_path: Path) -> None:
    async with (
        web_server(
            tmp_path,
            listeners__admin__address="127.0.0.1:0",
            listeners__portal__address="127.0.0.1:0",
        ) as server,
        server.client("https") as https,
        server.client("api") as api,
        server.client("admin") as admin,
        server.client("portal") as portal,
    ):
        for client, known in ((https, True), (portal, True), (api, False), (admin, False)):
            assert ((await client.get("/")).status_code == 200) is known
        for client, known in ((https, True), (portal, False), (api, True), (admin, False)):
            assert ((await client.get("/jmap/session")).status_code == 401) is known
        for path in ("/api/account", "/api/account/session"):
            for client in (api, admin, portal):
                assert (await client.get(path)).status_code == 404


async def test_sites_with_names_of_their_own_share_the_webmails_listener(tmp_path: Path) -> None:
    async with (
        web_server(
            tmp_path,
            listeners__api__address="off",
            web__public_url="https://mail.example.test",
            web__api_url="https://api.example.test:443",
        ) as server,
        server.client() as client,
    ):
        basic = httpx.BasicAuth("noor@example.test", server.secret)
        on_api = {"host": "api.example.test"}
        assert (await client.get("/nothing", headers=on_api, auth=basic)).status_code == 404
        assert (await client.get("/", headers={"host": "mail.example.test"})).status_code == 200
        assert (await client.get("/", headers=on_api)).status_code == 404
        for host in ("mail.example.test:8443", "admin.example.test", "", "a b"):
            assert (await client.get("/", headers={"host": host})).status_code == 421, host


async def test_names_of_loopback_serve_loopback_alone(tmp_path: Path) -> None:
    async with web_server(tmp_path, web__proxies="127.0.0.1") as server, server.client() as client:
        here = {"host": "127.0.0.1:1"}
        assert (await client.get("/", headers=here)).status_code == 200
        elsewhere = {**here, "x-forwarded-for": "192.0.2.7"}
        assert (await client.get("/", headers=elsewhere)).status_code == 421


async def test_behind_a_proxy_the_site_is_the_one_that_browsers_see(tmp_path: Path) -> None:
    async with web_server(
        tmp_path,
        listeners__https__tls="none",
        listeners__api__address="off",
        web__public_url="https://mail.example.test",
        web__proxies="127.0.0.1",
        web__requests_per_minute=2,
    ) as server:
        origin = f"http://127.0.0.1:{server.serving.ports['https']}"
        forwarded = {"host": "mail.example.test", "x-forwarded-proto": "https"}
        page = {"origin": "https://mail.example.test", "sec-fetch-site": "same-origin"}
        async with httpx.AsyncClient(base_url=origin, trust_env=False) as proxy:
            for number, code in ((7, 404), (7, 404), (7, 429), (8, 404)):  # rates are of clients
                fields = {**forwarded, **page, "x-forwarded-for": f"192.0.2.{number}"}
                assert (await proxy.post("/x", headers=fields, json={})).status_code == code
            inside = {**forwarded, "origin": origin, "sec-fetch-site": "same-origin"}
            assert (await proxy.post("/x", headers=inside, json={})).status_code == 403


async def test_a_port_that_is_taken_is_refused_by_name(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ExceptionGroup) as refused:
            async with web_server(tmp_path, listeners__https__address=f"127.0.0.1:{port}"):
                pytest.fail("it cannot have that port")
    assert refused.group_contains(Misconfigured, match=r"listeners\.https: cannot listen")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"listeners.https.tls": "starttls"}, "web listener"),
        ({"listeners.api.address": "0.0.0.0:8080", "listeners.api.tls": "none"}, "loopback"),
        ({"web.public_url": "http://example.test"}, "https"),
        ({"web.public_url": "https://example.test/mail"}, "https://host"),
        ({"web.proxies": "nonsense"}, "IP address"),
        ({"api.origins": "example.test"}, "https://host"),
        ({"web.security_contact": "javascript:alert"}, "security_contact"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(values: dict[str, str], words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        load(None, {}, values)


def test_settings_of_the_web_are_read_as_they_are_written() -> None:
    values = {
        "web.public_url": "https://Mail.Example.test:443/",
        "web.proxies": "10.0.0.1, 2001:db8::/32",
        "api.origins": "https://a.test,http://localhost:3000",
        "listeners.http.address": ":80",
    }
    settings = load(None, {}, values)
    assert settings.web.public_url == "https://mail.example.test"
    assert [str(one) for one in settings.web.proxies] == ["10.0.0.1/32", "2001:db8::/32"]
    assert settings.api.origins == ("https://a.test", "http://localhost:3000")
    told = json.loads(settings.model_dump_json())
    assert type(settings).model_validate(told) == settings  # as workers are told them


def serial(port: int) -> bytes:
    """Return the certificate that a listener shows."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as connection,
    ):
        shown = connection.getpeercert(binary_form=True)
    assert shown is not None
    return shown


def renew(certificate: Path) -> None:
    """Put another pair in place of the one that is served."""
    key = certificate.with_name("key.pem")
    certificate.unlink()
    key.unlink()
    create_self_signed(certificate, key, "localhost")


async def test_a_new_certificate_is_shown_without_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path, users=1) as server:
        port = server.port("https")
        context = ssl.create_default_context(cafile=server.found["ca_file"])
        async with httpx.AsyncClient(
            base_url=server.found["https"], verify=context, trust_env=False
        ) as client:
            assert (await client.get("/robots.txt")).status_code == 200
            old = await asyncio.to_thread(serial, port)
            renew(Path(server.found["ca_file"]))
            os.kill(server.found["pid"], signal.SIGHUP)
            async with asyncio.timeout(10):
                while await asyncio.to_thread(serial, port) == old:  # noqa: ASYNC110 - a process
                    await asyncio.sleep(0.05)
            assert (await client.get("/robots.txt")).status_code == 200  # the open connection


async def test_what_is_under_way_is_answered_before_the_server_stops(tmp_path: Path) -> None:
    ask = (
        b"POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Length: 4\r\n\r\nab"
    )
    async with web_server(tmp_path) as server:
        port = server.serving.ports["https"]
        reader, writer = await asyncio.open_connection("localhost", port, ssl=server.tls())
        writer.write(ask)
        await asyncio.sleep(0.2)
        stopping = asyncio.get_running_loop().call_later(0.8, writer.write, b"cd")
    assert stopping.when()
    async with asyncio.timeout(10):
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    writer.close()


@pytest.mark.long
async def test_two_workers_serve_one_port(tmp_path: Path) -> None:
    async with databases("postgresql") as options:
        with serving(tmp_path, *options, "--workers", "2", users=1) as server:
            context = ssl.create_default_context(cafile=server.found["ca_file"])
            for door in ("https", "api"):
                for _ in range(20):  # the kernel spreads connections
                    async with httpx.AsyncClient(
                        base_url=server.found[door], verify=context, trust_env=False
                    ) as client:
                        assert (await client.get("/robots.txt")).status_code == 200
            assert len(server.children) == 2
            assert server.stop() == 0


@pytest.mark.long
async def test_a_thousand_idle_connections_cost_little(tmp_path: Path) -> None:
    with serving(tmp_path, users=1) as server:
        context = ssl.create_default_context(cafile=server.found["ca_file"])
        port = server.port("https")
        ask = b"GET /robots.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"

        async def connected() -> asyncio.StreamWriter:
            reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
            writer.write(ask)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
            return writer

        (await connected()).close()
        before = server.memory()
        writers = [await connected() for _ in range(IDLE)]
        each = (server.memory() - before) / IDLE
        assert each < IDLE_OCTETS, f"{each / 1024:.1f} KiB a connection"
        for writer in writers:
            writer.close()
