"""MTA-STS through a whole server: a policy fetched over HTTPS, and a Postfix that keeps it or not.

The policy's host answers on port 443 of an address of 127.0.0.0/8 that nothing else uses.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from tests.interop.test_relay_internet import OTHER, POSTFIX, Sender, sender, until
from tests.support.dns import dns_zone, txt
from tests.support.mail_host import tls_with
from tests.support.ports import free_port
from tests.support.postfix import Postfix, postfix

pytestmark = pytest.mark.long

POLICY_HOST = "127.0.0.23"
HTTPS = 443  # RFC 8461 §3.3 has no other
POLICY = "version: STSv1\r\nmode: {mode}\r\nmx: mx.there.test\r\nmax_age: 86400\r\n"


@asynccontextmanager
async def policy_host(mode: str, context: ssl.SSLContext) -> AsyncIterator[list[str]]:
    """Serve the policy of there.test for the length of a block; yields what was asked for."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(request.partition("\r\n")[0])
        body = POLICY.format(mode=mode)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, POLICY_HOST, HTTPS, ssl=context)
    try:
        yield asked
    finally:
        server.close()


@asynccontextmanager
async def world(
    directory: Path, mode: str, shown: str, *, tls: bool = True
) -> AsyncIterator[tuple[Sender, Postfix, list[str]]]:
    """Run ann's server, a policy of `mode`, and a Postfix with a certificate for `shown`."""
    authority, port = trustme.CA(), free_port(POSTFIX, OTHER)
    authority.cert_pem.write_to_path(str(directory / "authority.pem"))
    zone = {
        "there.test": ["MX 10 mx.there.test."],
        "mx.there.test": [f"A {POSTFIX}"],
        "_mta-sts.there.test": [txt("v=STSv1; id=20260301")],
        "mta-sts.there.test": [f"A {POLICY_HOST}"],
    }
    context = tls_with(authority.issue_cert("mta-sts.there.test"))
    async with (
        dns_zone(zone) as dns,
        policy_host(mode, context) as asked,
        postfix(authority.issue_cert(shown), address=POSTFIX, port=port, tls=tls) as there,
        sender(
            directory / "ours",
            relay__port=port,
            relay__ca_file=directory / "authority.pem",
            dns__nameservers=[str(dns.endpoint)],
        ) as ann,
    ):
        yield ann, there, asked


async def test_an_enforced_policy_that_is_kept_takes_the_mail_there(tmp_path: Path) -> None:
    async with world(tmp_path, "enforce", "mx.there.test") as (ann, there, asked):
        await ann.submit("bob@there.test")
        await until(lambda: bool(there.messages()))
        assert b"using TLSv1.3" in there.messages()[0]
        assert asked == ["GET /.well-known/mta-sts.txt HTTP/1.1"]
        await ann.submit("eve@there.test")
        await until(lambda: bool(there.messages("eve")))
        assert len(asked) == 1, "the policy is kept"


@pytest.mark.parametrize("fault", ["wrong name", "stripped"])
async def test_t_tls_2_and_3_an_enforced_policy_keeps_the_mail_here(
    tmp_path: Path, fault: str
) -> None:
    shown = "elsewhere.test" if fault == "wrong name" else "mx.there.test"
    async with world(tmp_path, "enforce", shown, tls=fault != "stripped") as (ann, there, asked):
        await ann.submit("bob@there.test")
        await until(lambda: ann.tried() == 1 and there.connections >= 2)
        await asyncio.sleep(0.5)
        assert asked
        assert ann.queued() == 1
        assert there.messages() == []
        assert "client=" not in there.log  # nobody said MAIL


@pytest.mark.parametrize("fault", ["wrong name", "stripped"])
async def test_a_policy_that_is_tested_delays_nothing(tmp_path: Path, fault: str) -> None:
    shown = "elsewhere.test" if fault == "wrong name" else "mx.there.test"
    async with world(tmp_path, "testing", shown, tls=fault != "stripped") as (ann, there, asked):
        await ann.submit("bob@there.test")
        await until(lambda: bool(there.messages()))
        assert asked
        await until(lambda: ann.queued() == 0)
