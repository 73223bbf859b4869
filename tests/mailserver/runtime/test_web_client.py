"""T-READ-3: what a stranger names is asked for at the internet's addresses, and nowhere else.

127.0.0.9 plays the internet: the one address that the client under test may connect to. Another
server, at 127.0.0.1 and the same port, plays whatever stands within; it must never be asked.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from mailserver.model.errors import PeerFault
from mailserver.model.web_url import WebUrl
from mailserver.runtime.clock import SystemClock
from mailserver.runtime.internet import is_public
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.tls_client import ClientTls
from mailserver.runtime.web_client import AGENT, Trouble, WebAnswer, WebClient, WebError
from tests.support.dns import DnsServer, standing_zone
from tests.support.mail_host import tls_with
from tests.support.socket_spy import spying
from tests.support.web_host import WebHost, answer, changing_dns, redirect

OUTSIDE, INSIDE = "127.0.0.9", "127.0.0.1"
MOST = 1_000
NAMES = {
    "good.test": [f"A {OUTSIDE}"],
    "other.test": [f"A {OUTSIDE}"],
    "alias.test": ["CNAME good.test."],
    "mixed.test": [f"A {INSIDE}", f"A {OUTSIDE}", "AAAA ::1", "AAAA fd00::1"],
    "inside.test": [f"A {INSIDE}"],
    "inside-alias.test": ["CNAME inside.test."],
    "private.test": ["A 10.0.0.1", "A 172.16.0.1", "A 192.168.0.1", "A 100.64.0.1"],
    "metadata.test": ["A 169.254.169.254"],
    "zero.test": ["A 0.0.0.0", "AAAA ::"],
    "six.test": ["AAAA ::1", "AAAA fe80::1", "AAAA fc00::1", "AAAA ff02::1"],
    "mapped.test": ["AAAA ::ffff:127.0.0.1", "AAAA ::ffff:7f00:9"],
    "translated.test": ["AAAA 64:ff9b::7f00:1", "AAAA 64:ff9b:1::7f00:1"],
    "tunnelled.test": ["AAAA 2002:7f00:1::1", "AAAA 2001:0:7f00:1::"],
    "multicast.test": ["A 224.0.0.1", "A 255.255.255.255"],
}
"""What a stranger's zone may say."""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    path: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return ClientTls.load(path).naming


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone(NAMES) as server:
        yield server


@dataclass
class World:
    """One host of the internet, one within, and a client that may reach the first."""

    resolver: Resolver
    tls: ssl.SSLContext
    outside: WebHost = field(default_factory=WebHost)
    inside: WebHost = field(default_factory=WebHost)

    @property
    def client(self) -> WebClient:
        return WebClient(
            self.resolver,
            self.tls,
            may_connect=lambda address: address == OUTSIDE or is_public(address),
            ports={"https": self.outside.port, "http": self.outside.port},
        )

    async def get(self, url: str, *, redirects: int = 5, seconds: float = 5.0) -> WebAnswer:
        return await self.client.get(
            WebUrl.parse(url),
            most_octets=MOST,
            deadline=timedelta(seconds=seconds),
            redirects=redirects,
        )

    async def trouble(self, url: str, *, seconds: float = 5.0) -> Trouble:
        with pytest.raises(WebError) as failed:
            await self.get(url, seconds=seconds)
        return failed.value.trouble


@asynccontextmanager
async def world_of(
    dns: DnsServer, authority: trustme.CA, tls: ssl.SSLContext, *, secure: bool = True
) -> AsyncIterator[World]:
    shown = tls_with(authority.issue_cert(*NAMES)) if secure else None
    made = World(dns.resolver(), tls)
    async with (
        made.outside.serving(OUTSIDE, shown),
        made.inside.serving(INSIDE, shown, made.outside.port),
    ):
        yield made
    assert made.inside.connections == 0


@pytest.fixture
async def there(dns: DnsServer, authority: trustme.CA, tls: ssl.SSLContext) -> AsyncIterator[World]:
    async with world_of(dns, authority, tls) as made:
        yield made


async def test_a_request_says_nothing_of_who_asks(there: World) -> None:
    cookie = "Set-Cookie: id=1; Path=/"
    there.outside.answers = {
        "/a?b=c%20d": answer(b"hello", "text/HTML; charset=utf-8", cookie),
        "/b": redirect("/a?b=c%20d"),
    }
    got = await there.get("https://good.test/a?b=c d")
    assert got == WebAnswer(200, "text/html", b"hello")
    assert (await there.get("https://alias.test/b")).octets == b"hello"
    assert there.outside.targets == ["/a?b=c%20d", "/b", "/a?b=c%20d"]
    for request in there.outside.asked:
        names = {line.partition(b":")[0].lower() for line in request.split(b"\r\n")[1:] if line}
        assert names == {b"host", b"user-agent", b"accept", b"accept-encoding", b"connection"}
        assert f"\r\nUser-Agent: {AGENT}\r\n".encode() in request
    assert b"\r\nHost: good.test\r\n" in there.outside.asked[0]
    assert b"\r\nHost: alias.test\r\n" in there.outside.asked[1]


async def test_t_read_3_only_the_internets_addresses_are_connected_to(there: World) -> None:
    there.outside.answers = {"/": answer(b"x")}
    with spying() as seen:
        assert (await there.get("https://good.test/")).octets == b"x"
        for _ in range(5):
            assert (await there.get("https://mixed.test/")).octets == b"x"
        for name in NAMES:
            if name not in ("good.test", "other.test", "alias.test", "mixed.test"):
                assert await there.trouble(f"https://{name}/") is Trouble.FORBIDDEN, name
                assert await there.trouble(f"http://{name}/") is Trouble.FORBIDDEN, name
        assert await there.trouble("https://nobody.test/") is Trouble.UNREACHABLE
    to_web = {place for place in seen if place[1] == there.outside.port}
    assert to_web == {(OUTSIDE, there.outside.port)}


