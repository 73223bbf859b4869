"""Addresses that were somebody's: for twelve months nobody else gets one on one person's word.

Mail that is still written to the one who had it would come to somebody else (PRIVACY §5, §14). A
second administrator may approve it, who types a password of his own; who had it is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mailserver.accounts.admins import Admin
from mailserver.accounts.receiving import Receiving
from mailserver.audit.entry import Facts
from mailserver.model.address import Address
from mailserver.model.errors import Condition, Refused
from mailserver.model.ids import AccountId
from mailserver.runtime.clock import Clock
from mailserver.store.keystore import Step
from mailserver.vault.administrators import admin_row_id


@dataclass(frozen=True, slots=True)
class Cleared:
    """An address that may be given to an account."""

    steps: Sequence[Step] = ()
    """What forgets whose it was."""
    whose: AccountId | None = None
    """Who is to be told; None if it was nobody's, or this account's own."""

    def facts(self, second: Admin | None) -> Facts:
        """Say for the audit log who approved it."""
        if self.whose is None or second is None:
            return {}
        return {"second": admin_row_id(second.name).hex()[:16]}


async def cleared(
    receiving: Receiving,
    address: Address,
    account_id: AccountId,
    second: Admin | None,
    clock: Clock,
) -> Cleared:
    """See that an address may be given to an account.

    Raises:
        Refused: NOT_PERMITTED, it was another's within twelve months and nobody approved.
        Corrupt: KEY_MISMATCH.
    """
    tomb = await receiving.former(address, clock.now())
    if tomb is None:
        return Cleared()
    if tomb.account != account_id and second is None:
        raise Refused(
            Condition.NOT_PERMITTED,
            f"this address belonged to another account; until {tomb.until:%Y-%m-%d} a second"
            " administrator must approve (--second-admin NAME)",
        )
    whose = tomb.account if tomb.account != account_id else None
    return Cleared(receiving.unearth(address), whose)
