"""Tag lists, signatures and key records, as written by the careful and by the careless."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.crypto.dkim import KeyType
from mailserver.mailauth.dkim_canon import Canon
from mailserver.mailauth.dkim_fields import (
    LINE_OCTETS,
    folded,
    key_record,
    parse_dkim_signature,
    parse_key_record,
    parse_tags,
)
from mailserver.model.errors import PeerFault
from tests.support.dkim import private_key

WHOLE = "v=1; a=rsa-sha256; d=example.org; s=one; h=from:to; bh=aGFzaA==; b=c2ln"
P = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="  # RFC 8463 §A.2; fixed, for it names tests
ED25519 = f"v=DKIM1; k=ed25519; p={P}"


def test_white_space_around_tags_goes_and_inside_them_stays() -> None:
    read = parse_tags(b" a = 1 ;\r\n\tb=\r\n x\r\n y ;c=;D_1=a=b;\r\n ")
    assert read == {"a": "1", "b": "x\r\n y", "c": "", "D_1": "a=b"}
    assert list(read) == ["a", "b", "c", "D_1"]
    assert parse_tags(b"") == parse_tags(b" \r\n ") == {}


@pytest.mark.parametrize(
    "value",
    [
        b"a",
        b"a=1;;b=2",
        b"a=1;a=2",
        b"=1",
        b"1a=1",
        b"a b=1",
        b"a-b=1",
        b";",
        b"a=\xff",
        b"\xa0a=1",
    ],
)
def test_what_is_no_tag_list_is_refused(value: bytes) -> None:
    with pytest.raises(PeerFault):
        parse_tags(value)


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_refused(value: bytes) -> None:
    for read in (parse_tags, parse_dkim_signature, parse_key_record):
        with suppress(PeerFault):
            read(value)


def test_a_signature_is_read() -> None:
    signature = parse_dkim_signature(
        b" v=1; a=Ed25519-SHA256; c=relaxed; q=dns/txt : other; d=Example.ORG;\r\n s=One.Two;"
        b" i=a=3Bb@Mail.example.org; h=From : To:\r\n\tfrom; l=12; t=1; x=2; z=ignored;"
        b" bh=aGF\r\n zaA==; b=c2 ln"
    )
    assert signature.algorithm == "ed25519-sha256"
    assert (signature.header_canon, signature.body_canon) == (Canon.RELAXED, Canon.SIMPLE)
    assert (signature.domain, signature.selector) == ("example.org", "one.two")
    assert (signature.identity, signature.within) == ("a;b@Mail.example.org", "mail.example.org")
    assert signature.names == (b"from", b"to", b"from")
    assert (signature.length, signature.signed_at, signature.expires_at) == (12, 1, 2)
    assert (signature.body_hash, signature.value, signature.text) == (b"hash", b"sig", "c2ln")


def test_what_is_left_out_has_its_default() -> None:
    signature = parse_dkim_signature(WHOLE.encode())
    assert (signature.header_canon, signature.body_canon) == (Canon.SIMPLE, Canon.SIMPLE)
    assert signature.identity == "@example.org"
    assert (signature.length, signature.signed_at, signature.expires_at) == (None, None, None)


def test_names_that_are_not_ascii_are_looked_up_as_a_labels() -> None:
    """RFC 8616 §4."""
    signature = parse_dkim_signature(WHOLE.replace("example.org", "bücher.example").encode())
    assert signature.domain == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("v=1", "v=2", "version"),
        ("v=1; ", "", "v="),
        ("rsa-sha256", "rsa-sha512", "algorithm"),
        ("rsa-sha256", "ed25519-sha1", "algorithm"),
        ("a=rsa-sha256; ", "", "a="),
        ("d=example.org", "d=exam ple.org", "domain"),
        ("d=example.org", "d=", "d="),
        ("s=one", "s=o;e", "no tag"),
        ("s=one", "s=one/two", "selector"),
        ("h=from:to", "h=to", "From"),
        ("h=from:to", "h=from::to", "field names"),
        ("h=from:to", "h=from:t o", "field names"),
        ("h=from:to", "h=" + "from:" * 1_001 + "to", "field names"),
        ("bh=aGFzaA==", "bh=a", "base64"),
        ("bh=aGFzaA==", "bh=aGFz*aA==", "base64"),
        ("b=c2ln", "b=", "b="),
        ("v=1", "v=1; c=relaxed/nofws", "canonicalisation"),
        ("v=1", "v=1; c=simple/simple/simple", "canonicalisation"),
        ("v=1", "v=1; q=http", "DNS"),
        ("v=1", "v=1; l=-1", "number"),
        ("v=1", "v=1; l=١", "number"),
        ("v=1", "v=1; t=", "number"),
        ("v=1", f"v=1; l={'9' * 77}", "number"),
        ("v=1", "v=1; t=2; x=1", "expires"),
        ("v=1", "v=1; i=@other.org", "identity"),
        ("v=1", "v=1; i=@notexample.org", "identity"),
        ("v=1", "v=1; i=example.org", "identity"),
        ("v=1", "v=1; i=a@b@org", "identity"),
    ],
)
def test_what_cannot_be_verified_says_why(old: str, new: str, why: str) -> None:
    assert old in WHOLE
    with pytest.raises(PeerFault) as caught:
        parse_dkim_signature(WHOLE.replace(old, new, 1).encode())
    assert why in caught.value.text


@pytest.mark.parametrize("kind", KeyType)
def test_a_key_record_of_ours_is_read_back(kind: KeyType) -> None:
    key = private_key(kind).public
    record = parse_key_record(key_record(key).encode())
    assert record.key.encode() == key.encode()
    assert (record.testing, record.exact) == (False, False)


@pytest.mark.parametrize(
    "text",
    [
        f"k=ed25519;p={P}",
        f" v = DKIM1 ; k = ed25519 ;\tp = {P[:9]} {P[9:]} ;",
        f"p={P}; k=ed25519; n=notes; x=unknown; g=*",
        f"v=DKIM1; k=ed25519; h=sha1:sha256:later; s=other:email; t=later; p={P}",
    ],
)
def test_key_records_of_every_shape_are_read(text: str) -> None:
    assert parse_key_record(text.encode()).key.kind is KeyType.ED25519


def test_flags_of_a_key_record_are_read() -> None:
    record = parse_key_record(f"v=DKIM1; k=ed25519; t= y : s ; p={P}".encode())
    assert (record.testing, record.exact) == (True, True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"v=DKIM2; k=ed25519; p={P}", "version"),
        (f"k=ed25519; v=DKIM1; p={P}", "version"),
        (f"v=dkim1; k=ed25519; p={P}", "version"),
        (f"v=DKIM1; k=later; p={P}", "kind"),
        (f"v=DKIM1; k=ed25519; h=sha1; p={P}", "SHA-256"),
        (f"v=DKIM1; k=ed25519; s=tlsrpt; p={P}", "not for mail"),
        ("v=DKIM1; k=ed25519; p=", "revoked"),
        ("v=DKIM1; p= ;", "revoked"),
        ("v=DKIM1; k=ed25519", "p="),
        ("v=DKIM1; k=ed25519; p=????", "base64"),
        (f"v=DKIM1; p={P}", "no rsa key"),
        ("v=spf1 -all", "version"),
        ("", "p="),
    ],
)
def test_a_key_that_may_not_be_used_says_why(text: str, why: str) -> None:
    with pytest.raises(PeerFault) as caught:
        parse_key_record(text.encode())
    assert why in caught.value.text


VALUES = st.from_regex(r"[!-:<-~]{1,75}", fullmatch=True)


@given(
    st.lists(st.tuples(st.from_regex(r"[a-z]{1,8}", fullmatch=True), VALUES), max_size=9).filter(
        lambda tags: len({name for name, _ in tags}) == len(tags)
    ),
    st.from_regex(r"[A-Za-z0-9+/]{0,400}", fullmatch=True),
)
def test_what_is_folded_is_read_back(tags: list[tuple[str, str]], value: str) -> None:
    whole = [(name, text) for name, text in tags if name != "b"] + [("b", value)]
    field = folded("DKIM-Signature", whole)
    assert all(len(line) <= LINE_OCTETS + 8 for line in field.split(b"\r\n"))
    read = parse_tags(field.partition(b":")[2])
    assert {name: "".join(text.split()) for name, text in read.items()} == dict(whole)
