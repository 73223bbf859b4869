"""The unlocked account: the one thing that opens mail, while somebody's credential holds it open.

It lives in one process's memory and goes at logout, lock or revocation. It knows nothing of the
database: whoever reads rows passes them in. Epochs are opened first and kept; objects then cost one
AES-GCM call each. What fails to authenticate is refused one by one, so that a forged epoch or a
damaged message spoils itself and no list.
"""

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from time import monotonic
from typing import Never

from mailserver.crypto.context import FieldId, Kind, Origin
from mailserver.crypto.secret import KEY_OCTETS, SecretKey
from mailserver.model.errors import Condition, Corrupt, Locked, MailError
from mailserver.model.ids import AccountId, EpochId, ObjectId
from mailserver.model.sealed import Plaintext, Sealed
from mailserver.vault.account_key import AccountKey
from mailserver.vault.credentials import open_member_wrap
from mailserver.vault.epochs import (
    EPOCH_MESSAGES,
    EPOCH_SECONDS,
    WRAPPED_OCTETS,
    CreateEpoch,
    DepositMarks,
    EpochValues,
    content_key_context,
    owner_epoch,
    wrap_content_key,
)
from mailserver.vault.guard import AccountGuard
from mailserver.vault.opening import OpenEpoch, SummaryRow, TailRow, open_many
from mailserver.vault.records import AccountRecord, Generation, WrapRecord
from mailserver.vault.seal import ContentKey


