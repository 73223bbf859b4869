"""T-READ-6: a list is left by one click only where a signature that holds covers the way out."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from mailserver.mail.account import Account
from mailserver.mail.unsubscribing import Offer, OneClick, Result, Unsubscribing
from mailserver.mailauth.dkim import sign
from mailserver.mailauth.dkim_canon import Letter as Signed
from mailserver.mailauth.dkim_fields import parse_dkim_signature
from mailserver.model.errors import Refused
from mailserver.model.sealed import Plaintext
from mailserver.protocol.mime.list_unsubscribe import Letter
from tests.support.dkim import published, signing_key, zone
from tests.support.dns import DnsServer, standing_zone
from tests.support.internet import INSIDE, OUTSIDE, Internet, internet
from tests.support.mail import MailNode, append, messages
from tests.support.screening import HOST, RECORDS, mail_from, mx
from tests.support.socket_spy import spying
from tests.support.web_host import answer, redirect

KEY = signing_key(domain="news.test")
WEB = {"news.test": [f"A {OUTSIDE}"], "inside.test": [f"A {INSIDE}"]}
CLICK = "List-Unsubscribe=One-Click"
URL = "https://news.test/leave?who=noor%40x"
Change = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone({**RECORDS, **WEB, **zone(published([KEY]))}) as server:
        yield server


@dataclass
class Subscriber:
    """Somebody who gets mail of a list, and the internet around."""

    mail: MailNode
    dns: DnsServer
    there: Internet
    account: Account

    @property
    def lists(self) -> Unsubscribing:
        node = self.mail.node
        resolver = self.dns.resolver(node.clock)
        return Unsubscribing(self.there.client, resolver, node.clock, node.offload, HOST)

    def letter(self, way: str = f"<{URL}>", post: str | None = CLICK) -> bytes:
        more = {} if post is None else {"List_Unsubscribe_Post": post}
        return mail_from("bob@news.test", List_Unsubscribe=way, To="alice@example.org", **more)

    def signed(self, letter: bytes) -> bytes:
        return sign(letter, [KEY], now=self.mail.node.clock.now()) + letter

    async def got(self, octets: bytes) -> Plaintext:
        """Return a letter as it lies here after it came by the MX."""
        async with mx(self.mail, self.dns, spam__greylisting=False) as door:
            assert await door.take(octets, sender="bob@nowhere.test") == [None]
        return await last(self.account)


async def last(account: Account) -> Plaintext:
    octets = (await messages(account, content=True))[-1].octets
    assert octets is not None
    return octets


@pytest.fixture
async def alice(mail: MailNode, dns: DnsServer) -> AsyncIterator[Subscriber]:
    async with subscriber(mail, dns) as who:
        yield who


@asynccontextmanager
async def subscriber(mail: MailNode, dns: DnsServer) -> AsyncIterator[Subscriber]:
    account = await mail.account()
    async with internet(dns.resolver(), WEB) as there:
        there.outside.answers = {"/leave?who=noor%40x": answer(b"bye")}
        yield Subscriber(mail, dns, there, account)
    await account.close()


async def test_one_click_is_one_post_that_tells_nothing_else(alice: Subscriber) -> None:
    letter = await alice.got(alice.signed(alice.letter()))
    assert alice.lists.offer(letter) == Offer(OneClick("news.test", "news.test"), None, False, URL)
    assert await alice.lists.post(letter) is Result.UNSUBSCRIBED
    (request,) = alice.there.outside.asked
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /leave?who=noor%40x HTTP/1.1\r\nHost: news.test\r\n")
    assert b"\r\nContent-Type: application/x-www-form-urlencoded\r\n" in head
    assert body == CLICK.encode()
    for word in (b"cookie", b"authorization", b"referer", b"origin", b"alice"):
        assert word not in request.lower()


@pytest.mark.parametrize("way", ["offer", "offer and letter"])
async def test_t_read_2_nobody_is_asked_before_the_click(alice: Subscriber, way: str) -> None:
    more = ", <mailto:leave@news.test>" if "letter" in way else ""
    letter = await alice.got(alice.signed(alice.letter(f"<{URL}>{more}")))
    lists = alice.lists
    with spying() as seen:
        offer = lists.offer(letter)
    assert seen == []
    assert offer.one_click is not None
    assert (offer.letter is not None) is bool(more)


def _without_signature(octets: bytes) -> bytes:
    return octets.partition(b"From:")[1] + octets.partition(b"From:")[2]


def _resigned(octets: bytes) -> bytes:
    """Let the signature be another's who cannot sign for news.test."""
    return octets.replace(b"d=news.test", b"d=there.test")


