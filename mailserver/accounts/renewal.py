"""New account keys: the steps that put a generation, a password and a code in the place of others.

What every way to new keys shares, whether it is linked to the keys before or not.
"""

from dataclasses import replace
from functools import partial

from mailserver.accounts.hashing import Hashing
from mailserver.accounts.keyring import PROVISIONAL, Keyring, OpenedRow
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import Clock
from mailserver.store.keystore import DeleteAll, Step
from mailserver.store.keystore_tables import Rows
from mailserver.vault.account_key import AccountKey
from mailserver.vault.codes import new_recovery_code
from mailserver.vault.credentials import make_password_wrap, make_recovery_wrap
from mailserver.vault.records import Generation, KeyMode


async def renewing(
    keyring: Keyring,
    hashing: Hashing,
    clock: Clock,
    account: OpenedRow,
    key: AccountKey,
    generation: Generation,
    password: Plaintext,
    *,
    factors: tuple[str, ...],
) -> tuple[Plaintext, list[Step]]:
    """Return the next recovery code, and the steps that leave `key` with two new wraps alone.

    Every other wrap, the server's too, and every session goes; `factors` are what the account's row
    names from then on, and whose row is the caller's to see to.
    """
    account_id, now = account.account_id, clock.now()
    by_password = await hashing(partial(make_password_wrap, key, account_id, password, now))
    code = new_recovery_code()
    by_code = make_recovery_wrap(key, account_id, code, now)
    record = replace(
        account.record,
        generations=(*account.record.generations, generation),
        key_mode=KeyMode.USER,
        policy=account.record.policy - {PROVISIONAL},
        factors=factors,
    )
    steps: list[Step] = [
        keyring.change_account(account, record),
        *ending(account_id),
        keyring.add_wrap(account_id, by_password),
        keyring.add_wrap(account_id, by_code),
    ]
    return code, steps


def ending(account_id: AccountId) -> list[Step]:
    """Make the steps that end all that opens an account."""
    return [DeleteAll(rows, account_id) for rows in (Rows.WRAPS, Rows.SESSIONS, Rows.SEEN)]
