"""Chains of any length hold, at dkimpy too; whatever is done to one breaks it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import dkim as dkimpy
import pytest

from mailserver.crypto.dkim import KeyType
from mailserver.mailauth.arc import MOST_INSTANCES, Arc, ArcResult, seal, verify
from mailserver.mailauth.dkim import SigningKey, sign, signed_field
from mailserver.mailauth.dkim_canon import Letter
from mailserver.runtime.resolver import Resolver
from tests.support.dkim import NOW, asked, lines, pem, private_key, published, signing_key, zone
from tests.support.dns import DnsServer, standing_zone

MESSAGE = lines("""\
From: Alice <alice@author.test>
To: list@one.test
Subject: lunch
Date: Sun, 01 Mar 2026 12:00:00 +0000
Message-ID: <1@author.test>

At one?
""")
KEYS = [signing_key(domain=f"{name}.test", bits=1024) for name in ("one", "two", "three")]
ED25519 = signing_key(KeyType.ED25519, domain="one.test")
ABSENT = SigningKey("absent.test", "none", private_key(KeyType.RSA, 1024))
DOWN = SigningKey("down.test", "none", private_key(KeyType.RSA, 1024))
RECORDS = published([*KEYS, ED25519])
LATER = NOW.replace(year=2100)  # dkimpy writes the time of day into what it signs


def found(domain: str, said: str = "spf=pass smtp.mailfrom=author.test") -> bytes:
    """Write what a host found."""
    return f"Authentication-Results: mx.{domain};\r\n\t{said}\r\n".encode()


@pytest.fixture(scope="module")
def served() -> Iterator[DnsServer]:
    """A name server with the sealers' keys."""
    with standing_zone(zone(RECORDS), servfail=["down.test"]) as dns:
        yield dns


@pytest.fixture
def resolver(served: DnsServer) -> Resolver:
    """Ask it."""
    return served.resolver()


async def passed_on(
    resolver: Resolver, message: bytes, key: SigningKey, *, chain: Arc | None = None
) -> bytes:
    """Let a host verify, seal and pass a message on."""
    chain = chain or await verify(resolver, message, now=NOW)
    results = found(key.domain, f"arc={chain.result.value}")
    return seal(message, key, results=results, chain=chain, now=NOW) + message


async def chained(resolver: Resolver, length: int, message: bytes = MESSAGE) -> bytes:
    """Pass a message on `length` times."""
    for n in range(length):
        message = await passed_on(resolver, message, KEYS[n % len(KEYS)])
    return message


def dkimpy_says(message: bytes) -> bytes | None:
    """Ask dkimpy what became of a chain."""
    result: bytes | None = dkimpy.arc_verify(message, dnsfunc=asked(RECORDS))[0]
    return result


async def test_a_message_without_a_chain_has_none(resolver: Resolver) -> None:
    assert await verify(resolver, MESSAGE, now=NOW) == Arc(ArcResult.NONE)


@pytest.mark.parametrize("length", [1, 2, 3, 7])
async def test_a_chain_passes_here_and_at_dkimpy(resolver: Resolver, length: int) -> None:
    message = await chained(resolver, length)
    chain = await verify(resolver, message, now=NOW)
    assert chain.result is ArcResult.PASS, chain.reason
    assert chain.instances == len(chain.sealers) == len(chain.results) == length
    assert chain.domain == KEYS[(length - 1) % 3].domain
    assert chain.sealers[0] == "one.test"
    assert chain.results[0] == b"mx.one.test;\r\n\tarc=none"
    assert dkimpy_says(message) == dkimpy.CV_Pass


