"""Accounts that are open now: who holds them, by which credential, and what ends that.

Connections of one account share one `UnlockedAccount`, counted: the keys go with the last of them.
Each holds a *lease* in the name of the credential that opened it. A lease ends when its connection
closes it, after 24 hours, when the credential expires or is revoked, and when the keystore has not
answered for half a minute, for then nobody could know of a revocation (PRIVACY §6). `watch` looks
every two seconds; what this process revokes itself ends at once.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum
from typing import Never

from mailserver.accounts.keyring import Keyring, OpenedRow, Wrap
from mailserver.model.errors import MailError
from mailserver.model.ids import AccountId
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.keystore import FRESH
from mailserver.store.keystore_tables import Rows
from mailserver.vault.account_key import AccountKey
from mailserver.vault.epochs import DepositMarks
from mailserver.vault.session import UnlockedAccount

LEASE = timedelta(hours=24)
BLIND = timedelta(seconds=30)

log = get_logger("accounts")


class Ended(Enum):
    """Why a lease ended."""

    CLOSED = "closed"
    REVOKED = "revoked"
    EXPIRED = "expired"
    BLIND = "blind"
    """The keystore does not answer."""
    SHUTDOWN = "shutdown"
    LOCKED = "locked"
    """Its web session was not used for a while; the next request opens it again."""


class _Opened:
    """One open account and who holds it."""

    __slots__ = ("leases", "row", "unlocked")

    def __init__(self, row: OpenedRow, unlocked: UnlockedAccount) -> None:
        self.row = row
        self.unlocked = unlocked
        self.leases: set[Lease] = set()


class Lease:
    """One connection's hold on an open account; `account` is locked once the last lease ends."""

    __slots__ = (
        "_opened",
        "_sessions",
        "_tell",
        "account",
        "credential",
        "ended",
        "scopes",
        "until",
    )

    account: UnlockedAccount
    credential: bytes
    """The row that opened it: a wrap's or a session's."""
    until: float
    """When it ends by itself, on the monotonic clock."""
    ended: Ended | None
    scopes: frozenset[str] | None
    """What the app password behind it may be used for; None where it was none."""

    def __init__(
        self, sessions: "Sessions", opened: _Opened, credential: bytes, until: float
    ) -> None:
        """Made by `Sessions.lease`."""
        self.account = opened.unlocked
        self.credential = credential
        self.until = until
        self.ended = None
        self.scopes = None
        self._sessions = sessions
        self._opened = opened
        self._tell: list[Callable[[Ended], None]] = []
        opened.leases.add(self)

    @property
    def account_id(self) -> AccountId:
        """Whose account it is."""
        return self.account.account_id

    @property
    def address(self) -> str:
        """The account's own name."""
        return self.account.addresses[0]

    def on_end(self, tell: Callable[[Ended], None]) -> None:
        """Call `tell` on the event loop when the lease ends, unless its holder closes it.

        The keys are gone by then if this was the last lease: the connection says BYE and goes.
        """
        if self.ended is not None:
            tell(self.ended)
            return
        self._tell.append(tell)

    async def close(self) -> None:
        """Give the account back; closing twice is nothing."""
        self.end(Ended.CLOSED)

    def lock(self) -> None:
        """End it because its web session rests; whoever reads by it is told."""
        self.end(Ended.LOCKED)

    def end(self, why: Ended) -> None:
        """End it, and lock the account where nobody else holds it."""
        if self.ended is not None:
            return
        self.ended = why
        self._opened.leases.discard(self)
        if not self._opened.leases:
            self._sessions.drop(self._opened)
        tell, self._tell = self._tell, []
        if why is not Ended.CLOSED:
            for call in tell:
                call(why)

    def __repr__(self) -> str:
        """Say whether it holds, not whose it is."""
        return f"<lease, {'open' if self.ended is None else self.ended.value}>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied."""
        raise TypeError("a lease is not pickled or copied")


