"""SPF's grammar and macros, without DNS."""

from contextlib import suppress
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.mailauth.spf_macro import (
    Facts,
    SpfSyntaxError,
    expand,
    expand_domain,
    parse_macros,
)
from mailserver.mailauth.spf_record import SpfResult, parse_record, select_records

FACTS = Facts(ip_address("192.0.2.3"), "strong-bad", "email.example.com", "mx.example.org")
FACTS6 = Facts(ip_address("2001:db8::cb01"), "strong-bad", "email.example.com", "mx.example.org")


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        (
            "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
            "3.2.0.192.in-addr.strong.lp._spf.example.com",
        ),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        ("%%%_%-", "% %20"),
        ("%{H}", "mx.example.org"),
        ("%{S}", "strong-bad%40email.example.com"),
    ],
)
def test_examples_of_the_standard(text: str, expanded: str) -> None:
    """RFC 7208 §7.4."""
    assert expand(parse_macros(text), FACTS, "email.example.com") == expanded


def test_ipv6_is_written_nibble_by_nibble() -> None:
    """RFC 7208 §7.4, its last example."""
    assert expand(parse_macros("%{ir}.%{v}._spf.%{d2}"), FACTS6, "email.example.com") == (
        "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com"
    )


def test_long_names_lose_labels_on_the_left() -> None:
    name = expand_domain(parse_macros("a." + "b" * 60 + ".%{d}"), FACTS, ".".join(["c" * 60] * 4))
    assert name == ".".join(["c" * 60] * 4)


@pytest.mark.parametrize(
    "text", ["%", "%{", "%{}", "%{x}", "%{d0}", "%{d", "%{d2x}", "a b", "%{c}", "%{t}", "%{d-r}"]
)
def test_malformed_macros_are_refused(text: str) -> None:
    with pytest.raises(SpfSyntaxError):
        parse_macros(text)


def test_explanations_have_more_letters_and_spaces() -> None:
    pieces = parse_macros("from %{c}", explanation=True)
    assert expand(pieces, FACTS, "email.example.com") == "from 192.0.2.3"


def test_records_are_told_from_other_texts() -> None:
    texts = [b"v=spf1", b"V=SPF1 -all", b"v=spf10 -all", b"v=spf1-all", b"x v=spf1", b"", b"v=spf"]
    assert select_records(texts) == [b"v=spf1", b"V=SPF1 -all"]


def test_terms_are_read_in_order() -> None:
    record = parse_record(b"v=spf1  A:x.test/24//64 ?mx ~ip4:192.0.2.0/24 -all redirect=y.test x=y")
    kinds = [(one.result, one.kind) for one in record.mechanisms]
    assert kinds == [
        (SpfResult.PASS, "a"),
        (SpfResult.NEUTRAL, "mx"),
        (SpfResult.SOFTFAIL, "ip4"),
        (SpfResult.FAIL, "all"),
    ]
    assert record.mechanisms[0][2:6] == (("x.test",), 0, 24, 64)
    assert record.redirect == ("y.test",)


@pytest.mark.parametrize(
    "terms",
    [
        "all:", "all/24", "include", "include:", "include:x", "include:x.1", "include:x.-a",
        "exists", "ptr:", "ptr/24", "a:", "a:x", "a/33", "a/024", "a//129", "a:x.test/", "mx:/24",
        "ip4", "ip4:", "ip4:1.2.3", "ip4:1.2.3.4/33", "ip4:1.2.3.4/", "ip4:01.2.3.4", "ip4:::1",
        "ip6:1.2.3.4", "ip6:::1/129", "ip6:fe80::1%eth0", "ip6:::1/0128", "redirect=",
        "redirect=x.test redirect=x.test", "exp=x.test exp=y.test", "redirect", "-redirect=x.test",
        "x=%{q}", "=x", "1=x", "--all", "unknown", "a:x.test\tb", "a:\x80.test",
    ],
)  # fmt: skip
def test_malformed_terms_spoil_the_record(terms: str) -> None:
    with pytest.raises(SpfSyntaxError):
        parse_record(b"v=spf1 ip4:192.0.2.1 " + terms.encode("latin-1"))


@pytest.mark.parametrize(
    "terms",
    ["a:%{d}", "a:x%{d}", "include:%{d2}.x.test.", "exists:a.1-1", "ptr:x.test", "a:x/y.test/24",
     "mx/0//0", "ip6:::ffff:1.2.3.4/96", "x.y-z_1=", "x=%{d}%%", "ALL", "exp=a.xn--p1ai"],
)  # fmt: skip
def test_unusual_terms_that_are_well_formed(terms: str) -> None:
    parse_record(b"v=spf1 " + terms.encode())


def test_absurdly_long_record_is_refused_unread() -> None:
    with pytest.raises(SpfSyntaxError, match="too long"):
        parse_record(b"v=spf1 " + b"a " * 5_000)


def test_quoted_mechanism_is_cut() -> None:
    (mechanism,) = parse_record(b"v=spf1 a:" + b"x" * 500 + b".test").mechanisms
    assert mechanism.text == "a:" + "x" * 78


@given(st.binary(max_size=200))
def test_no_octets_break_the_reader(octets: bytes) -> None:
    with suppress(SpfSyntaxError):
        parse_record(b"v=spf1 " + octets)
