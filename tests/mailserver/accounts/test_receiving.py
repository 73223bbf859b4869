"""What an address stands for: accounts, groups, roles and catch-alls, by the keystore alone."""

from datetime import timedelta

import pytest

from mailserver.accounts.addresses import Addresses
from mailserver.accounts.admins import Admin
from mailserver.accounts.directory import Directory
from mailserver.accounts.domain_rules import DomainRules
from mailserver.accounts.groups import MOST_MEMBERS
from mailserver.accounts.receiving import TOMB_LIFE
from mailserver.accounts.rotation import Rotation
from mailserver.audit.entry import Event
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Conflict, Locked, MailError, Refused
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice
from mailserver.store.keystore import DeleteAll
from mailserver.store.keystore_tables import Rows
from mailserver.vault.administrators import AdminRole
from mailserver.vault.receiving import GroupRecord, Posting
from tests.support.accounts import Node

Told = list[tuple[AccountId, Notice, str]]


def at(text: str) -> Address:
    return Address.parse(text)


def addresses(node: Node, told: Told | None = None) -> Addresses:
    async def tell(account_id: AccountId, notice: Notice, about: str) -> None:
        if told is not None:
            told.append((account_id, notice, about))

    return Addresses(node.store, node.keyring, node.directory, node.chain, node.clock, tell)


def rules(node: Node) -> DomainRules:
    return DomainRules(node.keyring, node.directory, node.chain)


async def account_at(node: Node, text: str) -> AccountId | None:
    holder = (await node.directory.resolve(at(text))).holder
    return None if holder is None else holder.account_id


async def nobody(node: Node, text: str) -> Condition:
    with pytest.raises(MailError) as raised:
        await node.directory.resolve(at(text))
    return raised.value.condition


async def group(node: Node, *members: str, posting: Posting = Posting.ANYBODY) -> None:
    await addresses(node).add_group(at("team@example.org"), [at(each) for each in members], posting)


# -- aliases


async def test_an_alias_receives_and_sends_for_its_account(node: Node) -> None:
    alice = await node.user()
    await addresses(node).add_alias(alice.address, at("A.Smith@example.org"))
    assert await account_at(node, "a.smith@example.org") == alice.account_id
    assert await account_at(node, "a.smith+lists@example.org") == alice.account_id
    found = await node.directory.find(alice.address)
    assert found.addresses == (alice.address, at("a.smith@example.org"))
    made = await node.app_password(alice)
    signed_in = await node.logins.submission("a.smith@example.org", made.secret, peer="192.0.2.1")
    assert at("a.smith@example.org") in signed_in.addresses
    events = [row.event for row in await node.store.audit.of_account(alice.account_id, 10)]
    assert Event.ADDRESS_ADDED.value in events


@pytest.mark.parametrize("alias", ["bob@example.org", "BOB@example.org", "team@example.org"])
async def test_an_address_stands_for_one_thing(node: Node, alias: str) -> None:
    alice = await node.user()
    await node.user("bob@example.org")
    await group(node, "alice@example.org")
    with pytest.raises(Conflict):
        await addresses(node).add_alias(alice.address, at(alias))
    with pytest.raises(Conflict):
        await addresses(node).add_group(at(alias), [alice.address])


async def test_an_alias_is_at_a_domain_of_ours(node: Node) -> None:
    alice = await node.user()
    with pytest.raises(Absent) as raised:
        await addresses(node).add_alias(alice.address, at("alice@elsewhere.test"))
    assert raised.value.condition is Condition.NO_SUCH_DOMAIN


async def test_a_former_address_is_given_away_by_two_and_its_owner_told(node: Node) -> None:
    alice, bob = await node.user(), await node.user("bob@example.org")
    told: Told = []
    service, desk = addresses(node, told), at("desk@example.org")
    await service.add_alias(alice.address, desk)
    await service.remove_alias(desk)
    assert await nobody(node, "desk@example.org") is Condition.NO_SUCH_USER
    with pytest.raises(Refused) as raised:
        await service.add_alias(bob.address, desk)
    assert raised.value.condition is Condition.NOT_PERMITTED
    with pytest.raises(Refused):
        await service.add_group(desk, [bob.address])
    await service.add_alias(alice.address, desk)  # her own again: nobody need approve
    await service.remove_alias(desk)
    second = Admin("joris", frozenset({AdminRole.OWNER}), node.clock.now(), second_factor=False)
    await service.add_alias(bob.address, desk, second=second)
    assert told == [(alice.account_id, Notice.ADDRESS_GIVEN_AWAY, "desk@example.org")]
    assert await account_at(node, "desk@example.org") == bob.account_id


async def test_a_year_later_nobody_remembers(node: Node) -> None:
    alice, bob = await node.user(), await node.user("bob@example.org")
    service, desk = addresses(node), at("desk@example.org")
    await service.add_alias(alice.address, desk)
    await service.remove_alias(desk)
    node.clock.advance(TOMB_LIFE - timedelta(seconds=1))
    assert await node.provisioning.sweep() == 0
    assert sum((await node.keystore.kids(Rows.TOMBS)).values()) == 1
    node.clock.advance(timedelta(seconds=1))
    await node.provisioning.sweep()
    assert await node.keystore.kids(Rows.TOMBS) == {}
    await service.add_alias(bob.address, desk)


