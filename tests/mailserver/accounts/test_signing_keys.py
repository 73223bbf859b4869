"""A domain's signing keys over the years: made, published, switched, retired, never mixed up."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from mailserver.accounts.hashing import Hashing
from mailserver.accounts.keyring import Keyring
from mailserver.accounts.provisioning import Provisioning
from mailserver.accounts.rotation import Rotation
from mailserver.accounts.signing_keys import (
    PUBLISHED_FOR,
    ROTATED_AFTER,
    KeyState,
    Publication,
    SigningKeys,
)
from mailserver.audit.entry import Event, decode
from mailserver.mailauth.dkim_fields import parse_key_record
from mailserver.model.errors import Absent, Corrupt
from mailserver.vault.master import MasterKeys
from tests.support.accounts import Node
from tests.support.dkim import zone
from tests.support.dns import DnsServer, standing_zone

DOMAIN = "example.org"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    """A name server whose records each test replaces."""
    with standing_zone({}, servfail=["down.test"]) as server:
        yield server


@dataclass
class Desk:
    """The signing keys of a node, as one process after the other sees them."""

    node: Node
    dns: DnsServer
    master: MasterKeys

    @property
    def keys(self) -> SigningKeys:
        """The service, with a resolver that remembers nothing."""
        node, guard = self.node, self.master.instance_guard
        resolver = self.dns.resolver(node.clock)
        return SigningKeys(node.store, guard, resolver, node.chain, node.clock, node.offload)

    async def publish(self, *states: KeyState) -> None:
        """Put the records of keys in these states into DNS, and no others."""
        shown = [key for key in await self.keys.listing(DOMAIN) if key.state in states]
        await self.dns.replace(zone({key.name: key.record for key in shown}))

    async def selectors(self, state: KeyState) -> set[str]:
        """Name the keys in a state."""
        return {key.selector for key in await self.keys.listing(DOMAIN) if key.state is state}

    async def events(self) -> list[Event]:
        """Say what the audit log says of signing keys."""
        rows = await self.node.store.audit.rows(0, 100)
        found = [decode(row.entry).event for row in rows]
        return [event for event in found if event.value.startswith("signing-key")]


@pytest.fixture
def desk(node: Node, dns: DnsServer) -> Desk:
    return Desk(node, dns, node.master)


async def test_a_domain_begins_with_two_keys_of_each_kind(desk: Desk) -> None:
    await desk.keys.make(DOMAIN)
    keys = await desk.keys.listing(DOMAIN)
    states = (KeyState.ACTIVE, KeyState.NEXT)
    kinds = [(key.algorithm, key.state) for key in keys]
    assert set(kinds) == {(kind, state) for kind in ("ed25519", "rsa") for state in states}
    assert len(kinds) == 4
    assert len({key.selector for key in keys}) == 4
    for key in keys:
        record = parse_key_record(key.record.encode())
        assert record.key.kind.value == key.algorithm
        assert record.key.bits == (2048 if key.algorithm == "rsa" else 256)
        assert key.name == f"{key.selector}._domainkey.{DOMAIN}"
    assert await desk.events() == [Event.SIGNING_KEY_MADE] * 4


async def test_making_them_twice_or_at_once_makes_them_once(desk: Desk) -> None:
    await asyncio.gather(desk.keys.make(DOMAIN), desk.keys.make(DOMAIN))
    await desk.keys.make(DOMAIN)
    assert len(await desk.keys.listing(DOMAIN)) == 4


async def test_a_key_takes_over_only_once_it_is_in_dns(desk: Desk) -> None:
    await desk.keys.make(DOMAIN)
    await desk.publish(KeyState.ACTIVE)
    signing, waiting = await desk.selectors(KeyState.ACTIVE), await desk.selectors(KeyState.NEXT)
    turns = await desk.keys.rotate(DOMAIN)
    assert {turn.publication for turn in turns} == {Publication.ABSENT}
    assert not any(turn.switched for turn in turns)
    assert await desk.selectors(KeyState.ACTIVE) == signing
    await desk.publish(KeyState.ACTIVE, KeyState.NEXT)
    turns = await desk.keys.rotate(DOMAIN)
    assert all(turn.switched for turn in turns)
    assert await desk.selectors(KeyState.ACTIVE) == waiting
    assert await desk.selectors(KeyState.RETIRED) == signing
    next_ones = await desk.selectors(KeyState.NEXT)
    assert len(next_ones) == 2
    assert not next_ones & (signing | waiting)
    assert (await desk.events())[4:] == [Event.SIGNING_KEY_ROTATED] * 2


async def test_another_key_in_its_place_is_told(desk: Desk) -> None:
    await desk.keys.make(DOMAIN)
    one, other = [key for key in await desk.keys.listing(DOMAIN) if key.algorithm == "ed25519"]
    await desk.dns.replace(zone({one.name: other.record, other.name: other.record}))
    assert await desk.keys.publication(one) is Publication.OTHER
    assert await desk.keys.publication(other) is Publication.PUBLISHED
    down = replace(one, domain="down.test")
    assert await desk.keys.publication(down) is Publication.UNKNOWN


async def test_an_operator_may_switch_unseen(desk: Desk) -> None:
    await desk.keys.make(DOMAIN)
    waiting = await desk.selectors(KeyState.NEXT)
    await desk.keys.rotate(DOMAIN, unchecked=True)
    assert await desk.selectors(KeyState.ACTIVE) == waiting
    with pytest.raises(Absent):
        await desk.keys.rotate("unknown.test")


async def test_half_a_year_later_the_waiting_keys_sign_by_themselves(desk: Desk) -> None:
    await desk.node.store.domains.add(DOMAIN)
    await desk.keys.tend()  # the domain is older than signing keys are
    await desk.publish(KeyState.ACTIVE, KeyState.NEXT)
    signing, waiting = await desk.selectors(KeyState.ACTIVE), await desk.selectors(KeyState.NEXT)
    desk.node.clock.advance(ROTATED_AFTER - DAY)
    await desk.keys.tend()
    assert await desk.selectors(KeyState.ACTIVE) == signing
    desk.node.clock.advance(DAY)
    await desk.keys.tend()
    await desk.keys.tend()
    assert await desk.selectors(KeyState.ACTIVE) == waiting
    assert await desk.selectors(KeyState.RETIRED) == signing
    retired = [key for key in await desk.keys.listing(DOMAIN) if key.state is KeyState.RETIRED]
    assert {key.needed_until for key in retired} == {desk.node.clock.now() + PUBLISHED_FOR}
    desk.node.clock.advance(PUBLISHED_FOR - DAY)
    await desk.keys.tend()
    assert await desk.selectors(KeyState.RETIRED) == signing
    desk.node.clock.advance(DAY)
    await desk.keys.tend()
    assert await desk.selectors(KeyState.RETIRED) == set()
    assert len(await desk.keys.listing(DOMAIN)) == 4


async def test_a_key_that_nobody_published_does_not_take_over(desk: Desk) -> None:
    await desk.node.store.domains.add(DOMAIN)
    await desk.keys.tend()
    await desk.publish(KeyState.ACTIVE)
    signing = await desk.selectors(KeyState.ACTIVE)
    desk.node.clock.advance(2 * ROTATED_AFTER)
    await desk.keys.tend()
    assert await desk.selectors(KeyState.ACTIVE) == signing


async def test_keys_that_fail_do_not_keep_other_domains_waiting(desk: Desk) -> None:
    for domain in ("a.test", DOMAIN):
        await desk.node.store.domains.add(domain)
    await desk.keys.tend()
    await desk.publish(KeyState.NEXT)
    waiting = await desk.selectors(KeyState.NEXT)
    await _spoil(desk, "domain = 'a.test'", "private = :p")
    desk.node.clock.advance(ROTATED_AFTER)
    await desk.keys.tend()
    assert await desk.selectors(KeyState.ACTIVE) == waiting


async def _spoil(desk: Desk, which: str, change: str) -> None:
    """Do what somebody does who writes to the database."""
    await desk.node.store.database.write(
        lambda c: c.execute(
            text(f"UPDATE dkim_keys SET {change} WHERE {which}"),
            {"p": b"\x01" + bytes(80)} if ":p" in change else {},
        )
    )


@pytest.mark.parametrize(
    "change", ["private = :p", "selector = 'x' || selector", "domain = 'sub.example.org'"]
)
async def test_a_row_that_was_changed_is_never_shown_for_publication(
    desk: Desk, change: str
) -> None:
    await desk.keys.make(DOMAIN)
    await _spoil(desk, f"domain = '{DOMAIN}'", change)
    with pytest.raises(Corrupt):
        await desk.keys.listing("sub.example.org" if "sub." in change else DOMAIN)


async def test_domains_get_their_keys_when_they_come_and_lose_them_when_they_go(
    desk: Desk,
) -> None:
    node = desk.node
    hashing = Hashing(node.offload)
    provisioning = Provisioning(
        *(node.store, node.keyring, node.sessions, node.chain, hashing, node.clock),
        signing_keys=desk.keys,
    )
    await provisioning.add_domain("Example.ORG")
    assert len(await desk.keys.listing(DOMAIN)) == 4
    await provisioning.remove_domain(DOMAIN)
    assert await desk.keys.listing(DOMAIN) == []


async def test_a_new_master_key_takes_them_over(desk: Desk, tmp_path: Path) -> None:
    await desk.keys.make(DOMAIN)
    before = await desk.keys.listing(DOMAIN)
    file, node = tmp_path / "master.key", desk.node
    both = node.master.rotate(file)
    rotation = Rotation(Keyring(node.keystore, both), node.store, node.chain)
    assert (await rotation.status()).signing_keys == {1: 4}
    done = await rotation.reseal()
    assert (done.signing_keys, done.refused) == (4, 0)
    assert (await rotation.status()).signing_keys == {2: 4}
    desk.master = both.retire(file, 1)
    assert await desk.keys.listing(DOMAIN) == before


async def test_a_key_that_is_not_authentic_is_left_and_told(desk: Desk, tmp_path: Path) -> None:
    await desk.keys.make(DOMAIN)
    await _spoil(desk, "algorithm = 'rsa'", "private = :p")
    node = desk.node
    both = node.master.rotate(tmp_path / "master.key")
    rotation = Rotation(Keyring(node.keystore, both), node.store, node.chain)
    done = await rotation.reseal()
    assert (done.signing_keys, done.refused) == (2, 2)
    assert (await rotation.status()).signing_keys == {2: 2, 0: 2}
