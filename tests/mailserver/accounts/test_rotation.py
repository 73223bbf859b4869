"""A new master key takes over while everybody goes on."""

from pathlib import Path

import pytest
from sqlalchemy import text

from mailserver.accounts.domain_rules import DomainRules
from mailserver.accounts.rotation import Rotation
from mailserver.model.address import Address
from mailserver.model.errors import Refused
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import ManualClock
from mailserver.store.epochs import NewEpoch
from mailserver.store.keystore_tables import Rows
from mailserver.vault.epochs import DepositMarks, Deposits, NewEpochValues
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import Scope
from tests.support.accounts import PEER, Node, open_node


def rotation(node: Node) -> Rotation:
    return Rotation(node.keyring, node.store, node.chain)


async def deposit(node: Node, address: str) -> None:
    """Let a letter's content key be sealed to somebody who is away."""
    user_id = await node.store.accounts.by_address(address)
    assert user_id is not None
    identity = (await node.keyring.account(user_id)).identity
    deposits = Deposits(DepositMarks(node.master), clock=node.clock)

    def stored(values: NewEpochValues) -> NewEpoch:
        return NewEpoch(
            values.origin,
            values.generation,
            values.suite,
            values.sealed,  # type: ignore[arg-type]  # octets, sealed by the vault
            values.dep_kid,
            values.dep_mac,
            node.clock.now(),
        )

    await deposits.key_for(
        identity,
        lambda make: node.store.epochs.create(user_id, lambda epoch: stored(make(epoch))),
    )
    deposits.close()


@pytest.fixture
async def rotated(
    node: Node, mail_url: str, keystore_url: str, tmp_path: Path, clock: ManualClock
) -> Node:
    """A node that was started again with a second key; the first one still serves."""
    node.master.rotate(tmp_path / "master.key")
    master = MasterKeys.load(tmp_path / "master.key")
    assert master.kids == (1, 2)
    return await open_node(mail_url, keystore_url, tmp_path, clock, master=master)


async def test_everything_moves_and_everybody_goes_on(node: Node, rotated: Node) -> None:
    user = await node.user()
    made = await node.app_password(user)
    await deposit(node, "alice@example.org")
    before = await rotation(rotated).status()
    assert before.current == 2
    assert before.left() == 6  # account, address, password, app password, deposit, audit head
    told: list[int] = []
    done = await rotation(rotated).reseal(told.append)
    assert (done.rows, done.deposits, done.refused) == (4, 1, 0)
    assert told[-1] == 5
    after = await rotation(rotated).status()
    assert after.left() == 0
    assert after.rows[0] == 1  # the recovery row has no such layer
    assert (await rotation(rotated).reseal()).rows == 0
    lease = await rotated.logins.app_password(
        str(user.address), made.secret, scope=Scope.IMAP, peer=PEER
    )
    rows = await rotated.store.epochs.rows(user.account_id)
    assert lease.account.open_epochs(rows) == []
    await rotated.close()


async def test_the_old_key_can_go_afterwards(
    node: Node,
    rotated: Node,
    mail_url: str,
    keystore_url: str,
    tmp_path: Path,
    clock: ManualClock,
) -> None:
    user = await node.user()
    made = await node.app_password(user)
    rules = DomainRules(node.keyring, node.directory, node.chain)
    await rules.set_catch_all("example.org", user.address)
    await rotation(rotated).reseal()
    rotated.master.retire(tmp_path / "master.key", 1)
    await rotated.close()
    alone = await open_node(
        mail_url, keystore_url, tmp_path, clock, master=MasterKeys.load(tmp_path / "master.key")
    )
    await alone.logins.submission(str(user.address), made.secret, peer=PEER)
    stray = await alone.directory.resolve(Address("stray", "example.org"))
    assert stray.holder is not None
    new = Plaintext(b"two herons on a frozen canal")
    await alone.recovery.reset_with_code(str(user.address), user.recovery_code, new)
    with pytest.raises(Refused):
        await alone.logins.submission(str(user.address), made.secret, peer=PEER)
    await alone.close()


async def test_what_is_not_authentic_is_left_and_told(node: Node, rotated: Node) -> None:
    user = await node.user()
    await deposit(node, "alice@example.org")
    await node.store.database.write(
        lambda c: c.execute(text("UPDATE epochs SET dep_mac = :m"), {"m": b"x" * 32})
    )
    (wrap, *_) = [w for w in await node.keyring.wraps(user.account_id) if w.row.kid]
    await node.keystore._database.write(
        lambda c: c.execute(
            text("UPDATE wraps SET selector = :s WHERE row_id = :r"),
            {"s": b"moved", "r": wrap.row_id},
        )
    )
    done = await rotation(rotated).reseal()
    assert done.refused == 2
    assert (await rotation(rotated).status()).left() == 2
    assert await rotated.keystore.kids(Rows.ACCOUNTS) == {2: 1}
    await rotated.close()
