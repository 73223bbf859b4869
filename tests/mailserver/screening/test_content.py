"""What a message shows of itself, and links that lie."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.protocol.mime.scan import scan
from mailserver.screening.content import gather
from mailserver.screening.facts import Content
from mailserver.screening.links import LINKS, Links, links
from mailserver.screening.lookalike import imitates, mixes_scripts, shown

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def read(message: bytes) -> tuple[Content, frozenset[str]]:
    return gather(
        scan(message),
        message,
        author="there.test",
        recipients=1,
        now=NOW,
        known_domains=frozenset({"example.org"}),
    )


def test_header_and_body_are_read() -> None:
    content, domains = read(
        b"From: =?utf-8?q?Bj=C3=B6rn?= <b@there.test>\r\nReply-To: x@Collect.Test\r\n"
        b"To: a@example.org, b@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        b"Date: Mon, 2 Mar 2026 08:00:00 +0000\r\nMessage-ID: <1@there.test>\r\n"
        b'References: <0@x>\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
        b"--b\r\n\r\nHello there\r\n--b\r\nContent-Type: text/html\r\n\r\n"
        b'<a href="http://shop.test/x">Shop</a><img src="cid:1">\r\n--b--\r\n'
    )
    assert content.author_name == "Björn"
    assert content.reply_domain == "collect.test"
    assert content.subject == "Grüße"
    assert content.date == int(NOW.timestamp()) - 3_600
    assert (content.has_message_id, content.has_recipients, content.answers) == (True, True, True)
    assert (content.named_recipients, content.html, content.plain, content.images) == (
        2,
        True,
        True,
        1,
    )
    assert domains == {"shop.test", "there.test", "collect.test"}


def test_a_bare_message_has_nothing() -> None:
    content, _ = read(b"\r\nHello\r\n")
    assert content.date is None
    assert not content.has_message_id
    assert not content.has_recipients


def test_a_picture_is_not_text() -> None:
    content, _ = read(
        b'Content-Type: text/html\r\n\r\n<html><img src="http://x.test/1.png" '
        b'alt="">' + b"<b></b>" * 500 + b"</html>"
    )
    assert (content.images, content.letters, content.html, content.plain) == (1, 0, True, False)


@given(st.binary(max_size=2_000))
def test_nothing_makes_it_fail(octets: bytes) -> None:
    read(octets)
    read(b"Content-Type: text/html; charset=utf-7\r\n\r\n" + octets)


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ('<a href="https://bank.test/">https://www.bank.test/in</a>', (0, 0)),
        ('<a href="https://evil.test/">https://www.bank.test/in</a>', (1, 0)),
        ("<A class=x HREF='http://evil.test'> bank.test </A>", (1, 0)),
        ('<a href="http://bank.test@evil.test/">bank.test</a>', (1, 0)),
        ('<a href="https://evil.test/">Click here.</a>', (0, 0)),
        ('<a href="https://evil.test/">e.g. this</a>', (0, 0)),
        ('<a href="http://198.51.100.7/x">bank</a>', (0, 1)),
        ('<a href="http://[2001:db8::1]/x">bank</a>', (0, 1)),
        ('<a href="mailto:a@bank.test">x.test</a>', (0, 0)),
        ("<a name=x>bank.test</a>", (0, 0)),
        ("", (0, 0)),
    ],
)
def test_links_that_lie(page: str, found: tuple[int, int]) -> None:
    seen = links(page)
    assert (seen.misleading, seen.bare) == found


def test_links_are_bounded_and_add_up() -> None:
    page = '<a href="http://h{}.test">x</a>'
    seen = links("".join(page.format(number) for number in range(3 * LINKS)))
    assert len(seen.hosts) == LINKS
    assert seen + Links(1, 2, frozenset({"other.test"})) == Links(1, 2, seen.hosts | {"other.test"})


def test_a_page_made_to_be_slow_is_not() -> None:
    assert links("<a " * 20_000) == links("<a href=" * 8_000) == links("<a x>" * 13_000)


@pytest.mark.parametrize(
    "domain", ["examp1e.org", "exarnple.org", "exampl.org", "examplee.org", "exаmple.org",
               "ex-ample.org", "éxample.org"]
)  # fmt: skip
def test_imitations(domain: str) -> None:
    assert imitates(domain, "example.org")


@pytest.mark.parametrize(
    "domain", ["example.org", "mail.example.org", "sample.org", "elsewhere.test", "org", ""]
)
def test_no_imitations(domain: str) -> None:
    assert not imitates(domain, "example.org")


def test_short_names_are_one_letter_apart_by_chance() -> None:
    assert not imitates("abd.org", "abc.org")
    assert imitates("аbс.org", "abc.org")


def test_scripts() -> None:
    assert mixes_scripts("pаypal.com")
    assert not mixes_scripts("пример.com")
    assert not mixes_scripts("bücher.test")
    assert shown("xn--bcher-kva.test") == "bücher.test"
    assert shown("xn--.test") in {".test", "xn--.test"}
