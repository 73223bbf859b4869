"""Whether everything agrees with everything: the store with itself, and with the keystore.

What it finds is told in numbers and account ids; no name, address or word of mail is in it.
"""

from collections.abc import Callable

from mailserver.accounts.keyring import Keyring
from mailserver.model.errors import Absent, Corrupt
from mailserver.store.accounts import AccountRow
from mailserver.store.check import ALTERED, LOST
from mailserver.store.keystore import Row
from mailserver.store.keystore_tables import Rows
from mailserver.store.store import Store


async def check(
    store: Store, keyring: Keyring, progress: Callable[[int, int], None], *, quiet: bool = False
) -> list[str]:
    """Return what does not hold; empty where all does.

    Args:
        store: its counts, numbers and blobs are proved.
        keyring: each account must have its authentic row, and each row its account.
        progress: is told how many accounts of how many were looked at.
        quiet: nobody writes meanwhile, so that even what is new must be complete.
    """
    found = [
        f"account {finding.account_id.hex()}: {finding.what}"
        if finding.account_id
        else finding.what
        for finding in await store.check(quiet=quiet)
    ]
    rows = await store.accounts.listing()
    for number, row in enumerate(rows, 1):
        found += await _unlike_keystore(keyring, row)
        progress(number, len(rows))
    known = {row.account_id for row in rows}
    last: Row | None = None
    while page := await keyring.keystore.page(Rows.ACCOUNTS, last):
        last = page[-1]
        found += [
            f"account {row.account_id.hex()}: it has keys but no mailboxes; a sign-up that was cut"
            " short is removed after a week"
            for row in page
            if row.account_id not in known
        ]
    return found


def damaged(found: list[str]) -> list[str]:
    """Return those findings that may be a breach of personal data: mail altered or lost."""
    return [line for line in found if line.endswith((ALTERED, LOST))]


async def _unlike_keystore(keyring: Keyring, row: AccountRow) -> list[str]:
    """Compare an account of the main database with its authentic row."""
    name = f"account {row.account_id.hex()}"
    try:
        record = (await keyring.account(row.account_id, fresh=True)).record
    except Absent:
        return [f"{name}: the keystore does not know it, so nobody can open its mail"]
    except Corrupt:
        return [f"{name}: its keystore row is not authentic; see it as a breach"]
    strange = set(row.addresses) - set(record.addresses)
    missing = set(record.addresses) - set(row.addresses)
    found = []
    if strange:
        found.append(f"{name}: {len(strange)} of its addresses are not in its keystore row")
    if missing:
        found.append(f"{name}: {len(missing)} of its addresses are not in the index")
    return found