async def test_accounts_from_before_get_their_rows(node: Node) -> None:
    alice = await node.user()
    for row in await node.keystore.page(Rows.ADDRESSES):
        await node.keyring.apply([DeleteAll(Rows.ADDRESSES, row.account_id)])
    assert await account_at(node, "alice@example.org") == alice.account_id  # by the index
    await node.provisioning.sweep()
    assert sum((await node.keystore.kids(Rows.ADDRESSES)).values()) == 1


async def test_a_domain_that_was_removed_receives_nothing(node: Node) -> None:
    alice = await node.user()
    await rules(node).set_catch_all("example.org", alice.address)
    await node.provisioning.remove_domain("example.org")
    assert await nobody(node, "alice@example.org") is Condition.NO_SUCH_DOMAIN
    await node.provisioning.add_domain("example.org")
    assert await nobody(node, "anybody@example.org") is Condition.NO_SUCH_USER


# -- groups


async def test_a_group_goes_to_each_once(node: Node) -> None:
    alice = await node.user()
    await node.user("bob@example.org")
    await addresses(node).add_alias(alice.address, at("al@example.org"))
    await group(node, "alice@example.org", "al@example.org", "bob@example.org", "Eve@Else.test")
    found = await node.directory.resolve(at("TEAM+x@example.org"))
    assert found.holder is None
    assert [str(each) for each in found.onward] == [
        "alice@example.org",
        "bob@example.org",
        "Eve@else.test",
    ]


async def test_groups_in_a_circle_end(node: Node) -> None:
    await node.user()
    await group(node, "alice@example.org")
    service = addresses(node)
    await service.add_group(at("all@example.org"), [at("team@example.org"), at("x@else.test")])
    await service.add_members(at("team@example.org"), [at("all@example.org")])
    for name in ("team@example.org", "all@example.org"):
        onward = {str(each) for each in (await node.directory.resolve(at(name))).onward}
        assert onward == {"alice@example.org", "x@else.test"}


async def test_a_group_of_groups_has_a_bound(node: Node) -> None:
    await node.user()
    service, half = addresses(node), MOST_MEMBERS // 2 + 1
    for name in ("one", "two"):
        members = [Address(f"{name}{number}", "else.test") for number in range(half)]
        await service.add_group(Address(name, "example.org"), members)
    await service.add_group(at("both@example.org"), [at("one@example.org")])
    assert len((await node.directory.resolve(at("both@example.org"))).onward) == half
    record = GroupRecord("both@example.org", ("one@example.org", "two@example.org"))
    await node.keyring.apply([await node.keyring.receiving.change(record)])
    assert await nobody(node, "both@example.org") is Condition.LIMIT


async def test_members_of_ours_must_exist_and_others_be_allowed(node: Node) -> None:
    await node.user()
    with pytest.raises(Absent):
        await group(node, "ghost@example.org")
    await group(node, "alice@example.org", "x@else.test")
    await rules(node).set_no_external_forward("example.org", keeps=True)
    with pytest.raises(Refused) as raised:
        await addresses(node).add_members(at("team@example.org"), [at("y@else.test")])
    assert raised.value.condition is Condition.NOT_PERMITTED
    # Those who are in it already get nothing from now on.
    onward = (await node.directory.resolve(at("team@example.org"))).onward
    assert [str(each) for each in onward] == ["alice@example.org"]


@pytest.mark.parametrize(
    ("posting", "author", "taken"),
    [
        (Posting.ANYBODY, None, True),
        (Posting.ANYBODY, "eve@else.test", True),
        (Posting.DOMAIN, None, False),
        (Posting.DOMAIN, "carol@example.org", True),
        (Posting.DOMAIN, "x@else.test", False),
        (Posting.MEMBERS, None, False),
        (Posting.MEMBERS, "carol@example.org", False),
        (Posting.MEMBERS, "alice@example.org", True),
        (Posting.MEMBERS, "alice+work@example.org", True),
        (Posting.MEMBERS, "al@example.org", True),  # her other address
        (Posting.MEMBERS, "x@else.test", True),
    ],
)
async def test_who_may_write_to_a_group(
    node: Node, posting: Posting, author: str | None, taken: bool
) -> None:
    alice = await node.user()
    await addresses(node).add_alias(alice.address, at("al@example.org"))
    await group(node, "alice@example.org", "x@else.test", posting=posting)
    found = await node.directory.resolve(at("team@example.org"))
    assert found.may_post(at(author) if author else None) is taken


# -- roles and catch-all


