"""Sign-in history: who signed in from where, sealed to the account (PRIVACY §6).

The server writes it while nobody is there, under the same deposit keys as mail, and cannot read it
again; its owner sees full addresses and browsers for 90 days. A keyed hash tells whether a device
and its network were there before.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailserver.accounts.keyring import OpenedRow
from mailserver.accounts.sessions import Lease
from mailserver.accounts.visitor import Visitor
from mailserver.crypto.context import FieldId, Kind
from mailserver.model.errors import Corrupt, Locked
from mailserver.model.ids import AccountId, new_object_id
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import cut_ip
from mailserver.store.login_history import HistoryRow
from mailserver.store.store import Store
from mailserver.vault.epochs import CreateEpoch, Deposits

KEPT = timedelta(days=90)
SHOWN = 200
_FIELD = FieldId.VALUE

Creating = Callable[[AccountId], CreateEpoch]
"""Returns what stores the next content key of an account."""


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """One sign-in, or one that was tried."""

    at: datetime
    what: str
    peer: str
    agent: str


class History:
    """The sign-in histories of accounts."""

    def __init__(self, store: Store, deposits: Deposits, creating: Creating, clock: Clock) -> None:
        """Write into `store`, sealed under `deposits`."""
        self._store = store
        self._deposits = deposits
        self._creating = creating
        self._clock = clock

    async def is_new_device(self, account: OpenedRow, visitor: Visitor) -> bool:
        """Say whether a visitor's browser and network were never seen at this account."""
        return await self._store.login_history.is_new(account.account_id, _device(account, visitor))

    async def add(self, account: OpenedRow, visitor: Visitor, what: str) -> None:
        """Write an entry; `what` is a word of ours.

        Raises:
            Transient: the store does not answer.
            Corrupt: KEY_MISMATCH.
        """
        now, name = self._clock.now(), new_object_id()
        members = {"agent": visitor.shown_agent, "peer": visitor.peer, "what": what}
        key = await self._deposits.key_for(account.identity, self._creating(account.account_id))
        entry = key.seal(Kind.LOGIN_HISTORY, _FIELD, name, json.dumps(members).encode())
        row = HistoryRow(name, now, key.epoch, entry)
        await self._store.login_history.add(
            account.account_id, row, _device(account, visitor), since=now - KEPT
        )

    async def listing(self, lease: Lease) -> list[Entry]:
        """Return the newest entries of an open account, newest first.

        What was written under a key that a reset left behind is left out until that is opened.
        """
        account = lease.account
        rows = await self._store.login_history.listing(lease.account_id, SHOWN)
        missing = account.unknown({row.epoch for row in rows})
        if missing:
            account.open_epochs(await self._store.epochs.rows(lease.account_id, missing))
        found = []
        for row in rows:
            if row.at < self._clock.now() - KEPT:
                continue
            try:
                plain = account.open(
                    Kind.LOGIN_HISTORY, _FIELD, row.epoch, row.object_id, row.entry
                )
            except (Corrupt, Locked):
                if account.closed:
                    raise
                continue
            told = json.loads(plain.reveal())
            found.append(Entry(row.at, told["what"], told["peer"], told["agent"]))
        return found


def _device(account: OpenedRow, visitor: Visitor) -> bytes:
    return account.guard.name_hash(f"device\0{visitor.shown_agent}\0{cut_ip(visitor.peer)}")
