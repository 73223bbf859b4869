"""Epochs: one content key for many messages, so that a KEM is paid once an hour, not once a letter.

A deposit epoch is made while its owner is away: its key is sealed to the owner's public key and
kept in memory for at most an hour or 1,000 messages. Whoever has the public key could make one; the
deposit mark, a MAC under the master key, tells ours. An owner's epoch is made in an unlocked
session, its key wrapped under the storage key. After unlock, deposits are wrapped under the storage
key as well, so that the next unlock pays no KEM; they keep their origin.

No epoch is ever read back to continue: only the process that made a key seals with it.
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Protocol
from weakref import WeakValueDictionary

from mailserver.crypto.aead import OVERHEAD_OCTETS
from mailserver.crypto.context import FORMAT, FieldId, Kind, Origin, context
from mailserver.crypto.hpke import PublicKey
from mailserver.crypto.secret import KEY_OCTETS, SecretKey
from mailserver.crypto.sign import mac, same
from mailserver.model.errors import Condition, Corrupt, Transient
from mailserver.model.ids import AccountId, EpochId, ObjectId
from mailserver.runtime.clock import Clock, SystemClock
from mailserver.vault.account_key import AccountKey
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import PublicIdentity
from mailserver.vault.seal import ContentKey

EPOCH_SECONDS = 3_600
EPOCH_MESSAGES = 1_000
IN_FLIGHT_SECONDS = 60  # a delivery that got a key has this long to seal with it
WRAPPED_OCTETS = KEY_OCTETS + OVERHEAD_OCTETS  # under a storage key; a KEM's seal is longer

_MARKED = struct.Struct(">16sIIB32s")


class EpochValues(Protocol):
    """An epoch's row, as the store gives it back."""

    @property
    def epoch(self) -> EpochId:
        """Its number within the account."""

    @property
    def origin(self) -> int:
        """`Origin.DEPOSIT` or `Origin.OWNER`."""

    @property
    def generation(self) -> int:
        """Of the account key it is sealed to."""

    @property
    def suite(self) -> int:
        """Of that generation."""

    @property
    def sealed(self) -> bytes:
        """The content key, sealed or wrapped."""

    @property
    def dep_kid(self) -> int:
        """Which master key marked it; 0 for an owner's."""

    @property
    def dep_mac(self) -> bytes:
        """The deposit mark; empty for an owner's."""


@dataclass(frozen=True, slots=True)
class NewEpochValues:
    """A row to be stored."""

    epoch: EpochId
    origin: int
    generation: int
    suite: int
    sealed: bytes
    dep_kid: int
    dep_mac: bytes


class Numbered(Protocol):
    """Whatever the store returns for a new epoch: it tells the number."""

    @property
    def epoch(self) -> EpochId:
        """The number that was stored."""


CreateEpoch = Callable[[Callable[[EpochId], NewEpochValues]], Awaitable[Numbered]]
"""Reserves a number, calls what it is given with it (in any thread), stores the values, durably."""


class DepositMarks:
    """Tells the deposits that this server made from forgeries.

    HMAC(HKDF(MASTER, "dep"), account 16 ‖ epoch 4 ‖ generation 4 ‖ suite 1 ‖ SHA-256(sealed key))
    """

    __slots__ = ("_master",)

    def __init__(self, master: MasterKeys) -> None:
        """Mark with the current master key, check with any."""
        self._master = master

    def mark(
        self, account: AccountId, epoch: EpochId, generation: int, suite: int, sealed: bytes
    ) -> tuple[int, bytes]:
        """Return the master key's number and the mark."""
        kid = self._master.current
        return kid, self._mac(kid, account, epoch, generation, suite, sealed)

    def check(self, account: AccountId, row: EpochValues) -> None:
        """See that this server made the deposit.

        Raises:
            Corrupt: KEY_MISMATCH: it did not: somebody with the database forged mail.
        """
        try:
            made = self._mac(row.dep_kid, account, row.epoch, row.generation, row.suite, row.sealed)
        except struct.error:  # a number that no epoch of ours has
            made = b""
        if not made or not same(made, row.dep_mac):
            raise Corrupt(Condition.KEY_MISMATCH, "a deposit was not made by this server")

    def renew(self, account: AccountId, row: EpochValues) -> tuple[int, bytes]:
        """Check a mark and make it again under the current master key, for a rotation.

        Raises:
            Corrupt: KEY_MISMATCH: the old mark does not hold.
        """
        self.check(account, row)
        return self.mark(account, row.epoch, row.generation, row.suite, row.sealed)

    def _mac(
        self, kid: int, account: AccountId, epoch: int, generation: int, suite: int, sealed: bytes
    ) -> bytes:
        data = _MARKED.pack(account, epoch, generation, suite, sha256(sealed).digest())
        return mac(self._master.deposit_key(kid), data)


def content_key_context(
    account: AccountId, epoch: EpochId, origin: int, generation: int, suite: int
) -> bytes:
    """Return what a content key's seal or wrap is bound to; the epoch's number is its name."""
    return context(
        Kind.CONTENT_KEY,
        Origin(origin),
        account,
        ObjectId(epoch.to_bytes(16)),
        FieldId.CONTENT_KEY,
        FORMAT,
        generation,
        suite,
    )


