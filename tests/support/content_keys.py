"""An account with its deposits, and the octets of a content key."""

from mailserver.vault.epochs import Deposits
from mailserver.vault.seal import ContentKey
from mailserver.vault.session import UnlockedAccount
from tests.support.vault import Person


async def opened(person: Person) -> tuple[UnlockedAccount, Deposits]:
    account = person.unlock()
    return account, Deposits(person.marks)


def key_octets(key: ContentKey) -> bytearray:
    """The octets themselves, to see them overwritten in place."""
    return key._key._octets