async def test_a_set_is_written_in_order_and_within_78_octets(resolver: Resolver) -> None:
    message = await chained(resolver, 1, sign(MESSAGE, [ED25519], now=NOW) + MESSAGE)
    names = [line.partition(b":")[0] for line in message.split(b"\r\n")]
    arc = [name for name in names if name.startswith(b"ARC-")]
    assert arc == [b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results"]
    assert all(len(line) <= 78 for line in message.split(b"\r\n"))
    assert b"dkim-signature;" in message.replace(b"\r\n\t", b"")  # what it saw it vouches for


async def test_what_a_list_does_between_two_seals_breaks_nothing(resolver: Resolver) -> None:
    message = await chained(resolver, 1)
    before = await verify(resolver, message, now=NOW)
    changed = message.replace(b"Subject: lunch", b"Subject: [list] lunch") + b"-- \r\nlist\r\n"
    assert (await verify(resolver, changed, now=NOW)).result is ArcResult.FAIL
    sealed = await passed_on(resolver, changed, KEYS[1], chain=before)
    assert (await verify(resolver, sealed, now=NOW)).result is ArcResult.PASS
    assert dkimpy_says(sealed) == dkimpy.CV_Pass


async def test_a_chain_may_be_sealed_with_ed25519(resolver: Resolver) -> None:
    message = await passed_on(resolver, await chained(resolver, 1), ED25519)
    assert (await verify(resolver, message, now=NOW)).result is ArcResult.PASS


@pytest.mark.parametrize("length", [1, 2, 4])
async def test_we_verify_what_dkimpy_seals(resolver: Resolver, length: int) -> None:
    pytest.importorskip("authres")
    message = MESSAGE
    for n in range(length):
        key = KEYS[n % 3]
        host = f"{n}.{key.domain}"  # dkimpy wants to find one verdict of its own
        message = found(host, "arc=pass" if n else "arc=none") + message
        fields = dkimpy.arc_sign(
            message,
            key.selector.encode(),
            key.domain.encode(),
            pem(key),
            f"mx.{host}".encode(),
            include_headers=[b"from", b"to", b"subject"],
        )
        assert len(fields) == 3
        message = b"".join(fields) + message
        chain = await verify(resolver, message, now=LATER)
        assert chain.result is ArcResult.PASS, chain.reason
    ours = await passed_on(resolver, message, KEYS[0], chain=chain)
    assert (await verify(resolver, ours, now=LATER)).instances == length + 1
    assert dkimpy_says(ours) == dkimpy.CV_Pass


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"At one?", b"At two?", "body"),
        (b"Subject: lunch", b"Subject: dinner", "message signature"),
        (b"arc=none", b"arc=pass", "seal"),
        (b"ARC-Seal: i=1", b"ARC-Seal: i=3", "whole"),
        (b"ARC-Seal: i=1", b"ARC-Seal: i=0", "number"),
        (b"ARC-Seal: i=1", b"ARC-Seal: i=", "number"),
        (b"ARC-Seal: i=1", b"ARC-Seal: i=100", "number"),
        (b"ARC-Seal: i=1", b"ARC-Seal: h=from; i=1", "list of fields"),
        (b"ARC-Seal: i=1", b"X-Seal: i=1", "whole"),
        (b"ARC-Message-Signature: i=1", b"X-Signature: i=1", "whole"),
        (b"ARC-Authentication-Results: i=1;", b"ARC-Authentication-Results:", "number"),
        (b"ARC-Authentication-Results: i=1;", b"ARC-Authentication-Results: i=2;", "whole"),
        (b"cv=none", b"cv=pass", "held"),
        (b"cv=pass", b"cv=none", "held"),
        (b"cv=none; ", b"", "held"),
        (b"a=rsa-sha256", b"a=rsa-sha1", "SHA-1"),
        (b"d=two.test", b"d=absent.test", "no key record"),
        (b"h=from:", b"h=arc-seal:from:", "covers a seal"),
    ],
)
async def test_what_is_done_to_a_chain_breaks_it(
    resolver: Resolver, old: bytes, new: bytes, why: str
) -> None:
    message = await chained(resolver, 2)
    assert old in message
    for changed in (message.replace(old, new, 1), message.replace(old, new)):
        chain = await verify(resolver, changed, now=NOW)
        assert chain.result is ArcResult.FAIL
        assert (chain.sealers, chain.results) == ((), ())
    assert why in chain.reason
    assert dkimpy_says_no(changed)


