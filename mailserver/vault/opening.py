"""An opened content key, and the objects it opens; held by `session`, no longer than it lasts.

Lists open thousands of summaries at once, so `open_many` builds each context by joining three
prepared pieces and keeps every name in a local variable: about 3 µs an object.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from mailserver.crypto import body
from mailserver.crypto.aead import Aead
from mailserver.crypto.context import (
    FORMAT,
    OWNER_ONLY,
    FieldId,
    Kind,
    Origin,
    context_head,
    context_rest,
)
from mailserver.crypto.padding import unpad
from mailserver.crypto.secret import SecretKey
from mailserver.model.errors import Condition, Corrupt, Locked
from mailserver.model.ids import AccountId, EpochId, ObjectId
from mailserver.model.sealed import Plaintext, Sealed
from mailserver.runtime.metrics import COUNTS
from mailserver.vault.seal import FORMAT_OCTET


class SealedRow(Protocol):
    """A row that holds something sealed."""

    @property
    def epoch(self) -> EpochId:
        """Under which content key."""

    @property
    def object_id(self) -> ObjectId:
        """Its name."""


class SummaryRow(SealedRow, Protocol):
    """A row with a sealed summary."""

    @property
    def summary(self) -> Sealed | None:
        """The summary, where it was asked for."""


class TailRow(SealedRow, Protocol):
    """A row with a sealed search tail."""

    @property
    def tail(self) -> Sealed:
        """The tail."""


class OpenEpoch:
    """A content key that opens what was sealed under it, by the origin it was made for."""

    __slots__ = ("_account", "_cipher", "_email", "_rests", "key", "origin")

    key: SecretKey
    origin: Origin

    def __init__(
        self, key: SecretKey, account: AccountId, epoch: EpochId, origin: Origin, suite: int
    ) -> None:
        """Take over `key`."""
        self.key = key
        self.origin = origin
        self._account = account
        self._cipher = Aead(key.octets)
        self._email = context_head(Kind.EMAIL, origin, account)
        self._rests = {field: context_rest(field, FORMAT, epoch, suite) for field in FieldId}

    def open(self, kind: Kind, field: FieldId, object_id: ObjectId, sealed: Sealed) -> bytes:
        """Open one padded object.

        Raises:
            Corrupt: DAMAGED; or KEY_MISMATCH: a deposit poses as something of the owner.
        """
        if self.origin is Origin.DEPOSIT and kind in OWNER_ONLY:
            raise Corrupt(Condition.KEY_MISMATCH, "a deposit poses as something the owner wrote")
        if sealed[:1] != FORMAT_OCTET:
            raise Corrupt(Condition.DAMAGED, "this object is of an unknown format")
        COUNTS.opened += 1
        head = context_head(kind, self.origin, self._account)
        return unpad(self._cipher.open(sealed[1:], head + object_id + self._rests[field]))

    def open_body(self, object_id: ObjectId, sealed: Sealed) -> bytes:
        """Open a message's octets, in any thread.

        Raises:
            Corrupt: DAMAGED.
            Locked: the key was overwritten meanwhile.
        """
        aad = self._email + object_id + self._rests[FieldId.BODY]
        COUNTS.opened += 1
        with self._unless_wiped():
            return body.open_body(self.key.octets, aad, sealed)

    def open_range(self, object_id: ObjectId, sealed: Sealed, start: int, octets: int) -> bytes:
        """Open at most `octets` of a message's octets from `start`, in any thread.

        Raises:
            Corrupt: DAMAGED.
            Locked: the key was overwritten meanwhile.
            ValueError: `start` or `octets` is negative.
        """
        aad = self._email + object_id + self._rests[FieldId.BODY]
        COUNTS.opened += 1
        with self._unless_wiped():
            return body.open_range(self.key.octets, aad, sealed, start, octets)

    @contextmanager
    def _unless_wiped(self) -> Iterator[None]:
        """Tell a key that went while a thread was reading from damage: no false alarm."""
        try:
            yield
        except (Corrupt, ValueError):
            if self.key.wiped:
                raise Locked(Condition.LOCKED, "the account was locked meanwhile") from None
            raise

    def pieces(self, field: FieldId) -> tuple[Aead, bytes, bytes]:
        """Return the cipher, and an email's context before and after the object's name."""
        return self._cipher, self._email, self._rests[field]


def open_many(
    opened: Mapping[EpochId, OpenEpoch],
    field: FieldId,
    objects: Iterable[tuple[EpochId, ObjectId, Sealed | None]],
) -> list[Plaintext | None]:
    """Open one field of many emails; None for what is damaged, absent, or of an unopened epoch."""
    pieces: dict[EpochId, tuple[Aead, bytes, bytes]] = {}
    current: EpochId | None = None
    results: list[Plaintext | None] = []
    add = results.append
    for epoch, object_id, sealed in objects:
        if sealed is None or epoch not in opened:
            add(None)
            continue
        if epoch != current:
            if epoch not in pieces:
                pieces[epoch] = opened[epoch].pieces(field)
            cipher, head, rest = pieces[epoch]
            open_one = cipher.open
            current = epoch
        try:
            if sealed[0] != FORMAT:
                raise Corrupt(Condition.DAMAGED)
            add(Plaintext(unpad(open_one(sealed[1:], head + object_id + rest))))
        except (Corrupt, IndexError):  # IndexError: no octets at all
            add(None)
    COUNTS.opened += len(results)
    return results
