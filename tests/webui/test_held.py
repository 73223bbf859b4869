"""Accounts that requests opened, held a while."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailserver.app.house import House
from mailserver.mail.account import Account
from mailserver.mail.office import Office
from mailserver.model.errors import Condition, Refused
from mailserver.model.sealed import Plaintext
from mailserver.runtime.background import background
from mailserver.runtime.clock import ManualClock
from mailserver.vault.records import Scope
from tests.support.house import add_person, house_in
from webui.held import UNLOCKED, Held


class Opening:
    """Signs noor in as often as it is asked, and counts."""

    def __init__(self, house: House, office: Office, secret: str) -> None:
        self.house = house
        self.office = office
        self.secret = Plaintext(secret.encode())
        self.times = 0

    async def __call__(self) -> Account:
        self.times += 1
        await asyncio.sleep(0.01)
        lease = await self.house.logins.app_password(
            "noor@example.test", self.secret, scope=Scope.JMAP, peer="127.0.0.1"
        )
        return self.office.open(lease)


@pytest.fixture
async def opening(tmp_path: Path) -> AsyncIterator[Opening]:
    async with house_in(tmp_path) as house, background() as tasks:
        secret = await add_person(house, "noor")
        yield Opening(house, Office(house.store, house.offload, tasks), secret)


async def test_requests_that_come_together_open_an_account_once(opening: Opening) -> None:
    held = Held(ManualClock())
    name = held.name(b"noor", b"secret")
    found = await asyncio.gather(*[held.get(name, opening) for _ in range(5)])
    assert opening.times == 1
    assert all(account is found[0] for account in found)
    assert await held.get(held.name(b"noor", b"other"), opening) is not found[0]
    await held.close()


async def test_an_account_is_locked_five_minutes_after_its_last_request(opening: Opening) -> None:
    clock = ManualClock()
    held = Held(clock)
    name = held.name(b"noor")
    account = await held.get(name, opening)
    clock.advance(UNLOCKED - timedelta(seconds=1))
    await held.tend()
    assert await held.get(name, opening) is account  # in use again
    clock.advance(UNLOCKED - timedelta(seconds=1))
    await held.tend()
    assert repr(account) == "<account, open>"
    clock.advance(timedelta(seconds=1))
    await held.tend()
    assert repr(account) == "<account, locked>"
    assert opening.house.sessions.leases() == []
    await held.get(name, opening)
    assert opening.times == 2
    await held.close()


async def test_what_is_revoked_is_forgotten_at_once(opening: Opening) -> None:
    held = Held(ManualClock())
    name = held.name(b"noor")
    account = await held.get(name, opening)
    opening.house.sessions.revoke(account.account_id)
    assert repr(account) == "<account, locked>"
    assert await held.get(name, opening) is not account
    await held.close()
    assert opening.house.sessions.leases() == []


async def test_a_sign_in_that_fails_holds_nothing(opening: Opening) -> None:
    held = Held(ManualClock())
    name = held.name(b"noor")

    async def refused() -> Account:
        raise Refused(Condition.AUTHENTICATION_FAILED)

    for _ in range(2):
        with pytest.raises(Refused):
            await held.get(name, refused)
    assert repr(await held.get(name, opening)) == "<account, open>"
    await held.drop(name)
    assert opening.house.sessions.leases() == []


def test_names_tell_their_parts_apart() -> None:
    held = Held(ManualClock())
    assert held.name(b"a", b"bc") != held.name(b"ab", b"c")
    assert held.name(b"a", b"bc") == held.name(b"a", b"bc")
    assert held.name(b"a") != Held(ManualClock()).name(b"a")
