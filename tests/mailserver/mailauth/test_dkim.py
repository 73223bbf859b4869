"""Signatures verified and made: published messages, and what strangers do to them."""

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from mailserver.crypto.dkim import PrivateKey, PublicKey
from mailserver.mailauth.dkim import (
    MOST_SIGNATURES,
    DkimResult,
    DkimSignature,
    SigningKey,
    sign,
    signed_field,
    verify,
)
from mailserver.mailauth.dkim_canon import Canon, HeaderField, Letter, header_digest
from mailserver.mailauth.dkim_fields import key_record, parse_tags
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import Resolver
from tests.support.dkim import (
    NOW,
    RFC_6376,
    RFC_8463,
    RFC_8463_SEED,
    RFC_KEYS,
    both_keys,
    lines,
    published,
    signing_key,
    zone,
)
from tests.support.dns import DnsServer, standing_zone, txt

MESSAGE = lines("""\
From: Alice <alice@example.org>
To: bob@example.net
Subject: lunch
Date: Sun, 01 Mar 2026 12:00:00 +0000
Message-ID: <1@example.org>

At one?
""")
WEAK = signing_key(bits=1024)
ED25519, RSA = both_keys()
P = key_record(ED25519.private.public).rpartition("p=")[2]
PKCS8_ED25519 = bytes.fromhex("302e020100300506032b657004220420")  # what stands before the seed
TOO_SHORT = PublicKey(rsa.RSAPublicNumbers(65537, (1 << 767) + 1).public_key())
ODD = {
    "short": key_record(TOO_SHORT),
    "revoked": "v=DKIM1; p=",
    "testing": f"v=DKIM1; k=ed25519; t=y; p={P}",
    "exact": f"v=DKIM1; k=ed25519; t=s; p={P}",
    "sha1": f"v=DKIM1; k=ed25519; h=sha1; p={P}",
    "service": f"v=DKIM1; k=ed25519; s=tlsrpt; p={P}",
    "kind": key_record(RSA.private.public),
    "broken": "v=DKIM1; k=ed25519; p=AAAA",
    "other": "v=spf1 -all",
}


@pytest.fixture(scope="module")
def served() -> Iterator[DnsServer]:
    """A name server with every key of this file."""
    records = RFC_KEYS | published([ED25519, RSA, WEAK])
    odd = {f"{name}._domainkey.example.org": text for name, text in ODD.items()}
    several = {"several._domainkey.example.org": [txt(ODD["other"]), txt(ODD["testing"])]}
    with standing_zone({**zone(records | odd), **several}, servfail=["down.test"]) as dns:
        yield dns


@pytest.fixture
def resolver(served: DnsServer) -> Resolver:
    """Ask it."""
    return served.resolver()


def under(selector: str, key: SigningKey = ED25519) -> SigningKey:
    """Say that a key is found under another selector."""
    return SigningKey(key.domain, selector, key.private)


def signed(
    *more: tuple[str, str],
    key: SigningKey = ED25519,
    message: bytes = MESSAGE,
    names: Sequence[bytes] = (b"from", b"to", b"subject"),
) -> bytes:
    """Sign a message as we never would: any tags, any list of names."""
    leading = (("v", "1"), ("a", f"{key.private.kind.value}-sha256"), *more)
    field = signed_field("DKIM-Signature", leading, Letter(message), names, key, now=NOW)
    return field + message


async def only(resolver: Resolver, message: bytes, offload: Offload | None = None) -> DkimSignature:
    """Verify a message with one signature."""
    (found,) = await verify(resolver, message, now=NOW, offload=offload)
    return found


async def test_the_example_of_rfc_8463_passes_twice(resolver: Resolver) -> None:
    ed25519, rsa = await verify(resolver, RFC_8463, now=NOW)
    assert ed25519 == DkimSignature(
        DkimResult.PASS,
        domain="football.example.com",
        selector="brisbane",
        identity="@football.example.com",
        algorithm="ed25519-sha256",
        key_bits=256,
        covers=frozenset({"from", "to", "subject", "date", "message-id"}),
        signature=ed25519.signature,
    )
    assert ed25519.signature.startswith("/gCrinpcQOoIfuHNQIbq4pgh")
    assert (rsa.result, rsa.algorithm, rsa.key_bits) == (DkimResult.PASS, "rsa-sha256", 1024)
    assert rsa.weak
    assert not ed25519.weak


