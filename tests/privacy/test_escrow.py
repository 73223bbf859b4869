"""T-LC-4: who has both databases and the master key, and no custodian, opens nothing by escrow."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mailserver.accounts.provisioning import NewUser
from mailserver.crypto.hpke import derive_pair
from mailserver.crypto.kdf import hkdf
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Corrupt, Refused, Transient
from mailserver.runtime.clock import ManualClock
from mailserver.store.keystore import Row
from mailserver.store.keystore_tables import Rows
from mailserver.vault.custodians import CustodianKey, key_of
from mailserver.vault.escrow import WRAPS, half_info, open_escrow_wrap
from mailserver.vault.escrow_request import Request, answered, half_of
from mailserver.vault.escrow_rows import REQUESTS, RequestRecord, open_request
from mailserver.vault.records import WrapRecord, encode_account
from tests.support.accounts import Node, open_node
from tests.support.books import books_of
from tests.support.escrow import NAMES, TERMS, Organisation, a_pair, organisation
from tests.support.house import DOMAIN, PASSWORD, add_person, house_in

HALF = 32
LABELS = (
    *(b"row", b"inst", b"dep", b"log", b"tomb", b"commit", b"link", b"zegel escrow"),
    *(b"zegel escrow half commit", b"zegel custodian key", b"wrap\x06"),
)


@pytest.fixture
async def node(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[Node]:
    opened = await open_node(mail_url, keystore_url, tmp_path, ManualClock())
    yield opened
    await opened.close()


def strings(value: object) -> Iterator[bytes]:
    """Every run of octets in a record, base64 and hexadecimal taken apart."""
    if isinstance(value, bytes | bytearray):
        yield bytes(value)
    elif isinstance(value, dict):
        for each in (*value.keys(), *value.values()):
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)


def windows(octets: bytes) -> Iterator[bytes]:
    """What of a run might be a key or a half: its ends, and it whole."""
    yield from (octets[:HALF], octets[-HALF:])


class Thief:
    """The rows of the keystore, opened with the master key, and all that they might give."""

    def __init__(self, node: Node, user: NewUser, wrap: Row, requests: list[RequestRecord]) -> None:
        self.account = user.account_id
        self.row_id = wrap.row_id
        self.record: WrapRecord = node.keyring.open_wrap(wrap).record
        self.requests = requests
        self.material: set[bytes] = set()
        master = node.master
        self.learn(master.deposit_key(1), master.log_key, master.tomb_key, *master.bounce_keys)
        self.learn(self.record.commit, self.record.sealed_key, bytes(HALF))
        for half in self.record.halves:
            self.learn(half.custodian, half.commit, half.sealed)
        for request in requests:
            self.learn(request.seed, request.export_seed, *request.answers.values())

    def learn(self, *found: bytes | bytearray) -> None:
        for octets in found:
            for part in windows(bytes(octets)):
                if len(part) == HALF:
                    self.material.add(part)
                    self.material.update(bytes(hkdf(part, label)) for label in LABELS)

    def halves(self) -> dict[int, set[bytes]]:
        """All that is in reach for either place: any material, and what a key of ours opens."""
        found: dict[int, set[bytes]] = {}
        for number, half in enumerate(self.record.halves):
            reach = set(self.material)
            for request in self.requests:
                for sealed in (half.sealed, *request.answers.values()):
                    with suppress(Refused):
                        reach.add(
                            bytes(half_of(request.request, request.seed, half.custodian, sealed))
                        )
            for seed in self.material:
                pair = derive_pair(bytearray(seed), Suite.HYBRID)
                info = half_info(
                    self.account,
                    self.row_id,
                    self.record.generation,
                    CustodianKey(pair.suite, pair.public_octets),
                    number,
                )
                with suppress(Corrupt):
                    reach.add(pair.open(half.sealed, info))
            found[number] = {
                one for one in reach if hkdf(one, b"zegel escrow half commit") == half.commit
            }
        return found

    def opens(self) -> bool:
        """Try every pair of halves that fits."""
        halves = self.halves()
        for one in halves[0]:
            for two in halves[1]:
                both = [bytearray(one), bytearray(two)]
                open_escrow_wrap(self.account, self.row_id, self.record, both).close()
                return True
        return False


async def stolen(node: Node, user: NewUser) -> Thief:
    (wrap,) = await node.keystore.anywhere(Rows.WRAPS, WRAPS)
    rows = await node.keystore.anywhere(Rows.ESCROW, REQUESTS)
    requests = [open_request(node.master, r.account_id, r.row_id, r.sealed) for r in rows]
    thief = Thief(node, user, wrap, requests)
    account = await node.keyring.account(user.account_id, fresh=True)
    thief.learn(account.record.guard_key, *strings(json.loads(encode_account(account.record))))
    return thief


async def test_t_lc_4_database_and_master_key_open_nothing_without_custodians(node: Node) -> None:
    org, alice = await organisation(node), await node.user()
    await org.seen(alice)
    openings = books_of(node).openings
    assert not (await stolen(node, alice)).opens()
    number, request = await openings.ask(alice.account_id, "she is ill")
    assert not (await stolen(node, alice)).opens()
    await openings.take(org.answer(request, 0))
    thief = await stolen(node, alice)
    assert sorted(len(each) for each in thief.halves().values()) == [0, 1]  # one half alone
    assert not thief.opens()
    # The search is one that finds what is there: with the other answer it opens.
    await openings.take(org.answer(request, 1))
    assert (await stolen(node, alice)).opens()
    lease = await openings.unlock(number)
    await lease.close()


async def test_t_lc_4_what_was_answered_is_gone_with_the_request(node: Node) -> None:
    org, alice = await organisation(node), await node.user()
    await org.seen(alice)
    openings = books_of(node).openings
    answers = await answered_and_lapsed(node, org, alice)
    thief = await stolen(node, alice)
    thief.learn(*answers)
    assert not thief.opens()
    assert [request for request in thief.requests if request.answers] == []
    await openings.tend()


async def answered_and_lapsed(node: Node, org: Organisation, alice: NewUser) -> list[bytes]:
    """Let both answer, the second one too late; return the answers, which somebody kept."""
    openings = books_of(node).openings
    _, request = await openings.ask(alice.account_id, "she is ill")
    first, second = org.answer(Request.parse(request.encode()), 0), org.answer(request, 1)
    await openings.take(first)
    node.clock.advance(request.expires_at - node.clock.now())
    with pytest.raises(Refused):
        await openings.take(second)
    assert node.keystore.has_condemned is False  # and its key is out of the files
    return [first.sealed, second.sealed]


async def test_t_lc_4_no_step_is_taken_before_it_is_proved_elsewhere(tmp_path: Path) -> None:
    copies = tmp_path / "elsewhere"
    copies.mkdir()
    async with house_in(tmp_path / "run", audit__copy_to=copies) as house:
        await add_person(house, "alice")
        escrow, openings = house.desk.escrow, house.books.openings
        pairs = [a_pair(), a_pair()]
        keys = [key_of(pair) for pair in pairs]

        async def refused(act: Callable[[], Awaitable[object]]) -> None:
            copies.rename(tmp_path / "away")
            with pytest.raises(Transient):
                await act()
            (tmp_path / "away").rename(copies)

        await refused(lambda: escrow.add_custodian(NAMES[0], keys[0]))
        assert await escrow.custodians() == []
        for name, key in zip(NAMES, keys, strict=True):
            await escrow.add_custodian(name, key)
        await refused(lambda: escrow.enable(*TERMS))
        assert await escrow.standing() is None
        standing = await escrow.enable(*TERMS)
        lease = await house.logins.password(f"alice@{DOMAIN}", PASSWORD, peer="127.0.0.1")
        account_id = lease.account_id
        await refused(lambda: house.desk.escrow_wraps.accept(lease, standing.digest))
        assert await house.keystore.anywhere(Rows.WRAPS, WRAPS) == ()
        await house.desk.escrow_wraps.accept(lease, standing.digest)
        await lease.close()
        await refused(lambda: openings.ask(account_id, "she is ill"))
        number, request = await openings.ask(account_id, "she is ill")
        first, second = (answered(request, pair, house.clock.now()) for pair in pairs)
        await openings.take(first)
        await refused(lambda: openings.take(second))
        with pytest.raises(Refused):
            await openings.unlock(number)
        await openings.take(second)
        await refused(lambda: openings.begin_export(number))
        await refused(escrow.disable)
        assert await escrow.standing() is not None
