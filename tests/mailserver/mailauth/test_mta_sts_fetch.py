"""Policies over real https: the right host, small, soon, nowhere inside (RFC 8461)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from mailserver.mailauth.mta_sts_fetch import POLICY_OCTETS, FetchError, HttpsFetch
from mailserver.runtime.internet import is_public
from mailserver.runtime.tls_client import ClientTls
from mailserver.runtime.web_client import WebClient
from tests.mailserver.mailauth.test_mta_sts import ENFORCE
from tests.support.dns import DnsServer, dns_zone
from tests.support.mail_host import tls_with

HOST = "mta-sts.there.test"
RECORDS = {HOST: ["A 127.0.0.1"]}
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    path: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return ClientTls.load(path).naming


class Web:
    """A web server that says what it is told, and keeps what it was asked."""

    def __init__(self, answer: bytes, *, delay: float = 0.0) -> None:
        self.answer = answer
        self.delay = delay
        self.asked: list[bytes] = []
        self.port = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        await asyncio.sleep(self.delay)
        writer.write(self.answer)
        writer.close()

    @asynccontextmanager
    async def serving(self, certificate: trustme.LeafCert) -> AsyncIterator["Web"]:
        server = await asyncio.start_server(self.talk, "127.0.0.1", 0, ssl=tls_with(certificate))
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await asyncio.sleep(0.05)


def fetching(
    dns: DnsServer, web: Web, tls: ssl.SSLContext, *, inside: bool = True, seconds: float = 5.0
) -> HttpsFetch:
    allowed = (lambda _: True) if inside else is_public
    client = WebClient(dns.resolver(), tls, may_connect=allowed, ports={"https": web.port})
    return HttpsFetch(client, deadline=timedelta(seconds=seconds))


async def result(
    authority: trustme.CA, tls: ssl.SSLContext, web: Web, *, name: str = HOST, seconds: float = 5.0
) -> str:
    async with dns_zone(RECORDS) as dns, web.serving(authority.issue_cert(name)):
        with pytest.raises(FetchError) as failed:
            await fetching(dns, web, tls, seconds=seconds)("there.test")
    return failed.value.result


async def test_a_policy_is_fetched_from_its_own_host(
    authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    web = Web(OK + ENFORCE)
    async with dns_zone(RECORDS) as dns, web.serving(authority.issue_cert(HOST)):
        assert await fetching(dns, web, tls)("there.test") == ENFORCE
    (asked,) = web.asked
    assert asked.startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n")
    assert b"\r\nHost: mta-sts.there.test\r\n" in asked


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "sts-policy-fetch-error"),
        (OK.replace(b"text/plain", b"text/html") + ENFORCE, "sts-policy-fetch-error"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: https://there.test/\r\nContent-Length: 0\r\n\r\n",
            "sts-policy-fetch-error",
        ),
        (OK + b"x" * (POLICY_OCTETS + 1), "sts-policy-invalid"),
        (b"what?\r\n\r\n", "sts-policy-fetch-error"),
    ],
)
async def test_what_is_no_policy_is_not_taken_for_one(
    authority: trustme.CA, tls: ssl.SSLContext, answer: bytes, wanted: str
) -> None:
    assert await result(authority, tls, Web(answer)) == wanted  # RFC 8461 §3.3: no redirects


async def test_t_tls_3_a_policy_counts_under_its_hosts_certificate_alone(
    authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    web = Web(OK + ENFORCE)
    assert await result(authority, tls, web, name="there.test") == "sts-webpki-invalid"
    assert await result(trustme.CA(), tls, web) == "sts-webpki-invalid"
    assert web.asked == []


async def test_a_slow_server_is_not_waited_for(authority: trustme.CA, tls: ssl.SSLContext) -> None:
    web = Web(OK + ENFORCE, delay=1.0)
    assert await result(authority, tls, web, seconds=0.3) == "sts-policy-fetch-error"
    await asyncio.sleep(1.0)


async def test_no_name_makes_us_ask_a_machine_of_our_own_network(
    authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    web = Web(OK + ENFORCE)
    async with dns_zone(RECORDS) as dns, web.serving(authority.issue_cert(HOST)):
        with pytest.raises(FetchError):
            await fetching(dns, web, tls, inside=False)("there.test")
        with pytest.raises(FetchError):
            await fetching(dns, web, tls)("nowhere.test")
    assert web.asked == []