CHANGES: dict[str, Change] = {
    "unsigned": _without_signature,
    "another URL": lambda octets: octets.replace(
        b"https://news.test/leave", b"https://news.test/x"
    ),
    "another body": lambda octets: octets + b"More.\r\n",
    "a second field": lambda octets: b"List-Unsubscribe: <https://news.test/x>\r\n" + octets,
    "a second word": lambda octets: b"List-Unsubscribe-Post: " + CLICK.encode() + b"\r\n" + octets,
    "another domain": _resigned,
    "not covered": lambda octets: octets.replace(b"list-unsubscribe-post:", b"x-a:"),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_t_read_6_what_is_not_covered_is_not_posted(alice: Subscriber, what: str) -> None:
    letter = await alice.got(CHANGES[what](alice.signed(alice.letter())))
    assert alice.lists.offer(letter).one_click is None
    assert await alice.lists.post(letter) in (Result.UNSIGNED, Result.NOT_OFFERED)
    assert alice.there.outside.connections == 0


async def test_t_read_6_a_signature_must_name_both_fields(alice: Subscriber) -> None:
    unnamed = alice.signed(alice.letter(post=None))
    head, _, rest = unnamed.partition(b"List-Unsubscribe:")
    added = head + b"List-Unsubscribe-Post: " + CLICK.encode() + b"\r\nList-Unsubscribe:" + rest
    letter = await alice.got(added)  # we oversign, so that it breaks the signature, too
    assert await alice.lists.post(letter) is Result.UNSIGNED
    assert alice.lists.offer(letter).one_click is None


async def test_t_read_6_findings_that_somebody_filed_himself_are_not_believed(
    alice: Subscriber,
) -> None:
    signed = alice.signed(alice.letter())
    (field,) = Signed(signed).named(b"dkim-signature")
    tag = parse_dkim_signature(field.value).text[:8]
    forged = f'Authentication-Results: {HOST}; dkim=pass header.b="{tag}"\r\n'.encode()
    await append(alice.account, forged + signed.replace(b"Words.", b"Sword."))
    letter = await last(alice.account)
    assert alice.lists.offer(letter).one_click is not None  # the button is shown
    assert await alice.lists.post(letter) is Result.UNSIGNED  # and nothing comes of it
    assert alice.there.outside.connections == 0


async def test_t_read_6_a_signature_that_expired_or_lost_its_key_is_none(
    alice: Subscriber,
) -> None:
    letter = await alice.got(alice.signed(alice.letter()))
    await alice.dns.replace({**RECORDS, **WEB})
    try:
        alice.mail.node.clock.advance(timedelta(days=2))
        assert await alice.lists.post(letter) is Result.UNSIGNED
    finally:
        await alice.dns.replace({**RECORDS, **WEB, **zone(published([KEY]))})
    assert alice.there.outside.connections == 0


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (answer(status="500 Internal Server Error"), Result.DECLINED),
        (answer(status="404 Not Found"), Result.DECLINED),
        (redirect("https://inside.test/"), Result.DECLINED),
        (redirect("https://news.test/thanks", "307 Temporary Redirect"), Result.DECLINED),
        (answer(status="202 Accepted"), Result.UNSUBSCRIBED),
        (b"what?\r\n\r\n", Result.UNREACHABLE),
    ],
)
async def test_what_the_server_says_is_what_counts(
    alice: Subscriber, said: bytes, wanted: Result
) -> None:
    letter = await alice.got(alice.signed(alice.letter()))
    alice.there.outside.answers["/leave?who=noor%40x"] = said
    assert await alice.lists.post(letter) is wanted
    assert len(alice.there.outside.asked) == 1  # RFC 8058 §3.1: redirections are not followed


@pytest.mark.parametrize(
    "way",
    [
        *("<https://inside.test/leave>", "<http://news.test/leave>", "<https://127.0.0.1/x>"),
        *("<https://[::1]/>", "<https://2130706433/>", "<https://0x7f.1/x>", "<mailto:a@b.test>"),
        *("<https://a@news.test/>", "<https://news.test:8443/>", "https://news.test/leave"),
    ],
)
async def test_t_read_3_no_way_out_leads_within(alice: Subscriber, way: str) -> None:
    letter = await alice.got(alice.signed(alice.letter(way)))
    assert await alice.lists.post(letter) in (Result.NOT_OFFERED, Result.UNREACHABLE)
    assert alice.there.outside.connections == 0


async def test_a_letter_is_sent_in_the_name_that_the_list_knows(alice: Subscriber) -> None:
    way = "<mailto:bob@example.org?subject=leave%20x1&body=go&bcc=eve@else.test>"
    bob = await alice.mail.account("bob@example.org")
    letter = await alice.got(alice.signed(alice.letter(way, post=None)))
    offer = alice.lists.offer(letter)
    assert offer == Offer(None, Letter("bob@example.org", "leave x1", "go"), True, "")
    who = alice.account.submitter
    assert await alice.lists.write(letter, who, alice.mail.submission) is Result.SENT
    sent = (await last(bob)).reveal().decode()
    assert "\r\nFrom: alice@example.org\r\n" in sent
    assert "\r\nSubject: leave x1\r\n" in sent
    assert sent.endswith("\r\n\r\ngo")
    assert "eve@else.test" not in sent
    await bob.close()


async def test_a_letter_to_nowhere_in_particular_is_not_sent(alice: Subscriber) -> None:
    forged = await alice.got(alice.letter("<mailto:bob@example.org>", post=None))
    who, through = alice.account.submitter, alice.mail.submission
    assert not alice.lists.offer(forged).vouched
    assert await alice.lists.write(forged, who, through) is Result.UNSIGNED
    none = await alice.got(alice.signed(alice.letter(post=None)))
    assert await alice.lists.write(none, who, through) is Result.NOT_OFFERED
    away = await alice.got(alice.signed(alice.letter("<mailto:a@else.test>", post=None)))
    with pytest.raises(Refused):
        await alice.lists.write(away, who, through)