async def test_the_example_of_rfc_6376_passes(resolver: Resolver) -> None:
    found = await only(resolver, RFC_6376)
    assert (found.result, found.domain) == (DkimResult.PASS, "example.com")
    assert found.identity == "joe@football.example.com"
    assert "received" in found.covers


def test_signing_gives_the_example_of_rfc_8463() -> None:
    """Ed25519 signs the same twice, so our octets must be the appendix's."""
    at = RFC_8463.index(b"\r\nDKIM-Signature")
    head, message = RFC_8463[:at], RFC_8463[RFC_8463.index(b"From:") :]
    names = (b"from", b"to", b"subject", b"date", b"message-id", b"from", b"subject", b"date")
    digest = header_digest(
        Letter(message).selected(names), HeaderField(b"dkim-signature", head), Canon.RELAXED
    )
    key = PrivateKey.load(PKCS8_ED25519 + RFC_8463_SEED)
    expected = "".join(parse_tags(head.partition(b":")[2])["b"].split())
    assert base64.b64encode(key.sign(digest)).decode() == expected


async def test_what_we_sign_passes_and_covers_what_must_not_be_added(resolver: Resolver) -> None:
    fields = sign(MESSAGE, [ED25519, RSA], now=NOW)
    found = await verify(resolver, fields + MESSAGE, now=NOW)
    assert [one.result for one in found] == [DkimResult.PASS] * 2
    assert [one.algorithm for one in found] == ["ed25519-sha256", "rsa-sha256"]
    assert found[0].covers == {"from", "to", "subject", "date", "message-id"}
    assert b" l=" not in fields
    assert fields.count(b"c=relaxed/relaxed") == 2
    assert all(len(line) <= 78 for line in fields.split(b"\r\n"))
    assert sign(MESSAGE, [], now=NOW) == b""


@pytest.mark.parametrize(
    "added",
    [
        *("From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To", "MIME-Version"),
        *("Content-Type", "List-Unsubscribe", "List-Unsubscribe-Post"),
    ],
)
async def test_nobody_adds_a_field_that_we_oversign(resolver: Resolver, added: str) -> None:
    whole = sign(MESSAGE, [ED25519], now=NOW) + MESSAGE
    field = f"{added}: x\r\n".encode()
    for changed in (field + whole, whole.replace(b"From:", field + b"From:", 1)):
        assert (await only(resolver, changed)).result is DkimResult.FAIL


async def test_what_a_relay_may_do_breaks_nothing(resolver: Resolver) -> None:
    whole = b"Received: from x\r\n\tby y\r\n" + sign(MESSAGE, [RSA], now=NOW) + MESSAGE
    changed = whole.replace(b"Subject: lunch", b"SUBJECT :\r\n \t lunch  ")
    changed = changed.replace(b"At one?", b"At \t one? \t") + b"\r\n\r\n"
    assert (await only(resolver, changed)).result is DkimResult.PASS


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"At one?", b"At two?", "body"),
        (b"At one?", b"At one?\r\nAnd pay this.", "body"),
        (b"lunch", b"dinner", "signature"),
        (b"d=example.org", b"d=example.ORG", "signature"),  # relaxed changes no values
        (b"Alice", b"Mallory", "signature"),
    ],
)
async def test_a_change_is_seen(resolver: Resolver, old: bytes, new: bytes, why: str) -> None:
    whole = sign(MESSAGE, [RSA], now=NOW) + MESSAGE
    found = await only(resolver, whole.replace(old, new, 1))
    assert found.result is DkimResult.FAIL
    assert why in found.reason


