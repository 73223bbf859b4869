"""The steps that end an account in the keystore: its rows, its addresses, whose they were."""

from collections.abc import Iterable
from datetime import datetime

from mailserver.accounts.keyring import Keyring
from mailserver.model.address import Address
from mailserver.model.ids import AccountId
from mailserver.store.keystore import DeleteAll, Step
from mailserver.store.keystore_tables import Rows

OF_ACCOUNTS = (
    Rows.SESSIONS,
    Rows.SEEN,
    Rows.FACTORS,
    Rows.VAULTS,
    Rows.ESCROW,
    Rows.WRAPS,
    Rows.ACCOUNTS,
)
"""The tables of the keystore in which an account has rows under its own id."""


def everything_of(account_id: AccountId) -> list[Step]:
    """Make the steps that delete all an account has in the keystore under its own id."""
    return [DeleteAll(rows, account_id) for rows in OF_ACCOUNTS]


def buried(
    keyring: Keyring, addresses: Iterable[Address], account_id: AccountId, now: datetime
) -> list[Step]:
    """Make the steps that take addresses from an account, and remember whose they were."""
    steps: list[Step] = []
    for address in addresses:
        steps.append(keyring.receiving.drop(address))
        steps += keyring.receiving.bury(address, account_id, now)
    return steps
