"""What cannot be written down does not happen; what was written of the erased opens no more."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from mailserver.accounts.admins import Admin
from mailserver.app.house import House
from mailserver.audit.checkpoint import load_key
from mailserver.audit.entry import decode
from mailserver.audit.subjects import Subject
from mailserver.audit.verify import verify
from mailserver.model.address import Address
from mailserver.model.errors import Absent
from mailserver.model.ids import AccountId
from mailserver.vault.administrators import AdminRole
from mailserver.vault.custodians import key_of
from tests.support.escrow import a_pair
from tests.support.house import DOMAIN, PASSWORD, add_person, house_in

ALICE = Address("alice", DOMAIN)


def places(mail_url: str, keystore_url: str) -> dict[str, str]:
    """Say where a house's databases are; on SQLite where it puts them itself, apart."""
    if mail_url.startswith("sqlite"):
        return {}
    return {"database__url": mail_url, "keystore__url": keystore_url}


async def execute(house: House, statement: str) -> None:
    await house.store.database.write(lambda connection: connection.execute(text(statement)))


async def alice(house: House) -> AccountId:
    account_id = await house.store.accounts.by_address(ALICE.key)
    assert account_id is not None
    return account_id


async def state(house: House) -> tuple[object, ...]:
    """What the actions below would change."""
    return (
        await house.store.domains.get("other.test"),
        (await house.keyring.account(await alice(house), fresh=True)).record,
        await house.store.accounts.by_address(f"bob@{DOMAIN}"),
        await house.admins.listing(),
        await house.desk.escrow.custodians(),
        await house.books.traces.listing(),
    )


async def add_domain(house: House) -> None:
    await house.provisioning.add_domain("other.test")


async def add_user(house: House) -> None:
    await house.provisioning.add_user(Address("bob", DOMAIN), PASSWORD, quota_octets=1 << 20)


async def add_admin(house: House) -> None:
    await house.admins.create("root", PASSWORD, [AdminRole.OWNER])


async def sign_in(house: House) -> None:
    lease = await house.logins.password(str(ALICE), PASSWORD, peer="127.0.0.1")
    await lease.close()


async def add_custodian(house: House) -> None:
    await house.desk.escrow.add_custodian("Ruth Vos", key_of(a_pair()))


async def trace(house: House) -> None:
    ruth = Admin("ruth", frozenset(), house.clock.now(), second_factor=True)
    hour = timedelta(hours=1)
    await house.books.traces.start(await alice(house), str(ALICE), "mail is missing", hour, ruth)


@pytest.mark.long
@pytest.mark.parametrize("act", [add_domain, add_user, add_admin, sign_in, add_custodian, trace])
async def test_t_aud_1_an_action_whose_entry_cannot_be_written_does_not_happen(
    act: Callable[[House], Awaitable[None]], mail_url: str, keystore_url: str, tmp_path: Path
) -> None:
    async with house_in(tmp_path, **places(mail_url, keystore_url)) as house:
        await add_person(house, "alice")
        before = await state(house)
        await execute(house, "ALTER TABLE audit RENAME TO audit_elsewhere")
        with pytest.raises(DBAPIError):
            await act(house)
        await execute(house, "ALTER TABLE audit_elsewhere RENAME TO audit")
        assert await state(house) == before
        await act(house)  # and it does once it can


@pytest.mark.long
async def test_t_aud_2_what_was_written_of_an_erased_person_opens_no_more(
    mail_url: str, keystore_url: str, tmp_path: Path
) -> None:
    async with house_in(tmp_path, **places(mail_url, keystore_url)) as house:
        await add_person(house, "alice")
        account_id = await alice(house)
        subject = Subject(account_id, (await house.keyring.account(account_id)).guard.audit_key)
        rows = await house.store.audit.of_account(account_id, 100)
        told = [subject.open(decode(row.entry).personal) for row in rows]
        assert {"address"} <= {name for fields in told for name in fields}
        await house.provisioning.remove_user(ALICE)
        with pytest.raises(Absent):
            await house.keyring.account(account_id, fresh=True)
        public = load_key(house.settings.keys.audit_file).public
        found = await verify(house.store.audit, house.keystore, house.master, public)
        assert found.last > len(rows)
        assert len(await house.store.audit.of_account(account_id, 100)) > len(rows)
