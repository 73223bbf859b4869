"""Web addresses in one form, and those that are refused (RFC 3986, WHATWG URL)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.errors import PeerFault
from mailserver.model.web_url import CHARACTERS, WebUrl

READ = {
    "https://example.org": "https://example.org/",
    " \t\nHTTPS://EXAMPLE.org:443/a\n\tb?c=d#e ": "https://example.org/ab?c=d",
    "http://example.org:80?x=1": "http://example.org/?x=1",
    "http://example.org:/": "http://example.org/",
    "https://example.org/a b/ü?q=[1]|2&c=%zz%41": "https://example.org/a%20b/%C3%BC?q=[1]|2&c=%zz%41",
    "https://bücher.example./": "https://xn--bcher-kva.example/",
    "https://example.org/@user:pass": "https://example.org/@user:pass",
    "https://a-1.example.org//x/../y": "https://a-1.example.org//x/../y",
}
REFUSED = [
    *("", "example.org", "//example.org/", "ftp://example.org/", "file:///etc/passwd", "data:,x"),
    *("javascript:alert(1)", "https:/example.org", "https:example.org", "https://", "https:///x"),
    *(
        "https://noor@example.org/",
        "https://noor:pw@example.org/",
        "https://example.org@evil.test/",
    ),
    *("https://example.org\\@evil.test/", "https://evil.test\\.example.org/", "https://a.b/\\x"),
    *("https://example.org:80/", "http://example.org:443/", "https://example.org:8443/"),
    *("http://example.org:22/", "http://example.org:0/", "https://example.org:443:443/"),
    *("https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/"),
    *("https://0x7f.0x0.0x0.0x1/", "https://0177.0.0.1/", "https://127.0.0.1./", "https://0/"),
    *("https://127.0.0.0x1/", "https://192.0.43.8/", "https://a.1/", "https://a.0x/"),
    *("https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/"),
    *("https://①②⑦.⓪.⓪.①/", "https://127。0。0。1/", "https://１２７.0.0.1/"),
    *("https://localhost/", "https://intranet/", "https://%31%32%37.0.0.1/", "https://a..b/"),
    *(
        "https://exa mple.org/",
        "https://example.org\x00/",
        "https://example.org/\x7f",
        "https://-/",
    ),
    "https://example.org/" + "a" * CHARACTERS,
]


@pytest.mark.parametrize(("text", "wanted"), READ.items())
def test_a_url_is_written_in_one_form(text: str, wanted: str) -> None:
    url = WebUrl.parse(text)
    assert str(url) == wanted
    assert WebUrl.parse(str(url)) == url


@pytest.mark.parametrize("text", REFUSED)
def test_what_reads_differently_to_others_is_refused(text: str) -> None:
    with pytest.raises(PeerFault):
        WebUrl.parse(text)


@pytest.mark.parametrize(
    ("reference", "wanted"),
    [
        ("/y", "https://example.org/y"),
        ("y?k", "https://example.org/a/y?k"),
        ("//other.example/z", "https://other.example/z"),
        ("https://other.example", "https://other.example/"),
    ],
)
def test_a_redirection_is_read_against_where_it_was_said(reference: str, wanted: str) -> None:
    assert str(WebUrl.parse("https://example.org/a/b").joined(reference)) == wanted


@pytest.mark.parametrize(
    "reference",
    [
        *("http://example.org/", "https://127.0.0.1/", "//[::1]/", "//0x7f.1/", "file:///etc/x"),
        *("https://[::1", "gopher://example.org/", "https://example.org:22/", "a" * 9_000),
    ],
)
def test_a_redirection_leads_nowhere_that_a_url_may_not(reference: str) -> None:
    with pytest.raises(PeerFault):
        WebUrl.parse("https://example.org/a/b").joined(reference)


@given(st.text())
def test_what_is_read_is_safe_to_write(text: str) -> None:
    try:
        url = WebUrl.parse("https://" + text)
    except PeerFault:
        return
    assert url.target.isascii()
    assert url.target.isprintable()
    assert " " not in url.target
    assert url.target.startswith("/")
    assert not url.host.rpartition(".")[2].isdigit()
    assert WebUrl.parse(str(url)) == url