async def test_required_roles_wait_until_somebody_answers(node: Node) -> None:
    alice = await node.user()
    for role in ("postmaster", "PostMaster", "abuse"):
        with pytest.raises(Locked) as raised:
            await node.directory.resolve(Address(role, "example.org"))
        assert raised.value.condition is Condition.NOT_ACTIVE  # 450: it waits with its sender
    assert await nobody(node, "security@example.org") is Condition.NO_SUCH_USER
    await rules(node).set_role("example.org", "postmaster", alice.address)
    for role in ("postmaster", "Abuse", "security", "hostmaster", "noc", "webmaster"):
        assert await account_at(node, f"{role}@example.org") == alice.account_id
    assert await nobody(node, "sales@example.org") is Condition.NO_SUCH_USER


async def test_each_role_may_have_its_own_answer(node: Node) -> None:
    alice, bob = await node.user(), await node.user("bob@example.org")
    await rules(node).set_role("example.org", "postmaster", alice.address)
    await rules(node).set_role("example.org", "Abuse", bob.address)
    assert await account_at(node, "abuse@example.org") == bob.account_id
    assert await account_at(node, "noc@example.org") == alice.account_id
    await rules(node).set_role("example.org", "abuse", None)
    assert await account_at(node, "abuse@example.org") == alice.account_id
    # Whoever has the very address comes first.
    await addresses(node).add_alias(bob.address, at("noc@example.org"))
    assert await account_at(node, "noc@example.org") == bob.account_id


async def test_a_role_may_be_answered_by_who_comes_later(node: Node) -> None:
    await node.provisioning.add_domain("example.org")
    await rules(node).set_role("example.org", "postmaster", at("alice@example.org"))
    assert await nobody(node, "postmaster@example.org") is Condition.NOT_ACTIVE
    alice = await node.user()
    assert await account_at(node, "postmaster@example.org") == alice.account_id


async def test_postmaster_of_the_host_itself_is_answered(node: Node) -> None:
    """`<postmaster>` without a domain is the host's, RFC 5321 §4.5.1."""
    alice, bob = await node.user(), await node.user("bob@example.com")
    directory = Directory(node.store, node.keyring, node.chain, node.clock, "mail.EXAMPLE.org")
    ours = at("postmaster@mail.example.org")
    assert await directory.takes(ours)
    assert not await directory.takes(at("alice@mail.example.org"))
    with pytest.raises(Locked):
        await directory.resolve(ours)
    await rules(node).set_role("example.com", "postmaster", bob.address)
    holder = (await directory.resolve(ours)).holder
    assert holder is not None
    assert holder.account_id == bob.account_id
    await rules(node).set_role("example.org", "postmaster", alice.address)
    holder = (await directory.resolve(ours)).holder
    assert holder is not None
    assert holder.account_id == alice.account_id  # the host's own domain comes first


async def test_the_catch_all_gets_what_nobody_has(node: Node) -> None:
    alice = await node.user()
    bob = await node.user("bob@example.org")
    await rules(node).set_catch_all("example.org", alice.address)
    assert await account_at(node, "anybody@example.org") == alice.account_id
    assert await account_at(node, "bob@example.org") == bob.account_id
    assert await nobody(node, "postmaster@example.org") is Condition.NOT_ACTIVE
    await rules(node).set_catch_all("example.org", None)
    assert await nobody(node, "anybody@example.org") is Condition.NO_SUCH_USER


@pytest.mark.parametrize(
    "address",
    [
        "victim%else.test@example.org",
        "else.test!victim@example.org",
        '"victim@else.test"@example.org',
        "SRS0=abcdef=xy=else.test=victim@example.org",
        "SRS1=abcdef=else.test==ghijkl=xy=other.test=victim@example.org",
        "srs0+abcdef=xy=else.test=victim@example.org",
    ],
)
async def test_the_catch_all_gets_no_attempt_to_relay(node: Node, address: str) -> None:
    alice = await node.user()
    await rules(node).set_catch_all("example.org", alice.address)
    assert await nobody(node, address) is Condition.NO_SUCH_USER


async def test_the_catch_all_gets_no_letters_for_who_left(node: Node) -> None:
    alice, bob = await node.user(), await node.user("bob@example.org")
    await rules(node).set_catch_all("example.org", alice.address)
    await node.provisioning.remove_user(bob.address)
    assert await nobody(node, "bob@example.org") is Condition.NO_SUCH_USER
    assert await nobody(node, "bob+lists@example.org") is Condition.NO_SUCH_USER
    node.clock.advance(TOMB_LIFE)
    assert await account_at(node, "bob@example.org") == alice.account_id


async def test_a_rotation_counts_all_of_it(node: Node) -> None:
    alice = await node.user()
    await addresses(node).add_alias(alice.address, at("old@example.org"))
    await addresses(node).remove_alias(at("old@example.org"))
    await rules(node).set_catch_all("example.org", alice.address)
    rotation = Rotation(node.keyring, node.store, node.chain)
    status = await rotation.status()
    assert status.left() == 0
    for rows in (Rows.ADDRESSES, Rows.DOMAINS, Rows.TOMBS):
        assert set(await node.keystore.kids(rows)) == {node.master.current}