def dkimpy_says_no(message: bytes) -> bool:
    """Ask dkimpy, for which some chains are too broken to read."""
    try:
        return dkimpy_says(message) != b"pass"
    except (dkimpy.DKIMException, ValueError, KeyError, IndexError):
        return True


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ((("x", "1"),), "expires before it was made"),
        ((("x", str(int(NOW.timestamp()))),), "it has expired"),
        ((("l", str(len(b"At one?\r\n"))),), "leaves out a part of the body"),
    ],
)
async def test_a_message_signature_must_be_good_now_and_of_the_whole(
    resolver: Resolver, tags: tuple[tuple[str, str], ...], why: str
) -> None:
    key = KEYS[0]
    leading = (("i", "1"), ("a", key.algorithm), *tags)
    signed = signed_field(
        "ARC-Message-Signature", leading, Letter(MESSAGE), [b"from"], key, now=NOW
    )
    whole = await passed_on(resolver, MESSAGE, key)
    start, end = whole.index(b"ARC-Message"), whole.index(b"ARC-Auth")
    changed = whole[:start] + signed + whole[end:] + b"and more\r\n"
    chain = await verify(resolver, changed, now=NOW + timedelta(days=1))
    assert chain.result is ArcResult.FAIL
    assert why in chain.reason


async def test_a_key_of_another_kind_fails_the_chain(resolver: Resolver) -> None:
    message = await passed_on(resolver, MESSAGE, KEYS[0])
    seal_alone = message.replace(b"a=rsa-sha256", b"a=ed25519-sha256", 1)
    chain = await verify(resolver, seal_alone, now=NOW)
    assert chain.reason == "the key is of another kind than the signature"


@pytest.mark.parametrize("name", [b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Auth"])
async def test_a_field_that_is_there_twice_breaks_the_chain(
    resolver: Resolver, name: bytes
) -> None:
    message = await chained(resolver, 2)
    start = message.index(name)
    end = message.index(b"\r\nARC-" if name != b"ARC-Auth" else b"\r\nARC-S", start) + 2
    chain = await verify(resolver, message[start:end] + message, now=NOW)
    assert (chain.result, chain.instances) == (ArcResult.FAIL, 2)
    assert "twice" in chain.reason


async def test_a_chain_that_failed_is_sealed_as_failed_and_then_let_be(
    resolver: Resolver,
) -> None:
    broken = (await chained(resolver, 2)).replace(b"At one?", b"At two?")
    told = await passed_on(resolver, broken, KEYS[2])
    assert told.startswith(b"ARC-Seal: i=3; a=rsa-sha256;")
    assert b"cv=fail" in told
    chain = await verify(resolver, told, now=NOW)
    assert (chain.result, chain.ended) == (ArcResult.FAIL, True)
    assert await passed_on(resolver, told, KEYS[0]) == told


async def test_a_chain_without_order_is_let_be(resolver: Resolver) -> None:
    message = b"ARC-Seal: d=one.test\r\n" + MESSAGE
    assert (await verify(resolver, message, now=NOW)).ended
    assert await passed_on(resolver, message, KEYS[0]) == message


async def test_a_chain_has_an_end(resolver: Resolver) -> None:
    message = MESSAGE
    chain = Arc(ArcResult.NONE)
    for n in range(MOST_INSTANCES):
        message = await passed_on(resolver, message, KEYS[0], chain=chain)
        chain = replace(chain, result=ArcResult.PASS, instances=n + 1)
    assert (await verify(resolver, message, now=NOW)).instances == MOST_INSTANCES
    assert await passed_on(resolver, message, KEYS[0], chain=chain) == message
    longer = message.replace(b"ARC-Seal: i=50", b"ARC-Seal: i=51")
    assert (await verify(resolver, longer, now=NOW)).reason == "the chain is too long"


@pytest.mark.parametrize(
    ("key", "why"), [(ABSENT, "there is no key record"), (DOWN, "DNS could not answer")]
)
async def test_a_key_that_is_not_found_fails_the_chain(
    resolver: Resolver, key: SigningKey, why: str
) -> None:
    message = await passed_on(resolver, MESSAGE, key)
    chain = await verify(resolver, message, now=NOW)
    assert (chain.result, chain.reason) == (ArcResult.FAIL, why)
    longer = await passed_on(resolver, message, KEYS[0], chain=Arc(ArcResult.PASS, instances=1))
    assert (await verify(resolver, longer, now=NOW)).reason == why
