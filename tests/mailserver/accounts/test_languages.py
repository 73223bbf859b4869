"""The language in which the server writes to somebody."""

import pytest

from mailserver.accounts.languages import Languages
from mailserver.model.errors import Absent, PeerFault
from mailserver.model.ids import AccountId
from tests.support.accounts import Node


async def test_it_is_english_until_another_is_chosen(node: Node) -> None:
    user = await node.user("noor@example.org")
    languages = Languages(node.keyring)
    assert await languages.of(user.account_id) == "en"
    await languages.speak(user.account_id, "nl")
    assert await languages.of(user.account_id) == "nl"
    assert (await node.directory.find(user.address)).language == "nl"
    await languages.speak(user.account_id, "nl")  # again changes nothing


async def test_nobody_is_written_to_in_english(node: Node) -> None:
    languages = Languages(node.keyring)
    assert await languages.of(None) == "en"
    assert await languages.of(AccountId(b"g" * 16)) == "en"


async def test_there_are_four(node: Node) -> None:
    user = await node.user("noor@example.org")
    languages = Languages(node.keyring)
    with pytest.raises(PeerFault):
        await languages.speak(user.account_id, "tlh")
    with pytest.raises(Absent):
        await languages.speak(AccountId(b"g" * 16), "nl")