class Sessions:
    """The open accounts of this process; used on the event loop only."""

    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        """Watch the credentials in `keyring`."""
        self._keyring = keyring
        self._clock = clock
        self._opened: dict[AccountId, list[_Opened]] = {}
        self._unchecked: set[AccountId] = set()
        self._checked_revision = -1
        self._seen_at = clock.monotonic()

    def lease(
        self, account: OpenedRow, key: AccountKey, credential: bytes, expires_at: datetime | None
    ) -> Lease:
        """Hold an account that `key` opens; takes the key over.

        Raises:
            Corrupt: KEY_MISMATCH, it is no key of this account; DAMAGED, a link is not authentic.
        """
        opened = self._open_already(account, key)
        if opened is not None:
            key.close()  # the one in hand opens as much
        else:
            opened = _Opened(account, self._unlocked(account, key))
            self._opened.setdefault(account.account_id, []).append(opened)
        # The row may have been revoked since it was read: the next check looks whatever happened.
        self._unchecked.add(account.account_id)
        return Lease(self, opened, credential, self._deadline(expires_at))

    def _open_already(self, account: OpenedRow, key: AccountKey) -> _Opened | None:
        for opened in self._opened.get(account.account_id, ()):
            if opened.row is account and opened.unlocked.generation >= key.generation:
                return opened
        return None

    def _unlocked(self, account: OpenedRow, key: AccountKey) -> UnlockedAccount:
        marks = DepositMarks(self._keyring.master)
        try:
            return UnlockedAccount(account.account_id, account.record, key, marks)
        except BaseException:
            key.close()
            raise

    def _deadline(self, expires_at: datetime | None) -> float:
        allowed = LEASE
        if expires_at is not None:
            allowed = min(allowed, expires_at - self._clock.now())
        return self._clock.monotonic() + allowed.total_seconds()

    def drop(self, dropped: _Opened) -> None:
        """Lock an account that nobody holds."""
        account_id = dropped.unlocked.account_id
        others = [opened for opened in self._opened[account_id] if opened is not dropped]
        if others:
            self._opened[account_id] = others
        else:
            del self._opened[account_id]
        dropped.unlocked.close()

    def leases(self, account_id: AccountId | None = None) -> list[Lease]:
        """Return all leases that hold, or those on one account."""
        opened = self._opened.values() if account_id is None else [self._opened.get(account_id, [])]
        return [lease for some in opened for one in some for lease in one.leases]

    def revoke(
        self, account_id: AccountId, credential: bytes | None = None, *, but: bytes | None = None
    ) -> None:
        """End what a credential opened, or every credential of the account, `but` one."""
        for lease in self.leases(account_id):
            wanted = credential is None or lease.credential == credential
            if wanted and lease.credential != but:
                lease.end(Ended.REVOKED)

    async def check(self) -> None:
        """End whatever is over: expired, revoked anywhere, or out of the keystore's sight."""
        now = self._clock.monotonic()
        for lease in self.leases():
            if lease.until <= now:
                lease.end(Ended.EXPIRED)
        try:
            await self._end_revoked()
        except MailError as error:
            log.warning("revocations not read", condition=error.condition.name)
            if now - self._seen_at >= BLIND.total_seconds():
                self._end_all(Ended.BLIND)
            return
        self._seen_at = now

    async def _end_revoked(self) -> None:
        keystore = self._keyring.keystore
        await keystore.changed()
        revision, unchecked = keystore.revision, self._unchecked
        if revision != self._checked_revision:
            unchecked = unchecked | self._opened.keys()
        self._unchecked = set()
        try:
            living = await keystore.living(Rows.WRAPS, unchecked)
            living |= await keystore.living(Rows.SESSIONS, unchecked)
        except BaseException:
            self._unchecked |= unchecked
            raise
        for account_id in unchecked:
            for lease in self.leases(account_id):
                # A credential made while we read is not in `living`, nor revoked: the next check.
                made_meanwhile = account_id in self._unchecked
                if not made_meanwhile and (account_id, lease.credential) not in living:
                    lease.end(Ended.REVOKED)
        self._checked_revision = revision

    async def watch(self) -> None:
        """Check every two seconds until cancelled; a task of the server's root group."""
        while True:
            await self.check()
            await asyncio.sleep(FRESH.total_seconds())

    def close(self) -> None:
        """Lock everything: the server stops."""
        self._end_all(Ended.SHUTDOWN)

    def _end_all(self, why: Ended) -> None:
        for lease in self.leases():
            lease.end(why)


def has_expired(wrap: Wrap, now: datetime) -> bool:
    """Say whether a credential's time is over."""
    return wrap.record.expires_at is not None and wrap.record.expires_at <= now
