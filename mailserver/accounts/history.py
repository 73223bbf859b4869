"""Sign-in history: who signed in from where, sealed to the account (PRIVACY §6).

The server writes it while nobody is there, under the same deposit keys as mail, and cannot read it
again; its owner sees full addresses and browsers for 90 days. A keyed hash tells whether a device
and its network were there before.

A wrong password is answered alike for names that exist and names that do not, so nothing is looked
up and nothing written while somebody waits for that answer. What failed is noted in memory, alike
tries as one, and written some seconds later where there is such an account; what a process noted
last goes with it when it is killed.
"""

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from mailserver.accounts.directory import Directory, addresses_of
from mailserver.accounts.keyring import OpenedRow
from mailserver.accounts.sessions import Lease
from mailserver.accounts.visitor import Visitor
from mailserver.crypto.context import FieldId, Kind
from mailserver.model.address import Address
from mailserver.model.errors import Corrupt, Locked, PeerFault, Transient
from mailserver.model.ids import AccountId, new_object_id
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import cut_ip, get_logger
from mailserver.store.login_history import HistoryRow
from mailserver.store.store import Store
from mailserver.vault.epochs import CreateEpoch, Deposits

KEPT = timedelta(days=90)
SHOWN = 200
NOTED = 1_000  # failures between two writings; of more, the oldest are not written
_FIELD = FieldId.VALUE

Creating = Callable[[AccountId], CreateEpoch]
"""Returns what stores the next content key of an account."""

What = Literal[
    "signed-in", "password-failed", "factor-failed", "code-failed", "rescue-failed", "vault-failed"
]
"""What happened; the code is the recovery code."""

log = get_logger("accounts")


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """One sign-in, or some that were tried."""

    at: datetime
    what: What
    peer: str
    agent: str
    times: int = 1
    """How often, of tries that were alike."""


class _Try(NamedTuple):
    """What makes failures alike."""

    login: str
    what: What
    peer: str
    agent: str


class History:
    """The sign-in histories of accounts; used on the event loop only."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        deposits: Deposits,
        creating: Creating,
        clock: Clock,
    ) -> None:
        """Write into `store`, sealed under `deposits`."""
        self._store = store
        self._directory = directory
        self._deposits = deposits
        self._creating = creating
        self._clock = clock
        self._noted: OrderedDict[_Try, Entry] = OrderedDict()

    async def is_new_device(self, account: OpenedRow, visitor: Visitor) -> bool:
        """Say whether a visitor's browser and network were never seen at this account."""
        return await self._store.login_history.is_new(
            account.account_id, _device(account, visitor), failures=_failures(account)
        )

    async def add(self, account: OpenedRow, visitor: Visitor) -> None:
        """Write that somebody signed in.

        Raises:
            Transient: the store does not answer.
            Corrupt: KEY_MISMATCH.
        """
        entry = Entry(self._clock.now(), "signed-in", visitor.peer, visitor.shown_agent)
        await self._write(account, entry, _device(account, visitor))

    def note(self, login: str, visitor: Visitor, what: What) -> None:
        """Note that `visitor` failed under a name that need not exist."""
        key = _Try(login.casefold(), what, visitor.peer, visitor.shown_agent)
        before = self._noted.pop(key, None)
        times = 1 if before is None else before.times + 1
        self._noted[key] = Entry(self._clock.now(), what, key.peer, key.agent, times)
        if len(self._noted) > NOTED:
            self._noted.popitem(last=False)

    def note_of(self, account: OpenedRow, visitor: Visitor, what: What) -> None:
        """Note that `visitor` failed at an account."""
        self.note(str(addresses_of(account)[0]), visitor, what)

    async def write(self) -> None:
        """Write what was noted.

        Raises:
            Transient: the store does not answer; what is left is written the next time.
        """
        while self._noted:
            key, entry = self._noted.popitem(last=False)
            try:
                account = await self._directory.holder(Address.parse(key.login))
                if account is not None:
                    await self._write(account, entry, _failures(account))
            except PeerFault:
                continue  # no address, so nobody's
            except Corrupt as error:  # one account that is damaged keeps no other's waiting
                log.error("sign-in history not written", condition=error.condition.name)
            except Transient:
                self._keep(key, entry)
                raise

    def _keep(self, key: _Try, entry: Entry) -> None:
        meanwhile = self._noted.pop(key, None)
        if meanwhile is not None:
            entry = replace(meanwhile, times=meanwhile.times + entry.times)
        self._noted[key] = entry

    async def _write(self, account: OpenedRow, told: Entry, device: bytes) -> None:
        name = new_object_id()
        members = {
            "agent": told.agent,
            "peer": told.peer,
            "times": told.times,
            "what": told.what,
        }
        key = await self._deposits.key_for(account.identity, self._creating(account.account_id))
        entry = key.seal(Kind.LOGIN_HISTORY, _FIELD, name, json.dumps(members).encode())
        await self._store.login_history.add(
            account.account_id,
            HistoryRow(name, told.at, key.epoch, entry),
            device,
            failures=_failures(account),
            since=self._clock.now() - KEPT,
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
            times = told.get("times", 1)
            found.append(Entry(row.at, told["what"], told["peer"], told["agent"], times))
        return found


def _failures(account: OpenedRow) -> bytes:
    """Return the device that whoever fails has: nobody becomes known by failing."""
    return account.guard.name_hash("device\0\0failed")


def _device(account: OpenedRow, visitor: Visitor) -> bytes:
    return account.guard.name_hash(f"device\0{visitor.shown_agent}\0{cut_ip(visitor.peer)}")
