"""Address lists in all the shapes they come in (RFC 5322 §3.4, §4.4)."""

import pytest

from mailserver.protocol.mime.addresses import ADDRESSES, GROUP_END, Mailbox, addresses


def box(
    local: bytes, domain: bytes | None = b"x.test", name: bytes | None = None,
    route: bytes | None = None,
) -> Mailbox:  # fmt: skip
    return Mailbox(name, route, local, domain)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"a@x.test", [box(b"a")]),
        (b"<a@x.test>", [box(b"a")]),
        (b"Ann <a@x.test>", [box(b"a", name=b"Ann")]),
        (b'"Ann, B." <a@x.test>', [box(b"a", name=b"Ann, B.")]),
        (b'"" <a@x.test>', [box(b"a")]),
        (b"Ann   B <a@x.test>, c@x.test,", [box(b"a", name=b"Ann B"), box(b"c")]),
        (b"=?utf-8?q?=C3=A9?= <a@x.test>", [box(b"a", name=b"=?utf-8?q?=C3=A9?=")]),
        (b"\xc3\xa9 <\xc3\xa9@x.test>", [box(b"\xc3\xa9", name=b"\xc3\xa9")]),
        (b"", []),
        (b"  ", []),
        (b",,", []),
        # quoted pairs, words in quotes and out of them
        (b'"A \\"B\\"" C. D <a@x.test>', [box(b"a", name=b'A "B" C. D')]),
        (b'"a b"@x.test', [box(b"a b")]),
        (b'"a\\"b"@x.test', [box(b'a"b')]),
        # comments: ignored, or the name where there is none
        (b"a@x.test (Ann (B))", [box(b"a", name=b"Ann (B)")]),
        (b"(c) Ann (d) <a@x.test> (e)", [box(b"a", name=b"Ann")]),
        (b"a@x.test (Ann \\) B)", [box(b"a", name=b"Ann ) B")]),
        (b"a@x.test (never closed", [box(b"a")]),
        (b"a (c) @ (d) x.test", [box(b"a", name=b"d")]),
        # groups
        (b"g: a@x.test, b@x.test;, c@x.test", [
            box(b"g", None), box(b"a"), box(b"b"), GROUP_END, box(b"c")]),
        (b"no recipients:;", [box(b"no recipients", None), GROUP_END]),
        (b"g: a@x.test", [box(b"g", None), box(b"a"), GROUP_END]),
        (b"a;b@x.test", [box(b"a", b""), box(b"b")]),
        (b"g: h: a@x.test;", [box(b"g", None), box(b"a", name=b"h"), GROUP_END]),
        # routes and domain literals
        (b"<@r:a@x.test>", [box(b"a", route=b"@r")]),
        (b"<@r, @s:a@x.test>", [box(b"a", route=b"@r,@s")]),
        (b"<a@[192.0.2.1]>", [box(b"a", b"[192.0.2.1]")]),
        (b"<a:b@x.test>", [box(b"ab")]),
        # what is missing is empty
        (b"root", [box(b"root", b"")]),
        (b"<>", [box(b"", b"")]),
        (b"@x.test", [box(b"")]),
        (b"a@", [box(b"a", b"")]),
        (b"Ann B", [box(b"", b"", name=b"Ann B")]),
        # nonsense
        (b"Ann B a@x.test", [box(b"a", name=b"Ann B")]),
        (b"Ann a@b <a@x.test>", [box(b"a", name=b"Ann a@b")]),
        (b"<a@x.test> junk, b@x.test", [box(b"a"), box(b"b")]),
        (b"<a@x.test>@y, b@x.test", [box(b"a"), box(b"b")]),
        (b"a@b@c", [box(b"a", b"b@c")]),
        (b"x <y<z@w>", [box(b"yz", b"w", name=b"x")]),
        (b"a \\ b@x.test", [box(b"b", name=b"a")]),
        (b") a@x.test", [box(b"a")]),
    ],
)  # fmt: skip
def test_addresses(value: bytes, expected: list[Mailbox]) -> None:
    assert addresses(value) == expected


def test_the_number_of_addresses_is_bounded() -> None:
    assert len(addresses(b"a@x.test," * (ADDRESSES + 5))) == ADDRESSES
    assert len(addresses(b"(c)a@x.test," * (ADDRESSES + 5))) == ADDRESSES
