"""What administrators and auditors look at: the audit log and how accounts stand, never a letter.

Of an account they see its addresses, its state and its size, which kinds of second factors it has
and the day of its last sign-in. What names a person within an audit entry is under that person's
key and stays closed here. Source: PRIVACY §11, §17.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from mailserver.accounts.keyring import Keyring
from mailserver.accounts.sending import FROZEN
from mailserver.accounts.wishes import erase_at, is_restricted
from mailserver.audit.entry import Event, Fact, decode
from mailserver.model.errors import Absent, Corrupt
from mailserver.model.ids import AccountId
from mailserver.store.accounts import AccountRow
from mailserver.store.store import Store

PAGE = 200
_LOOKED_AT = 50  # entries of an account, for its last sign-in


@dataclass(frozen=True, slots=True)
class LogLine:
    """An entry of the audit log, without what names a person."""

    number: int
    at: datetime
    event: str
    actor: str
    account: str
    """The account it concerns, in hexadecimal; empty for none."""
    facts: Mapping[str, Fact]
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account stands."""

    account: str
    addresses: tuple[str, ...]
    created_at: datetime
    used_octets: int
    quota_octets: int
    factors: tuple[str, ...]
    restricted: bool
    sending_stopped: bool
    erase_at: datetime | None
    keys_missing: bool
    """Its keystore row is gone or not authentic: it opens for nobody."""


class Oversight:
    """Reads what may be read of a server without a credential of its people."""

    def __init__(self, store: Store, keyring: Keyring) -> None:
        """Look at `store`, and at account rows of `keyring`."""
        self._store = store
        self._keyring = keyring

    async def log(self, *, before: int | None = None, limit: int = PAGE) -> list[LogLine]:
        """Return up to `limit` (200 at most) entries of the audit log, newest first."""
        rows = await self._store.audit.newest(min(limit, PAGE), before=before)
        lines = []
        for row in rows:
            owner = "" if row.account_id is None else row.account_id.hex()
            try:
                entry = decode(row.entry)
            except Corrupt:
                lines.append(LogLine(row.number, row.at, row.event, "", owner, {}, damaged=True))
                continue
            event = entry.event.value
            lines.append(LogLine(row.number, entry.at, event, entry.actor, owner, entry.facts))
        return lines

    async def accounts(self) -> list[Standing]:
        """Return how every account stands, the oldest first."""
        return [await self._standing(row) for row in await self._store.accounts.listing()]

    async def last_sign_in(self, account_id: AccountId) -> date | None:
        """Return the day of an account's last sign-in, as far as the log goes back."""
        for row in await self._store.audit.of_account(account_id, _LOOKED_AT):
            if row.event == Event.SIGN_IN.value:
                return row.at.date()
        return None

    async def _standing(self, row: AccountRow) -> Standing:
        common = (row.account_id.hex(), row.addresses, row.created_at)
        sizes = (row.used_octets, row.quota_octets)
        try:
            record = (await self._keyring.account(row.account_id)).record
        except (Absent, Corrupt):
            return Standing(
                *common,
                *sizes,
                factors=(),
                restricted=False,
                sending_stopped=False,
                erase_at=None,
                keys_missing=True,
            )
        return Standing(
            *common,
            *sizes,
            factors=tuple(record.factors),
            restricted=is_restricted(record),
            sending_stopped=FROZEN in record.policy,
            erase_at=erase_at(record),
            keys_missing=False,
        )
