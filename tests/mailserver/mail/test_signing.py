"""What leaves is signed by its domain's keys of the day, and goes unsigned where there are none."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import text

from mailserver.crypto.dkim import KeyType
from mailserver.mail.signing import DOMAINS_KEPT, KEPT, Signing
from mailserver.mailauth import arc, dkim
from mailserver.mailauth.arc import Arc, ArcResult
from mailserver.mailauth.dkim import OFF_THE_LOOP, DkimResult
from mailserver.model.sealed import Guarded
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import Resolver
from mailserver.store.dkim import DkimKeyRow
from mailserver.vault.signing_keys import seal_signing_key
from tests.support.dkim import lines, published, signing_key, zone
from tests.support.dns import DnsServer, standing_zone
from tests.support.mail import MailNode

DOMAIN = "example.org"
MESSAGE = lines("From: alice@example.org\nTo: bob@example.net\nSubject: lunch\n\nAt one?\n")
ED25519 = signing_key(KeyType.ED25519)
RSA = signing_key()
NEXT = signing_key(KeyType.ED25519, bits=1)
KEYS = {key.selector: key for key in (ED25519, RSA, NEXT)}


@pytest.fixture(scope="module")
def served() -> Iterator[DnsServer]:
    """A name server with the domain's keys."""
    with standing_zone(zone(published(KEYS.values()))) as dns:
        yield dns


@dataclass
class Desk:
    """Signing, and what somebody else finds who verifies it."""

    mail: MailNode
    signing: Signing
    resolver: Resolver

    def row(self, selector: str, *, active: bool = True) -> DkimKeyRow:
        """Make the row of a key."""
        key, now = KEYS[selector], self.mail.node.clock.now()
        guard = self.mail.node.master.instance_guard
        sealed = seal_signing_key(guard, DOMAIN, selector, key.private)
        kind = key.private.kind.value
        return DkimKeyRow(DOMAIN, selector, kind, sealed, now, now if active else None)

    async def signatures(self, message: bytes = MESSAGE) -> list[tuple[str, DkimResult]]:
        """Sign a message; say who signed, and whether it holds."""
        fields = await self.signing.sign(DOMAIN, message)
        now = self.mail.node.clock.now()
        found = await dkim.verify(self.resolver, fields + message, now=now)
        return [(one.selector, one.result) for one in found]


@pytest.fixture
async def desk(mail: MailNode, served: DnsServer) -> AsyncIterator[Desk]:
    node, offload = mail.node, Offload(1)
    signing = Signing(node.store, node.master.instance_guard, node.clock, offload)
    yield Desk(mail, signing, served.resolver())
    offload.close()


BOTH = [(ED25519.selector, DkimResult.PASS), (RSA.selector, DkimResult.PASS)]


async def test_mail_is_signed_with_both_keys(desk: Desk) -> None:
    keys = desk.mail.node.store.dkim_keys
    await keys.add([desk.row(RSA.selector), desk.row(ED25519.selector)])
    assert await desk.signatures() == BOTH
    large = MESSAGE + b"x" * OFF_THE_LOOP + b"\r\n"
    assert await desk.signatures(large) == BOTH


async def test_mail_of_a_domain_without_keys_is_not_signed(desk: Desk) -> None:
    assert await desk.signing.sign(DOMAIN, MESSAGE) == b""
    chain = Arc(ArcResult.NONE)
    assert await desk.signing.seal(DOMAIN, MESSAGE, results=b"", chain=chain) == b""


async def test_keys_that_wait_or_are_retired_do_not_sign(desk: Desk) -> None:
    keys, now = desk.mail.node.store.dkim_keys, desk.mail.node.clock.now()
    retired = desk.row(RSA.selector)._replace(retired_at=now)
    await keys.add([retired, desk.row(ED25519.selector), desk.row(NEXT.selector, active=False)])
    assert await desk.signatures() == [(ED25519.selector, DkimResult.PASS)]


async def test_a_switch_made_elsewhere_is_followed_within_a_minute(desk: Desk) -> None:
    node = desk.mail.node
    waiting = desk.row(NEXT.selector, active=False)
    await node.store.dkim_keys.add([desk.row(ED25519.selector), waiting])
    assert await desk.signatures() == [(ED25519.selector, DkimResult.PASS)]
    successor = waiting._replace(selector="later")
    await node.store.dkim_keys.switch(waiting, successor, node.clock.now())
    assert await desk.signatures() == [(ED25519.selector, DkimResult.PASS)]
    node.clock.advance(KEPT + timedelta(seconds=1))
    assert await desk.signatures() == [(NEXT.selector, DkimResult.PASS)]


async def test_no_more_domains_are_remembered_than_there_is_room_for(desk: Desk) -> None:
    await desk.mail.node.store.dkim_keys.add([desk.row(ED25519.selector)])
    assert await desk.signatures() == [(ED25519.selector, DkimResult.PASS)]
    for number in range(DOMAINS_KEPT):
        assert await desk.signing.sign(f"d{number}.test", MESSAGE) == b""
    await desk.mail.node.store.dkim_keys.forget(DOMAIN)
    assert await desk.signatures() == []  # it had to look again


async def test_a_key_that_is_not_authentic_signs_nothing(desk: Desk) -> None:
    forged = desk.row(RSA.selector)._replace(private=Guarded(b"\x01" + bytes(80)))
    moved = desk.row(ED25519.selector)._replace(domain="other.test")
    await desk.mail.node.store.dkim_keys.add([forged, desk.row(ED25519.selector)])
    await desk.mail.node.store.dkim_keys.add([moved])
    assert await desk.signatures() == [(ED25519.selector, DkimResult.PASS)]
    assert await desk.signing.sign("other.test", MESSAGE) == b""


async def test_what_is_forwarded_is_sealed_with_the_rsa_key(desk: Desk) -> None:
    await desk.mail.node.store.dkim_keys.add([desk.row(RSA.selector), desk.row(ED25519.selector)])
    chain = Arc(ArcResult.NONE)
    results = b"Authentication-Results: mx.example.org; spf=pass\r\n"
    now = desk.mail.node.clock.now()
    message = MESSAGE
    for instance in (1, 2):
        fields = await desk.signing.seal(DOMAIN, message, results=results, chain=chain)
        message = fields + message
        chain = await arc.verify(desk.resolver, message, now=now)
        assert (chain.result, chain.instances) == (ArcResult.PASS, instance)
    large = MESSAGE + b"x" * OFF_THE_LOOP + b"\r\n"
    fields = await desk.signing.seal(DOMAIN, large, results=results, chain=Arc(ArcResult.NONE))
    assert (await arc.verify(desk.resolver, fields + large, now=now)).domain == DOMAIN


async def test_private_keys_are_not_in_the_database(desk: Desk) -> None:
    """T-KEY-2: they are guarded."""
    await desk.mail.node.store.dkim_keys.add([desk.row(RSA.selector), desk.row(ED25519.selector)])
    rows = await desk.mail.node.store.database.read(
        lambda c: c.execute(text("SELECT * FROM dkim_keys")).fetchall()
    )
    stored = b"".join(bytes(one) for row in rows for one in row if isinstance(one, bytes))
    for kind in (RSA, ED25519):
        octets = kind.private.encode()
        assert octets[-32:] not in stored
        assert octets[:20] not in stored
