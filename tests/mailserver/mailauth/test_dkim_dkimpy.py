"""dkimpy agrees: what we sign it verifies, what it signs we verify, what is changed fails at both.

Where the two differ the RFC decides, and the test says so.
"""

from collections.abc import Iterator

import dkim as dkimpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailserver.crypto.dkim import KeyType
from mailserver.mailauth.dkim import DkimResult, sign, verify
from mailserver.mailauth.dkim_canon import Canon
from mailserver.runtime.resolver import Resolver
from tests.support.dkim import (
    NOW,
    RFC_6376,
    RFC_8463,
    RFC_KEYS,
    dkimpy_signs,
    dkimpy_verifies,
    lines,
    published,
    signing_key,
    zone,
)
from tests.support.dns import DnsServer, standing_zone

RSA = signing_key(bits=1024)  # dkimpy's own RSA takes its time
ED25519 = signing_key(KeyType.ED25519)
KEYS = {KeyType.RSA: RSA, KeyType.ED25519: ED25519}
RECORDS = RFC_KEYS | published(KEYS.values())
LATER = NOW.replace(year=2100)  # dkimpy writes the time of day into what it signs
CANONS = [(header, body) for header in Canon for body in Canon]

WORDS = st.text(st.sampled_from("ab é\t=;:<>@"), max_size=12)
NAMES = st.sampled_from(
    ["To", "CC", "subject", "Date", "Message-ID", "X-Other", "Content-Type", "Received", "List-Id"]
)
FIELDS = st.lists(st.tuples(NAMES, st.lists(WORDS, min_size=1, max_size=3)), max_size=8)
LINES = st.lists(st.text(st.sampled_from("xy \té."), max_size=20), max_size=8)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Write any well-formed message: folded, repeated and empty fields, white space everywhere."""
    text = "From: a@example.org\n"
    for name, pieces in draw(FIELDS):
        text += f"{name}:" + "\n\t".join(f"x{piece}" for piece in pieces) + "\n"
    return lines(text + "\n" + "".join(f"{line}\n" for line in draw(LINES)))


@pytest.fixture(scope="module")
def served() -> Iterator[DnsServer]:
    """A name server with our keys and the RFCs'."""
    with standing_zone(zone(RECORDS)) as dns:
        yield dns


@pytest.fixture
def resolver(served: DnsServer) -> Resolver:
    """Ask it."""
    return served.resolver()


def with_ed25519(kind: KeyType) -> None:
    """Skip where dkimpy lacks the package it needs for Ed25519."""
    if kind is KeyType.ED25519:
        pytest.importorskip("nacl")


examples = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("kind", KeyType)
@examples
@given(message=messages())
def test_dkimpy_verifies_what_we_sign(kind: KeyType, message: bytes) -> None:
    with_ed25519(kind)
    whole = sign(message, [KEYS[kind]], now=NOW) + message
    assert dkimpy_verifies(whole, RECORDS)


@pytest.mark.parametrize("kind", KeyType)
@pytest.mark.parametrize(("header", "body"), CANONS)
@examples
@given(message=messages())
async def test_we_verify_what_dkimpy_signs(
    resolver: Resolver, header: Canon, body: Canon, kind: KeyType, message: bytes
) -> None:
    with_ed25519(kind)
    canon = (header.value.encode(), body.value.encode())
    whole = dkimpy_signs(message, KEYS[kind], canon=canon) + message
    (found,) = await verify(resolver, whole, now=LATER)
    assert found.result is DkimResult.PASS, found.reason


@examples
@given(message=messages(), at=st.integers(0, 2_000), octet=st.sampled_from(b"aX.; \t"))
async def test_both_see_the_same_change(
    resolver: Resolver, message: bytes, at: int, octet: int
) -> None:
    field = sign(message, [RSA], now=NOW)
    # Not where a line ends or a name does: dkimpy would read another message, or none.
    places = [place for place, old in enumerate(message) if old not in b"\r\n:"]
    place = places[at % len(places)]
    changed = message[:place] + bytes([octet]) + message[place + 1 :]
    (found,) = await verify(resolver, field + changed, now=NOW)
    try:
        theirs = dkimpy_verifies(field + changed, RECORDS)
    except dkimpy.ValidationError:
        theirs = False
    except dkimpy.MessageFormatError:
        return  # a line without a field name, which dkimpy does not read; it may well be unsigned
    assert (found.result is DkimResult.PASS) is theirs


async def test_a_counted_body_with_more_behind_it_differs(resolver: Resolver) -> None:
    """dkimpy says it holds, and so it does; RFC 6376 §8.2 warns of believing it."""
    message = lines("From: a@example.org\nSubject: x\n\nhello\n")
    field = dkimpy_signs(message, RSA, canon=(b"relaxed", b"relaxed"), length=True)
    (whole,) = await verify(resolver, field + message, now=LATER)
    assert whole.result is DkimResult.PASS
    longer = field + message + b"and more\r\n"
    assert dkimpy_verifies(longer, RECORDS)
    (found,) = await verify(resolver, longer, now=LATER)
    assert (found.result, found.uncovered_octets) == (DkimResult.POLICY, 10)


def test_dkimpy_verifies_the_published_examples() -> None:
    assert dkimpy_verifies(RFC_6376, RECORDS)
    for signature in (0, 1):  # Ed25519 and RSA
        assert dkimpy_verifies(RFC_8463, RECORDS, index=signature)
