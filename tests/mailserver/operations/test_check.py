from pathlib import Path

from mailserver.app.house import House
from mailserver.model.address import Address
from mailserver.model.sealed import Guarded
from mailserver.operations.check import check
from mailserver.store.keystore import DeleteAll, Replace, Row
from mailserver.store.keystore_tables import Rows
from tests.support.house import add_person, house_in


def ignore(done: int, total: int) -> None:
    """Take no notice of progress."""


async def found_in(house: House) -> list[str]:
    return await check(house.store, house.keyring, ignore, quiet=True)


async def test_a_sound_house_gives_no_finding_and_tells_progress(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    async with house_in(tmp_path) as house:
        await add_person(house, "noor")
        await add_person(house, "bram")
        found = await check(house.store, house.keyring, lambda *pair: told.append(pair))
    assert found == []
    assert told == [(1, 2), (2, 2)]


async def test_address_that_the_keystore_does_not_name_is_found(tmp_path: Path) -> None:
    async with house_in(tmp_path) as house:
        await add_person(house, "noor")
        account = (await house.store.accounts.listing())[0]
        await house.store.accounts.add_address(account.account_id, "director@example.test")
        (found,) = await found_in(house)
    assert "1 of its addresses are not in its keystore row" in found
    assert "director" not in found


async def test_address_that_fell_out_of_the_index_is_found(tmp_path: Path) -> None:
    async with house_in(tmp_path) as house:
        await add_person(house, "noor")
        account = (await house.store.accounts.listing())[0]
        await house.store.accounts.remove_address(account.account_id, "noor@example.test")
        (found,) = await found_in(house)
    assert "not in the index" in found


async def test_account_without_keys_and_keys_without_account_are_found(tmp_path: Path) -> None:
    async with house_in(tmp_path) as house:
        await add_person(house, "noor")
        await add_person(house, "bram")
        first, second = await house.store.accounts.listing()
        await house.keystore.apply([DeleteAll(Rows.ACCOUNTS, first.account_id)])
        await house.store.accounts.remove(second.account_id)
        found = await found_in(house)
    assert len(found) == 2
    assert first.account_id.hex() in found[0]
    assert "the keystore does not know it" in found[0]
    assert second.account_id.hex() in found[1]
    assert "keys but no mailboxes" in found[1]


async def test_forged_keystore_row_is_found(tmp_path: Path) -> None:
    async with house_in(tmp_path) as house:
        await add_person(house, "noor")
        owner = await house.directory.holder(Address("noor", "example.test"))
        assert owner is not None
        row = owner.row
        forged = Guarded(row.sealed[:-1] + bytes([row.sealed[-1] ^ 1]))
        changed = Row(row.account_id, row.row_id, row.selector, row.kid, forged)
        await house.keystore.apply([Replace(Rows.ACCOUNTS, changed, row.sealed)])
        (found,) = await found_in(house)
    assert "not authentic; see it as a breach" in found
