"""T-READ-3: what a stranger names is asked for at the internet's addresses, and nowhere else."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
import trustme

from mailserver.model.errors import PeerFault
from mailserver.model.web_url import WebUrl
from mailserver.runtime.clock import SystemClock
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.tls_client import ClientTls
from mailserver.runtime.web_client import AGENT, Trouble, WebAnswer, WebClient, WebError
from tests.support.dns import DnsServer, standing_zone
from tests.support.internet import INSIDE, OUTSIDE, Internet, authority, internet
from tests.support.mail_host import tls_with
from tests.support.socket_spy import spying
from tests.support.web_host import answer, changing_dns, redirect

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
def dns() -> Iterator[DnsServer]:
    with standing_zone(NAMES) as server:
        yield server


@pytest.fixture
async def there(dns: DnsServer) -> AsyncIterator[Internet]:
    async with internet(dns.resolver(), NAMES) as made:
        yield made


async def get(there: Internet, url: str, *, redirects: int = 5, seconds: float = 5.0) -> WebAnswer:
    return await there.client.get(
        WebUrl.parse(url),
        most_octets=MOST,
        deadline=timedelta(seconds=seconds),
        redirects=redirects,
    )


async def trouble(there: Internet, url: str, *, seconds: float = 5.0) -> Trouble:
    with pytest.raises(WebError) as failed:
        await get(there, url, seconds=seconds)
    return failed.value.trouble


async def test_a_request_says_nothing_of_who_asks(there: Internet) -> None:
    cookie = "Set-Cookie: id=1; Path=/"
    there.outside.answers = {
        "/a?b=c%20d": answer(b"hello", "text/HTML; charset=utf-8", cookie),
        "/b": redirect("/a?b=c%20d"),
    }
    got = await get(there, "https://good.test/a?b=c d")
    assert got == WebAnswer(200, "text/html", b"hello")
    assert (await get(there, "https://alias.test/b")).octets == b"hello"
    assert there.outside.targets == ["/a?b=c%20d", "/b", "/a?b=c%20d"]
    for request in there.outside.asked:
        names = {line.partition(b":")[0].lower() for line in request.split(b"\r\n")[1:] if line}
        assert names == {b"host", b"user-agent", b"accept", b"accept-encoding", b"connection"}
        assert f"\r\nUser-Agent: {AGENT}\r\n".encode() in request
    assert b"\r\nHost: good.test\r\n" in there.outside.asked[0]
    assert b"\r\nHost: alias.test\r\n" in there.outside.asked[1]


async def test_t_read_3_only_the_internets_addresses_are_connected_to(there: Internet) -> None:
    there.outside.answers = {"/": answer(b"x")}
    with spying() as seen:
        assert (await get(there, "https://good.test/")).octets == b"x"
        for _ in range(5):
            assert (await get(there, "https://mixed.test/")).octets == b"x"
        for name in NAMES:
            if name not in ("good.test", "other.test", "alias.test", "mixed.test"):
                assert await trouble(there, f"https://{name}/") is Trouble.FORBIDDEN, name
                assert await trouble(there, f"http://{name}/") is Trouble.FORBIDDEN, name
        assert await trouble(there, "https://nobody.test/") is Trouble.UNREACHABLE
    to_web = {place for place in seen if place[1] == there.outside.port}
    assert to_web == {(OUTSIDE, there.outside.port)}


@pytest.mark.parametrize(
    "leads",
    [
        *("https://inside.test/", "//inside-alias.test/x", "https://metadata.test/latest/"),
        *("https://six.test/", "https://translated.test/", "https://zero.test/"),
    ],
)
async def test_t_read_3_each_redirection_is_judged_anew(there: Internet, leads: str) -> None:
    there.outside.answers = {"/": redirect("https://other.test/2"), "/2": redirect(leads)}
    assert await trouble(there, "https://good.test/") is Trouble.FORBIDDEN
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
    there: Internet, leads: str
) -> None:
    there.outside.answers = {"/": redirect(leads, "307 Temporary Redirect")}
    assert await trouble(there, "https://good.test/") is Trouble.BAD_URL


async def test_redirections_end_after_so_many(there: Internet) -> None:
    there.outside.answers = {"/": redirect("/")}
    got = await get(there, "https://good.test/", redirects=3)
    assert (got.status, got.octets) == (302, b"")
    assert len(there.outside.asked) == 4


async def test_t_read_3_a_name_that_answers_differently_gains_nothing() -> None:
    async with changing_dns([OUTSIDE, INSIDE]) as (endpoint, answered):
        resolver = Resolver([endpoint], clock=SystemClock())
        async with internet(resolver, ["rebind.test"]) as there:
            there.outside.answers = {"/": answer(b"x"), "/again": redirect("/")}
            assert (await get(there, "https://rebind.test/")).octets == b"x"
            assert answered == [OUTSIDE]  # one question: what was judged is what is connected to
            assert await trouble(there, "https://rebind.test/") is Trouble.FORBIDDEN
            assert await trouble(there, "https://rebind.test/again") is Trouble.FORBIDDEN
            assert answered == [OUTSIDE, INSIDE, OUTSIDE, INSIDE]


async def test_tls_is_for_the_name_that_was_asked(dns: DnsServer) -> None:
    there = Internet(dns.resolver())
    for certificate in (
        authority().issue_cert("else.test"),
        trustme.CA().issue_cert("good.test"),
    ):
        async with there.outside.serving(OUTSIDE, tls_with(certificate)):
            assert await trouble(there, "https://good.test/") is Trouble.UNTRUSTED
    async with there.outside.serving(OUTSIDE):
        assert await trouble(there, "https://good.test/", seconds=0.5) is Trouble.UNREACHABLE
    assert there.outside.asked == []


async def test_clear_text_is_asked_where_the_url_says_so(
    dns: DnsServer,
) -> None:
    async with internet(dns.resolver(), NAMES, secure=False) as there:
        there.outside.answers = {"/": answer(b"x")}
        assert (await get(there, "http://good.test/")).octets == b"x"


@pytest.mark.parametrize(
    ("said", "wanted"),
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
    there: Internet, said: bytes, wanted: Trouble
) -> None:
    there.outside.answers = {"/": said}
    assert await trouble(there, "https://good.test/") is wanted


async def test_nobody_is_waited_for_beyond_the_deadline(there: Internet) -> None:
    there.outside.delay = 1.0
    assert await trouble(there, "https://good.test/", seconds=0.3) is Trouble.TOO_LATE


async def test_what_is_sent_arrives_once_and_is_not_sent_elsewhere(there: Internet) -> None:
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