class UnlockedAccount:
    """An account whose key is in hand. Everything raises `Locked` once it is closed.

    Its methods belong to one event loop; those that open objects may also run in a thread.
    """

    __slots__ = (
        "__weakref__",
        "_creating",
        "_former",
        "_generations",
        "_keys",
        "_marks",
        "_opened",
        "_owner",
        "_owner_until",
        "_refused",
        "account_id",
        "addresses",
        "guard",
    )

    account_id: AccountId
    addresses: tuple[str, ...]
    """Address keys; the first is the account's own name."""
    guard: AccountGuard

    def __init__(
        self, account_id: AccountId, record: AccountRecord, key: AccountKey, marks: DepositMarks
    ) -> None:
        """Take over `key`, and reach the generations before it through their links.

        Raises:
            Corrupt: KEY_MISMATCH: it is no key of this account; DAMAGED: a link is not authentic.
                The key is overwritten in both cases.
        """
        self._generations = {generation.number: generation for generation in record.generations}
        try:
            self._keys = _reachable(account_id, key, self._generations)
        except Corrupt:
            key.close()
            raise
        self.account_id = account_id
        self.addresses = record.addresses
        self.guard = AccountGuard(record.guard_key, account_id)
        self._marks = marks
        self._opened: dict[EpochId, OpenEpoch] = {}
        self._refused: dict[EpochId, MailError] = {}
        self._owner: ContentKey | None = None
        self._owner_until = 0.0
        self._former: list[ContentKey] = []
        self._creating = asyncio.Lock()

    @property
    def key(self) -> AccountKey:
        """The newest account key in hand, to make further wraps; not to be kept or closed.

        Raises:
            Locked: the account is closed.
        """
        if self.closed:
            raise _locked()
        return self._keys[max(self._keys)]

    @property
    def generation(self) -> int:
        """The newest generation whose key is in hand."""
        return self.key.generation

    @property
    def closed(self) -> bool:
        """Whether it was locked again."""
        return not self._keys

    def unknown(self, epochs: Iterable[EpochId]) -> set[EpochId]:
        """Say which epochs are yet to be passed to `open_epochs`."""
        return set(epochs) - self._opened.keys() - self._refused.keys()

    def open_epochs(self, rows: Iterable[EpochValues]) -> list[EpochId]:
        """Open content keys and keep them; a deposit not yet converted costs a KEM, 0.12 ms.

        Returns:
            The epochs that were refused: forged, damaged, or of a generation whose key is not in
            hand (`refusal` says which). They are to be reported; what is sealed under them cannot
            be read.

        Raises:
            Locked: the account is closed.
        """
        if self.closed:
            raise _locked()
        refused = []
        for row in rows:
            if row.epoch in self._opened:
                continue
            try:
                self._opened[row.epoch] = self._open_epoch(row)
                self._refused.pop(row.epoch, None)
            except (Corrupt, Locked) as error:
                self._refused[row.epoch] = error
                refused.append(row.epoch)
        return refused

    def refusal(self, epoch: EpochId) -> MailError | None:
        """Say why an epoch was refused: `Corrupt` is an alarm, `Locked` a key out of reach."""
        return self._refused.get(epoch)

    def origin(self, epoch: EpochId) -> Origin:
        """Say who made an open epoch: what is under a deposit was not written by the owner.

        Raises:
            Corrupt: the epoch was refused.
            Locked: the account is closed, or the epoch not open.
        """
        return self._epoch(epoch).origin

    def rewraps(self, rows: Iterable[EpochValues]) -> list[tuple[EpochId, bytes]]:
        """Wrap deposit keys under the storage key, so that the next unlock pays no KEM for them.

        Owner's epochs, deposits already wrapped and refused ones are left out. The origin stays:
        nothing becomes the owner's own by this.

        Raises:
            Locked: the account is closed.
        """
        deposits = [
            row
            for row in rows
            if row.origin == Origin.DEPOSIT and len(row.sealed) != WRAPPED_OCTETS
        ]
        self.open_epochs(deposits)
        wraps = []
        for row in deposits:
            opened = self._opened.get(row.epoch)
            if opened is not None:
                own = self._keys[row.generation]
                wrap = wrap_content_key(own, self.account_id, row.epoch, opened.origin, opened.key)
                wraps.append((row.epoch, wrap))
        return wraps

    async def owner_key(self, create: CreateEpoch) -> ContentKey:
        """Return this session's own content key, made by `create` at first use and then anew.

        It is used for at most an hour or 1,000 messages; ask again for each message.

        Raises:
            Locked: the account is closed; or whatever `create` raises.
        """
        async with self._creating:  # two appends at once share one epoch
            if self._owner is not None and self._owner_is_spent(self._owner):
                self._former.append(self._owner)  # somebody may be sealing with it: wiped later
                self._owner = None
            if self._owner is None:
                own = self.key
                key = SecretKey.random()
                try:
                    row = await create(partial(owner_epoch, own, self.account_id, key))
                    if self.closed:  # while the row was being stored
                        raise _locked()
                except BaseException:
                    key.wipe()
                    raise
                self._opened[row.epoch] = OpenEpoch(
                    SecretKey(bytes(key.octets)),
                    self.account_id,
                    row.epoch,
                    Origin.OWNER,
                    own.suite,
                )
                self._owner = ContentKey(key, self.account_id, row.epoch, Origin.OWNER, own.suite)
                self._owner_until = monotonic() + EPOCH_SECONDS
            return self._owner

    def _owner_is_spent(self, key: ContentKey) -> bool:
        return key.served >= EPOCH_MESSAGES or monotonic() >= self._owner_until

    def open_summary(self, epoch: EpochId, object_id: ObjectId, sealed: Sealed) -> Plaintext:
        """Open one message's summary.

        Raises:
            Corrupt: it is damaged, or its epoch was refused.
            Locked: the account is closed, or the epoch not open.
        """
        return self.open(Kind.EMAIL, FieldId.SUMMARY, epoch, object_id, sealed)

    def open_summaries(self, rows: Iterable[SummaryRow]) -> list[Plaintext | None]:
        """Open many summaries, in order; None for what is damaged or of an unopened epoch.

        Raises:
            Locked: the account is closed.
        """
        objects = [(row.epoch, row.object_id, row.summary) for row in rows]
        return open_many(self._epochs(), FieldId.SUMMARY, objects)

    def open_tail(self, epoch: EpochId, object_id: ObjectId, sealed: Sealed) -> Plaintext:
        """Open one message's search tail; raises as `open_summary` does."""
        return self.open(Kind.EMAIL, FieldId.TAIL, epoch, object_id, sealed)

    def open_tails(self, rows: Iterable[TailRow]) -> list[Plaintext | None]:
        """Open many search tails, as `open_summaries` does."""
        objects = [(row.epoch, row.object_id, row.tail) for row in rows]
        return open_many(self._epochs(), FieldId.TAIL, objects)

    def open_segment(self, epoch: EpochId, object_id: ObjectId, sealed: Sealed) -> Plaintext:
        """Open a search segment, never under a deposit; raises as `open_summary` does."""
        return self.open(Kind.SEGMENT, FieldId.SEGMENT, epoch, object_id, sealed)

    def open_list_block(self, epoch: EpochId, object_id: ObjectId, sealed: Sealed) -> Plaintext:
        """Open a list block, never under a deposit; raises as `open_summary` does."""
        return self.open(Kind.LIST_BLOCK, FieldId.LIST_BLOCK, epoch, object_id, sealed)

    def open(
        self, kind: Kind, field: FieldId, epoch: EpochId, object_id: ObjectId, sealed: Sealed
    ) -> Plaintext:
        """Open one object of any kind; raises as `open_summary` does."""
        return Plaintext(self._epoch(epoch).open(kind, field, object_id, sealed))

    def open_value(
        self, kind: Kind, epoch: EpochId, object_id: ObjectId, sealed: Sealed
    ) -> Plaintext:
        """Open an object that has one part; raises as `open_summary` does."""
        return self.open(kind, FieldId.VALUE, epoch, object_id, sealed)

    def open_body(self, epoch: EpochId, object_id: ObjectId, sealed: Sealed) -> Plaintext:
        """Open a message's octets; raises as `open_summary` does."""
        return Plaintext(self._epoch(epoch).open_body(object_id, sealed))

    def open_body_range(
        self, epoch: EpochId, object_id: ObjectId, sealed: Sealed, start: int, octets: int
    ) -> Plaintext:
        """Open a part of a message's octets; raises as `open_summary` does."""
        return Plaintext(self._epoch(epoch).open_range(object_id, sealed, start, octets))

    def open_member_wrap(self, shared: AccountId, row_id: bytes, record: WrapRecord) -> AccountKey:
        """Open the key of a shared mailbox that this account is a member of.

        Raises:
            Refused: AUTHENTICATION_FAILED: the wrap is not for this account.
        """
        return open_member_wrap(shared, row_id, record, self.account_id, self._keys.values())

    def drop_content_keys(self) -> None:
        """Overwrite the content keys only, as after long idling; epochs may be passed in again."""
        for opened in self._opened.values():
            opened.key.wipe()
        self._opened.clear()
        self._refused.clear()
        if self._owner is not None:
            self._former.append(self._owner)
            self._owner = None
        for key in self._former:
            key.close()
        self._former.clear()

    def close(self) -> None:
        """Overwrite every key: the account is locked. Doing it twice is harmless."""
        self.drop_content_keys()
        for key in self._keys.values():
            key.close()
        self._keys.clear()
        self.guard.close()

    def _epochs(self) -> Mapping[EpochId, OpenEpoch]:
        if self.closed:
            raise _locked()
        return self._opened

    def _epoch(self, epoch: EpochId) -> OpenEpoch:
        opened = self._epochs().get(epoch)
        if opened is None:
            raise self._refused.get(epoch) or Locked(Condition.LOCKED, "this epoch is not open")
        return opened

    def _open_epoch(self, row: EpochValues) -> OpenEpoch:
        own, origin = self._key_of(row), _origin_of(row)
        bound = content_key_context(self.account_id, row.epoch, origin, row.generation, row.suite)
        try:
            if len(row.sealed) == WRAPPED_OCTETS:
                octets = own.storage.open(row.sealed, bound)
            elif origin is Origin.DEPOSIT:
                self._marks.check(self.account_id, row)
                own.prove(self._generations[row.generation].public)
                octets = own.pair.open(row.sealed, bound)
            else:
                raise _forged()
        except Corrupt:
            raise _forged() from None
        if len(octets) != KEY_OCTETS:
            raise _forged()
        return OpenEpoch(SecretKey(octets), self.account_id, row.epoch, origin, row.suite)

    def _key_of(self, row: EpochValues) -> AccountKey:
        generation = self._generations.get(row.generation)
        if generation is None or generation.suite != row.suite or not 0 < row.epoch < 1 << 32:
            raise _forged()
        own = self._keys.get(row.generation)
        if own is None:
            raise Locked(Condition.LOCKED, "this credential does not reach so new a key")
        return own

    def __repr__(self) -> str:
        """Name the account, never a key or an address."""
        return f"<unlocked account {self.account_id.hex()}, {'closed' if self.closed else 'open'}>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied: keys never leave their process."""
        raise TypeError("an unlocked account is not pickled or copied")


def _reachable(
    account: AccountId, key: AccountKey, generations: Mapping[int, Generation]
) -> dict[int, AccountKey]:
    """Return `key` and those before it, by generation."""
    own = generations.get(key.generation)
    if own is None or own.suite is not key.suite:
        raise Corrupt(Condition.KEY_MISMATCH, "this key is of no generation of the account")
    if key.unproven:
        key.prove(own.public)
    keys, reached = {key.generation: key}, [key]
    while reached:
        key = reached.pop()
        for older in key.predecessors(account, generations[key.generation], generations):
            if older.generation not in keys:
                keys[older.generation] = older
                reached.append(older)
    return keys


def _origin_of(row: EpochValues) -> Origin:
    if row.origin not in (Origin.DEPOSIT, Origin.OWNER):
        raise _forged()
    return Origin(row.origin)


def _forged() -> Corrupt:
    return Corrupt(Condition.KEY_MISMATCH, "an epoch is not authentic")


def _locked() -> Locked:
    return Locked(Condition.LOCKED, "the account is locked")