@pytest.mark.parametrize(
    "leads",
    [
        *("https://inside.test/", "//inside-alias.test/x", "https://metadata.test/latest/"),
        *("https://six.test/", "https://translated.test/", "https://zero.test/"),
    ],
)
async def test_t_read_3_each_redirection_is_judged_anew(there: World, leads: str) -> None:
    there.outside.answers = {"/": redirect("https://other.test/2"), "/2": redirect(leads)}
    assert await there.trouble("https://good.test/") is Trouble.FORBIDDEN
    assert there.outside.targets == ["/", "/2"]


@pytest.mark.parametrize(
    "leads",
    [
        *("https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://[::1]/"),
        *("http://good.test/", "ftp://good.test/", "file:///etc/passwd", "https://good.test:22/"),
        *("https://a@good.test/", "https://localhost/", "\\\\inside.test\\", "javascript:x"),
    ],
)
async def test_t_read_3_a_redirection_to_what_is_no_such_url_ends_it(
    there: World, leads: str
) -> None:
    there.outside.answers = {"/": redirect(leads, "307 Temporary Redirect")}
    assert await there.trouble("https://good.test/") is Trouble.BAD_URL


async def test_redirections_end_after_so_many(there: World) -> None:
    there.outside.answers = {"/": redirect("/")}
    got = await there.get("https://good.test/", redirects=3)
    assert (got.status, got.octets) == (302, b"")
    assert len(there.outside.asked) == 4


async def test_t_read_3_a_name_that_answers_differently_gains_nothing(
    authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    shown = tls_with(authority.issue_cert("rebind.test"))
    async with changing_dns([OUTSIDE, INSIDE]) as (endpoint, answered):
        there = World(Resolver([endpoint], clock=SystemClock()), tls)
        there.outside.answers = {"/": answer(b"x"), "/again": redirect("/")}
        async with (
            there.outside.serving(OUTSIDE, shown),
            there.inside.serving(INSIDE, shown, there.outside.port),
        ):
            assert (await there.get("https://rebind.test/")).octets == b"x"
            assert answered == [OUTSIDE]  # one question: what was judged is what is connected to
            assert await there.trouble("https://rebind.test/") is Trouble.FORBIDDEN
            assert await there.trouble("https://rebind.test/again") is Trouble.FORBIDDEN
            assert answered == [OUTSIDE, INSIDE, OUTSIDE, INSIDE]
    assert there.inside.connections == 0


async def test_tls_is_for_the_name_that_was_asked(
    dns: DnsServer, authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    there = World(dns.resolver(), tls)
    for certificate in (
        authority.issue_cert("else.test"),
        trustme.CA().issue_cert("good.test"),
    ):
        async with there.outside.serving(OUTSIDE, tls_with(certificate)):
            assert await there.trouble("https://good.test/") is Trouble.UNTRUSTED
    async with there.outside.serving(OUTSIDE):
        assert await there.trouble("https://good.test/", seconds=0.5) is Trouble.UNREACHABLE
    assert there.outside.asked == []


async def test_clear_text_is_asked_where_the_url_says_so(
    dns: DnsServer, authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    async with world_of(dns, authority, tls, secure=False) as there:
        there.outside.answers = {"/": answer(b"x")}
        assert (await there.get("http://good.test/")).octets == b"x"


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        (answer(b"x" * (MOST + 1)), Trouble.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * (MOST + 1), Trouble.TOO_LARGE),
        (answer(b"\x1f\x8b", "image/png", "Content-Encoding: gzip"), Trouble.UNREACHABLE),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, Trouble.UNREACHABLE),
        (b"what?\r\n\r\n", Trouble.UNREACHABLE),
        (b"", Trouble.UNREACHABLE),
        (answer(b"x").replace(b"Length: 1", b"Length: 9"), Trouble.UNREACHABLE),
    ],
)
async def test_an_answer_is_taken_up_to_a_size_and_as_it_is(
    there: World, said: bytes, trouble: Trouble
) -> None:
    there.outside.answers = {"/": said}
    assert await there.trouble("https://good.test/") is trouble


async def test_nobody_is_waited_for_beyond_the_deadline(there: World) -> None:
    there.outside.delay = 1.0
    assert await there.trouble("https://good.test/", seconds=0.3) is Trouble.TOO_LATE


async def test_what_is_sent_arrives_once_and_is_not_sent_elsewhere(there: World) -> None:
    second = timedelta(seconds=5)
    there.outside.answers = {"/": redirect("https://other.test/2", "307 Temporary Redirect")}
    got = await there.client.post(
        WebUrl.parse("https://good.test/"), b"a=b", "x/y", deadline=second
    )
    assert (got.status, got.octets) == (307, b"")
    with pytest.raises(WebError):
        await there.client.post(
            WebUrl.parse("https://inside.test/"), b"a=b", "x/y", deadline=second
        )
    (request,) = there.outside.asked
    assert request.startswith(b"POST / HTTP/1.1\r\n")
    assert b"\r\nContent-Type: x/y\r\n" in request
    assert request.endswith(b"\r\n\r\na=b")
    assert b"cookie" not in request.lower()


def test_a_context_that_checks_no_name_is_refused() -> None:
    with pytest.raises(ValueError, match="certificate"):
        WebClient(None, ClientTls.load().chaining)  # type: ignore[arg-type]


def test_an_address_is_not_a_name() -> None:
    with pytest.raises(PeerFault):
        WebUrl.parse(f"https://{OUTSIDE}/")