async def test_each_signature_is_judged_by_itself(resolver: Resolver) -> None:
    other = under("absent")
    fields = sign(MESSAGE, [RSA, other, ED25519], now=NOW)
    found = await verify(resolver, b"DKIM-Signature: v=1\r\n" + fields + MESSAGE, now=NOW)
    assert [one.result for one in found] == [
        DkimResult.NEUTRAL,
        DkimResult.PASS,
        DkimResult.PERMERROR,
        DkimResult.PASS,
    ]
    assert found[2].reason == "there is no key record"


async def test_only_so_many_signatures_are_verified(resolver: Resolver) -> None:
    field = sign(MESSAGE, [ED25519], now=NOW)
    found = await verify(resolver, field * 500 + MESSAGE, now=NOW)
    assert len(found) == MOST_SIGNATURES
    assert await verify(resolver, MESSAGE, now=NOW) == []


@pytest.mark.parametrize(
    ("selector", "result", "why"),
    [
        ("revoked", DkimResult.PERMERROR, "revoked"),
        ("sha1", DkimResult.PERMERROR, "SHA-256"),
        ("service", DkimResult.PERMERROR, "not for mail"),
        ("kind", DkimResult.PERMERROR, "another kind"),
        ("broken", DkimResult.PERMERROR, "no ed25519 key"),
        ("other", DkimResult.PERMERROR, "version"),
        ("exact", DkimResult.PASS, ""),
        ("testing", DkimResult.PASS, ""),
        ("several", DkimResult.PASS, ""),
    ],
)
async def test_oddities_of_key_records(
    resolver: Resolver, selector: str, result: DkimResult, why: str
) -> None:
    found = await only(resolver, sign(MESSAGE, [under(selector)], now=NOW) + MESSAGE)
    assert found.result is result
    assert why in found.reason
    assert found.testing is (selector in ("testing", "several"))


async def test_a_domain_that_only_tries_is_not_held_to_it(resolver: Resolver) -> None:
    whole = sign(MESSAGE, [under("testing")], now=NOW) + MESSAGE
    found = await only(resolver, whole.replace(b"At one?", b"At two?"))
    assert (found.result, found.testing) == (DkimResult.NEUTRAL, True)


async def test_a_key_may_be_kept_from_subdomains(resolver: Resolver) -> None:
    below = ("i", "@mail.example.org")
    assert (await only(resolver, signed(below))).result is DkimResult.PASS
    found = await only(resolver, signed(below, key=under("exact")))
    assert (found.result, found.reason) == (
        DkimResult.PERMERROR,
        "the key is not for subdomains",
    )


async def test_dns_that_fails_is_temporary(resolver: Resolver) -> None:
    key = SigningKey("down.test", "one", ED25519.private)
    found = await only(resolver, sign(MESSAGE, [key], now=NOW) + MESSAGE)
    assert found.result is DkimResult.TEMPERROR


async def test_short_keys_are_marked_or_not_believed(resolver: Resolver) -> None:
    """RFC 8301 §3.2."""
    weak = await only(resolver, sign(MESSAGE, [WEAK], now=NOW) + MESSAGE)
    assert (weak.result, weak.weak, weak.key_bits) == (DkimResult.PASS, True, 1024)
    short = await only(resolver, sign(MESSAGE, [under("short", RSA)], now=NOW) + MESSAGE)
    assert (short.result, short.key_bits) == (DkimResult.PERMERROR, 768)
    good = await only(resolver, sign(MESSAGE, [RSA], now=NOW) + MESSAGE)
    assert not good.weak


async def test_sha_1_is_not_believed(resolver: Resolver) -> None:
    """RFC 8301 §3.1."""
    whole = sign(MESSAGE, [RSA], now=NOW).replace(b"rsa-sha256", b"rsa-sha1") + MESSAGE
    found = await only(resolver, whole)
    assert (found.result, found.algorithm) == (DkimResult.PERMERROR, "rsa-sha1")


def signed_at(at: datetime, *more: tuple[str, str]) -> bytes:
    """Sign at another time."""
    leading = (("v", "1"), ("a", "ed25519-sha256"), *more)
    field = signed_field("DKIM-Signature", leading, Letter(MESSAGE), [b"from"], ED25519, now=at)
    return field + MESSAGE


