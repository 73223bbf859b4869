"""The doctor on the ways to a server: IPv6 and DNSSEC, no old TLS, nothing in plain HTTP."""

import asyncio
import ssl
import warnings
from pathlib import Path

import pytest

from mailserver.operations.doctor import domain, web
from mailserver.operations.doctor.finding import Severity
from mailserver.operations.published import Published, published
from tests.support.doctor import DOMAIN, HOST, by_check, certified, resolving


@pytest.fixture
def facts(tmp_path: Path) -> Published:
    return published(certified(tmp_path / "facts"), DOMAIN)


@pytest.mark.parametrize(
    ("zone", "severity"),
    [
        (["a.six.test.", "b.six.test."], Severity.GOOD),
        (["a.six.test.", "four.test."], Severity.WARNING),
        (["four.test."], Severity.WARNING),
    ],
)
async def test_a_zone_wants_two_name_servers_with_ipv6(
    facts: Published, zone: list[str], severity: Severity
) -> None:
    records = {
        "a.six.test": ["AAAA ::1"],
        "b.six.test": ["AAAA ::1"],
        "four.test": ["A 127.0.0.1"],
        DOMAIN: [f"NS {name}" for name in zone],
    }
    async with resolving(records) as resolver:
        (found,) = await domain.name_servers(resolver, facts)
    assert (found.check, found.severity) == ("name-servers", severity)
    assert found.advice or severity is Severity.GOOD


async def test_a_web_host_of_its_own_wants_ipv6_and_a_signed_zone() -> None:
    records = {"web.test": ["A 127.0.0.1"], "both.test": ["A 127.0.0.1", "AAAA ::1"]}
    async with resolving(records, signed=True) as resolver:
        alone, both = [
            by_check(await web.reached(resolver, f"{name}.test")) for name in ("web", "both")
        ]
    assert alone == {"ipv6": Severity.WARNING, "dnssec": Severity.GOOD}
    assert both == {"ipv6": Severity.GOOD, "dnssec": Severity.GOOD}


@pytest.mark.parametrize(
    ("answer", "severity"),
    [
        (f"301 Moved Permanently\r\nLocation: https://{HOST}/", Severity.GOOD),
        ("301 Moved Permanently\r\nLocation: http://elsewhere.test/", Severity.WARNING),
        ("200 OK", Severity.WARNING),
    ],
)
async def test_plain_http_must_lead_to_https(answer: str, severity: Severity) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        (found,) = await web.from_plain(HOST, ["127.0.0.1"], port)
    assert (found.check, found.severity) == ("http", severity)
    (gone,) = await web.from_plain(HOST, ["127.0.0.1"], port)
    assert gone.severity is Severity.NOTE


async def test_a_web_host_with_old_tls_is_seen(tmp_path: Path) -> None:
    settings = certified(tmp_path / "old")
    for oldest, severity in ((True, Severity.FAILURE), (False, Severity.GOOD)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if oldest:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = ssl.TLSVersion.TLSv1
            context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(settings.tls.certificate, settings.tls.private_key)
        server = await asyncio.start_server(_hang_up, "127.0.0.1", 0, ssl=context)
        async with server:
            port = server.sockets[0].getsockname()[1]
            (found,) = await asyncio.to_thread(web.old_tls, HOST, ["127.0.0.1"], port)
        assert (found.check, found.severity) == ("tls-versions", severity)


async def _hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
