"""T-KEY-8 and T-KEY-9 for who receives: aliases, groups, roles, catch-alls and former addresses.

Whoever writes to the main database redirects no letter; whoever writes to the keystore without the
master key gets his rows refused, and it is reported.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from mailserver.accounts.addresses import Addresses
from mailserver.accounts.domain_rules import DomainRules
from mailserver.audit.entry import Event
from mailserver.model.address import Address
from mailserver.model.errors import Condition, Corrupt, MailError
from mailserver.model.ids import AccountId
from mailserver.runtime.clock import ManualClock
from mailserver.store.keystore import FRESH
from mailserver.store.keystore_tables import Rows
from mailserver.vault.master import MasterKeys
from mailserver.vault.receiving import HolderRecord, place_of, seal_address
from mailserver.vault.records import Table
from tests.support.accounts import Node, open_node

ALICE = Address.parse("alice@example.org")
TEAM = Address.parse("team@example.org")
STRAY = Address.parse("stray@example.org")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def node(
    mail_url: str, keystore_url: str, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Node]:
    """Alice with a group and the catch-all, and Mallory with neither."""
    opened = await open_node(mail_url, keystore_url, tmp_path, clock)
    await opened.user()
    await opened.user("mallory@example.org")
    service = Addresses(opened.store, opened.keyring, opened.directory, opened.chain, clock)
    await service.add_group(TEAM, [ALICE])
    rules = DomainRules(opened.keyring, opened.directory, opened.chain)
    await rules.set_catch_all("example.org", ALICE)
    yield opened
    await opened.close()


async def mail_sql(node: Node, statement: str, **values: object) -> None:
    """Do what a writer to the main database could do."""
    await node.store.database.write(lambda c: c.execute(text(statement), values))


async def keystore_sql(node: Node, statement: str, **values: object) -> None:
    """Do what a writer to the keystore's database could do."""
    await node.keystore._database.write(lambda c: c.execute(text(statement), values))
    await node.keystore._database.write(
        lambda c: c.execute(text("UPDATE revision SET number = number + 1"))
    )
    node.clock.advance(FRESH)


async def gets(node: Node, address: Address) -> tuple[str, ...]:
    """Name who gets mail: an account by its own name, or a group's members."""
    found = await node.directory.resolve(address)
    if found.holder is not None:
        return (str(found.holder.addresses[0]),)
    return tuple(map(str, found.onward))


async def refused(node: Node, address: Address) -> None:
    with pytest.raises(Corrupt) as raised:
        await node.directory.resolve(address)
    assert raised.value.condition is Condition.KEY_MISMATCH
    events = {entry.event for entry in await node.store.audit.rows(0, 1_000)}
    assert {Event.KEY_MISMATCH.value, Event.BREACH_SUSPECTED.value} <= events


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE addresses SET account_id = :mallory",
        "UPDATE addresses SET address = 'stray@example.org' WHERE account_id = :mallory",
        "INSERT INTO addresses (address, account_id) VALUES ('team@example.org', :mallory)",
        "INSERT INTO addresses (address, account_id) VALUES ('stray@example.org', :mallory)",
        # Without the index her letters would be the catch-all's, were the index asked.
        "DELETE FROM addresses",
    ],
)
async def test_t_key_9_the_main_database_redirects_nothing(node: Node, statement: str) -> None:
    mallory = await node.directory.find(Address.parse("mallory@example.org"))
    used = {"mallory": mallory.account_id} if ":mallory" in statement else {}
    await mail_sql(node, statement, **used)
    assert await gets(node, ALICE) == ("alice@example.org",)
    assert await gets(node, TEAM) == ("alice@example.org",)
    assert await gets(node, STRAY) == ("alice@example.org",)
    assert await gets(node, Address.parse("mallory@example.org")) == ("mallory@example.org",)


async def test_t_key_9_an_added_domain_has_nobody(node: Node) -> None:
    await mail_sql(node, "INSERT INTO domains (name, created_at) VALUES ('bank.test', 0)")
    with pytest.raises(MailError) as raised:
        await node.directory.resolve(Address.parse("payments@bank.test"))
    assert raised.value.condition is Condition.NO_SUCH_USER


async def test_t_key_9_an_address_row_alone_gives_nothing(node: Node) -> None:
    """Even a row that we sealed ourselves: the account's own row has to name the address."""
    mallory = await node.directory.find(Address.parse("mallory@example.org"))
    step = node.keyring.receiving.hold(STRAY, mallory.account_id)
    await node.keyring.apply([step])
    assert await gets(node, STRAY) == ("alice@example.org",)


@pytest.mark.parametrize("address", [ALICE, TEAM])
@pytest.mark.parametrize(
    "change",
    [
        "sealed = :flipped",
        "sealed = :empty",
        "sealed = :unlayered",
        "sealed = (SELECT sealed FROM addresses WHERE account_id = :other)",
        "row_id = :moved",
    ],
)
async def test_t_key_8_an_address_row_that_was_touched_is_refused(
    node: Node, address: Address, change: str
) -> None:
    place = place_of(Table.ADDRESS, address.key)
    (row,) = [row for row in await node.keystore.page(Rows.ADDRESSES) if row.account_id == place]
    values: dict[str, object] = {
        "flipped": row.sealed[:-1] + bytes([row.sealed[-1] ^ 1]),
        "empty": b"",
        "unlayered": bytes(4) + row.sealed[4:],
        "other": place_of(Table.ADDRESS, "mallory@example.org"),
        "moved": b"m" * 16,
    }
    used = {name: value for name, value in values.items() if f":{name}" in change}
    await keystore_sql(
        node, f"UPDATE addresses SET {change} WHERE account_id = :place", place=place, **used
    )
    await refused(node, address)


async def test_t_key_8_a_row_under_another_master_key_is_refused(
    node: Node, tmp_path: Path
) -> None:
    foreign = MasterKeys.create(tmp_path / "foreign.key")
    mallory = await node.directory.find(Address.parse("mallory@example.org"))
    sealed = seal_address(foreign, HolderRecord(ALICE.key, mallory.account_id))
    place = place_of(Table.ADDRESS, ALICE.key)
    statement = "UPDATE addresses SET sealed = :sealed WHERE account_id = :place"
    await keystore_sql(node, statement, sealed=bytes(sealed.sealed), place=place)
    await refused(node, ALICE)


async def test_t_key_8_a_domain_row_that_was_touched_is_refused(node: Node) -> None:
    rules = DomainRules(node.keyring, node.directory, node.chain)
    await node.provisioning.add_domain("other.org")
    await rules.set_catch_all("other.org", Address.parse("mallory@example.org"))
    await keystore_sql(
        node,
        "UPDATE domains SET sealed = (SELECT sealed FROM domains WHERE account_id = :other)"
        " WHERE account_id = :place",
        other=place_of(Table.DOMAIN, "other.org"),
        place=place_of(Table.DOMAIN, "example.org"),
    )
    await refused(node, STRAY)


async def test_no_address_of_who_left_stands_in_the_keystore(node: Node) -> None:
    """PRIVACY §14: a keyed hash remembers it, which nobody confirms without the master key."""
    mallory = Address.parse("mallory@example.org")
    account: AccountId = (await node.directory.find(mallory)).account_id
    await node.provisioning.remove_user(mallory)
    pages = [await node.keystore.page(rows) for rows in Rows]
    places = {row.account_id for page in pages for row in page}
    assert account not in places
    assert place_of(Table.ADDRESS, mallory.key) not in places
    assert await node.keyring.receiving.former(mallory, node.clock.now()) is not None