def wrap_content_key(
    own: AccountKey, account: AccountId, epoch: EpochId, origin: Origin, key: SecretKey
) -> bytes:
    """Wrap a content key under the storage key of `own`: 60 octets."""
    bound = content_key_context(account, epoch, origin, own.generation, own.suite)
    return own.storage.seal(key.octets, bound)


def owner_epoch(
    own: AccountKey, account: AccountId, key: SecretKey, epoch: EpochId
) -> NewEpochValues:
    """Make the row of an owner's epoch."""
    sealed = wrap_content_key(own, account, epoch, Origin.OWNER, key)
    return NewEpochValues(epoch, Origin.OWNER, own.generation, own.suite, sealed, 0, b"")


def deposit_epoch(
    marks: DepositMarks, to: PublicIdentity, public: PublicKey, key: SecretKey, epoch: EpochId
) -> NewEpochValues:
    """Make the row of a deposit epoch: the key sealed to its reader, and our mark on it."""
    bound = content_key_context(to.account, epoch, Origin.DEPOSIT, to.generation, to.suite)
    sealed = public.seal(key.octets, bound)
    kid, mark = marks.mark(to.account, epoch, to.generation, to.suite, sealed)
    return NewEpochValues(epoch, Origin.DEPOSIT, to.generation, to.suite, sealed, kid, mark)


@dataclass(slots=True)
class _Running:
    """An account's deposit key in use."""

    key: ContentKey
    identity: PublicIdentity
    until: float


class Deposits:
    """The running deposit keys of all accounts; the one place where they live, and where they end.

    Used on one event loop. A key ends `epoch_seconds` after it was made, delivery or no delivery: a
    timer overwrites it. It is handed out for a little less, so that a delivery in flight can
    finish.
    """

    def __init__(
        self,
        marks: DepositMarks,
        *,
        epoch_seconds: float = EPOCH_SECONDS,
        epoch_messages: int = EPOCH_MESSAGES,
        clock: Clock | None = None,
    ) -> None:
        """Make deposits; `epoch_seconds` = 0 means a key for each message.

        Raises:
            ValueError: the bounds are above an hour or 1,000 messages, or below nothing.
        """
        if not (0 <= epoch_seconds <= EPOCH_SECONDS and 1 <= epoch_messages <= EPOCH_MESSAGES):
            raise ValueError("an epoch lasts at most an hour and 1,000 messages")
        self._marks = marks
        self._messages = epoch_messages if epoch_seconds else 1
        self._lifetime = epoch_seconds or IN_FLIGHT_SECONDS
        self._handed_out = self._lifetime - min(IN_FLIGHT_SECONDS, self._lifetime / 10)
        self._monotonic = (clock or SystemClock()).monotonic
        self._running: dict[AccountId, _Running] = {}
        self._ending: dict[ContentKey, asyncio.TimerHandle] = {}
        self._locks: WeakValueDictionary[AccountId, asyncio.Lock] = WeakValueDictionary()
        self._closed = False

    async def key_for(self, to: PublicIdentity, create: CreateEpoch) -> ContentKey:
        """Return the running key of `to`, or a new one by `create`; seal one message with it, soon.

        Raises:
            Corrupt: KEY_MISMATCH: the account's public key is none.
            Transient: SHUTTING_DOWN; or whatever `create` raises.
        """
        if self._messages == 1:  # nothing is shared, so nobody waits
            key = (await self._begin(to, create)).issue()
            key.retire()
            return key
        running = self._usable(to)
        if running is None:
            lock = self._locks.setdefault(to.account, asyncio.Lock())
            async with lock:
                running = self._usable(to) or await self._begin(to, create)
        return running.issue()

    def accounts(self) -> set[AccountId]:
        """Name the accounts that have a running key."""
        return set(self._running)

    def forget(self, account: AccountId) -> None:
        """Overwrite an account's running key: it is erased, frozen or has a new public key."""
        running = self._running.get(account)
        if running is not None:
            self._end(running.key)

    def close(self) -> None:
        """Overwrite all keys, those of deliveries in flight too; there is no key afterwards."""
        self._closed = True
        for key in list(self._ending):
            self._end(key)

    def _usable(self, to: PublicIdentity) -> ContentKey | None:
        """Return the running key, or retire it."""
        running = self._running.get(to.account)
        if running is None:
            return None
        if (
            running.key.issued < self._messages
            and self._monotonic() < running.until
            and running.identity == to
        ):
            return running.key
        del self._running[to.account]
        running.key.retire()
        return None

    async def _begin(self, to: PublicIdentity, create: CreateEpoch) -> ContentKey:
        self._refuse_when_closed()
        born = self._monotonic()
        key = SecretKey.random()
        try:
            public = PublicKey(to.suite, to.public)
            row = await create(partial(deposit_epoch, self._marks, to, public, key))
            self._refuse_when_closed()  # for it may have been, while the row was being stored
            content = ContentKey(key, to.account, row.epoch, Origin.DEPOSIT, to.suite)
        except BaseException:
            key.wipe()
            raise
        left = max(0.0, self._lifetime - (self._monotonic() - born))
        self._ending[content] = asyncio.get_running_loop().call_later(left, self._end, content)
        if self._messages > 1:
            self._running[to.account] = _Running(content, to, born + self._handed_out)
        return content

    def _end(self, key: ContentKey) -> None:
        key.close()
        running = self._running.get(key.account)
        if running is not None and running.key is key:
            del self._running[key.account]
        self._ending.pop(key).cancel()

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise Transient(Condition.SHUTTING_DOWN, "the server is stopping")
