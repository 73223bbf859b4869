"""Addresses that the server answers itself are nobody's."""

import pytest

from mailserver.accounts.addresses import Addresses
from mailserver.accounts.domain_rules import DomainRules
from mailserver.model.address import Address
from mailserver.model.errors import Condition, Refused
from tests.support.accounts import PASSWORD, QUOTA, Node

ALICE = Address("alice", "example.org")
OURS = [
    Address("dmarc-reports", "example.org"),
    Address("DMARC-Reports", "example.org"),
    Address("tls-reports", "example.org"),
    Address("SRS0=aaaaaa=aa=else.test=victim", "example.org"),
]


@pytest.mark.parametrize("address", OURS, ids=str)
async def test_nobody_gets_an_address_that_the_server_answers(node: Node, address: Address) -> None:
    await node.user(str(ALICE))
    addresses = Addresses(node.store, node.keyring, node.directory, node.chain, node.clock)
    rules = DomainRules(node.keyring, node.directory, node.chain)
    attempts = [
        node.provisioning.add_user(address, PASSWORD, quota_octets=QUOTA),
        node.desk.invitations.invite(address, quota_octets=QUOTA),
        addresses.add_alias(ALICE, address),
        addresses.add_group(address, [ALICE]),
        rules.set_role("example.org", "postmaster", address),
        rules.set_catch_all("example.org", address),
    ]
    for attempt in attempts:
        with pytest.raises(Refused) as refused:
            await attempt
        assert refused.value.condition is Condition.NOT_PERMITTED


async def test_what_only_looks_alike_is_anybodys(node: Node) -> None:
    for name in ("dmarc", "reports", "tls-report", "dmarc-reports-archive"):
        await node.user(f"{name}@example.org")