@pytest.mark.parametrize(
    ("after", "result"),
    [
        (timedelta(hours=1), DkimResult.PASS),
        (timedelta(minutes=-5), DkimResult.PASS),  # clocks differ
        (timedelta(hours=-1), DkimResult.PERMERROR),
    ],
)
async def test_signatures_expire(resolver: Resolver, after: timedelta, result: DkimResult) -> None:
    expires = ("x", str(int((NOW + after).timestamp())))
    found = await only(resolver, signed_at(NOW - timedelta(days=1), expires))
    assert found.result is result


async def test_signatures_from_the_future_are_refused(resolver: Resolver) -> None:
    assert (await only(resolver, signed_at(NOW + timedelta(minutes=5)))).result is DkimResult.PASS
    found = await only(resolver, signed_at(NOW + timedelta(hours=1)))
    assert (found.result, found.reason) == (DkimResult.PERMERROR, "it was made in the future")


async def test_what_follows_a_counted_body_is_not_signed(resolver: Resolver) -> None:
    """RFC 6376 §8.2: whoever appends to it must not speak with the signer's voice."""
    octets = len(b"At one?\r\n")
    whole = await only(resolver, signed(("l", str(octets))))
    assert (whole.result, whole.uncovered_octets) == (DkimResult.PASS, 0)
    appended = signed(("l", str(octets))) + b"And pay this.\r\n"
    found = await only(resolver, appended)
    assert (found.result, found.uncovered_octets) == (DkimResult.POLICY, 15)
    shorter = signed(("l", str(octets))).replace(b"At one?", b"At")
    assert (await only(resolver, shorter)).result is DkimResult.FAIL


async def test_a_second_from_is_not_believed_of_those_who_sign_one(resolver: Resolver) -> None:
    """RFC 6376 §8.15: the lower one is signed, the upper one is shown."""
    found = await only(resolver, b"From: ceo@example.org\r\n" + signed())
    assert (found.result, found.reason) == (DkimResult.POLICY, "there are 2 From fields")
    assert "from" not in found.covers


async def test_a_second_subject_is_not_covered(resolver: Resolver) -> None:
    found = await only(resolver, b"Subject: pay this\r\n" + signed())
    assert found.result is DkimResult.PASS
    assert found.covers == {"from", "to"}


@pytest.mark.parametrize("added", [b"X: a\nFrom: b\r\n", b"X: a\rFrom: b\r\n", b"X: a\n\nb\r\n"])
async def test_lines_that_others_may_read_as_fields_are_not_believed(
    resolver: Resolver, added: bytes
) -> None:
    found = await only(resolver, added + signed())
    assert found.result is DkimResult.POLICY


async def test_an_empty_line_put_into_the_header_ends_it(resolver: Resolver) -> None:
    whole = sign(MESSAGE, [ED25519], now=NOW) + MESSAGE
    found = await only(resolver, whole.replace(b"Subject:", b"\r\nSubject:", 1))
    assert found.result is DkimResult.FAIL


async def test_large_bodies_are_hashed_off_the_loop(resolver: Resolver) -> None:
    message = MESSAGE + b"x" * (10 << 20) + b"\r\n"
    whole = sign(message, [ED25519], now=NOW) + message
    pool = Offload(1)
    try:
        found = await only(resolver, whole, offload=pool)
    finally:
        pool.close()
    assert found.result is DkimResult.PASS


@pytest.mark.parametrize(
    "message",
    [b"", b"\r\n", b"DKIM-Signature", b"DKIM-Signature:", b"DKIM-Signature: \r\n\r\n", b"\0\xff"],
)
async def test_messages_that_are_none(resolver: Resolver, message: bytes) -> None:
    found = await verify(resolver, message, now=NOW)
    assert all(one.result is DkimResult.NEUTRAL for one in found)
    fields = sign(message, [ED25519], now=NOW)
    (first, *_) = await verify(resolver, fields + message, now=NOW)
    assert first.result in (DkimResult.POLICY, DkimResult.FAIL)  # nobody's From
