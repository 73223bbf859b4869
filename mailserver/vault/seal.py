"""A content key at work: it seals mail to an account, locked or not.

    small    version 1 ‖ nonce 12 ‖ AES-256-GCM(content key, padded octets): summary, tail …
    body     see `crypto/body`

Tails and segments come framed and compressed from `index`; a summary is not compressed, for lists
open thousands.
"""

import os
import threading
from dataclasses import dataclass
from typing import Never

from mailserver.crypto.aead import Aead
from mailserver.crypto.body import SALT_OCTETS, BodyCipher
from mailserver.crypto.context import (
    FORMAT,
    OWNER_ONLY,
    FieldId,
    Kind,
    Origin,
    context_head,
    context_rest,
)
from mailserver.crypto.padding import pad
from mailserver.crypto.secret import SecretKey
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Transient
from mailserver.model.ids import AccountId, EpochId, ObjectId
from mailserver.model.sealed import Sealed
from mailserver.runtime.metrics import COUNTS

FORMAT_OCTET = bytes([FORMAT])


@dataclass(frozen=True, slots=True)
class SealedEmail:
    """One message as the store keeps it, all of it under the content key of `epoch`."""

    epoch: EpochId
    summary: Sealed
    body: Sealed
    tail: Sealed


class ContentKey:
    """Seals under one content key, from any thread, until it is closed or spent.

    A running deposit key is handed to one delivery a message (`issue`). Once `retire`d it serves
    those deliveries that have it and then overwrites itself. Closing it at any moment is safe: a
    message is sealed under the key or not at all.
    """

    __slots__ = (
        "_cipher",
        "_head",
        "_issued",
        "_key",
        "_lock",
        "_rests",
        "_retired",
        "_served",
        "account",
        "epoch",
        "origin",
        "suite",
    )

    account: AccountId
    epoch: EpochId
    origin: Origin
    suite: Suite

    def __init__(
        self, key: SecretKey, account: AccountId, epoch: EpochId, origin: Origin, suite: Suite
    ) -> None:
        """Take over `key`."""
        self.epoch = epoch
        self.origin = origin
        self.suite = suite
        self._key = key
        self.account = account
        self._cipher: Aead | None = Aead(key.octets)
        self._head = context_head(Kind.EMAIL, origin, account)
        self._rests = tuple(
            context_rest(field, FORMAT, epoch, suite)
            for field in (FieldId.SUMMARY, FieldId.BODY, FieldId.TAIL)
        )
        self._lock = threading.Lock()
        self._issued = 0
        self._served = 0
        self._retired = False

    def seal_email(
        self, object_id: ObjectId, summary: bytes, body: bytes, tail: bytes
    ) -> SealedEmail:
        """Seal one message, about 60 µs for 7 KB; from 256 KiB on, call it in a thread.

        Raises:
            Transient: BUSY: the key has ended meanwhile; nothing was sealed.
        """
        try:
            with self._lock:  # so that `close` cannot overwrite the key between here and its use
                cipher = self._live_cipher()
                body_cipher = BodyCipher(self._key.octets, object_id, os.urandom(SALT_OCTETS))
            named = self._head + object_id
            summary_rest, body_rest, tail_rest = self._rests
            return SealedEmail(
                self.epoch,
                Sealed(FORMAT_OCTET + cipher.seal(pad(summary), named + summary_rest)),
                Sealed(body_cipher.seal(named + body_rest, body)),
                Sealed(FORMAT_OCTET + cipher.seal(pad(tail), named + tail_rest)),
            )
        finally:
            self._serve()

    def seal(self, kind: Kind, field: FieldId, object_id: ObjectId, data: bytes) -> Sealed:
        """Seal one padded object of any kind.

        Raises:
            Transient: BUSY: the key has ended meanwhile; nothing was sealed.
            ValueError: only the owner writes such objects, and this is a deposit key.
        """
        if self.origin is Origin.DEPOSIT and kind in OWNER_ONLY:
            raise ValueError("an object that only the owner writes cannot be deposited")
        with self._lock:
            cipher = self._live_cipher()
        aad = (
            context_head(kind, self.origin, self.account)
            + object_id
            + context_rest(field, FORMAT, self.epoch, self.suite)
        )
        COUNTS.sealed += 1
        return Sealed(FORMAT_OCTET + cipher.seal(pad(data), aad))

    def seal_value(self, kind: Kind, object_id: ObjectId, data: bytes) -> Sealed:
        """Seal one padded object that has one part; raises as `seal` does."""
        return self.seal(kind, FieldId.VALUE, object_id, data)

    def seal_segment(self, object_id: ObjectId, segment: bytes) -> Sealed:
        """Seal a search segment, under an owner's key only."""
        return self.seal(Kind.SEGMENT, FieldId.SEGMENT, object_id, segment)

    def seal_list_block(self, object_id: ObjectId, block: bytes) -> Sealed:
        """Seal a list block, under an owner's key only."""
        return self.seal(Kind.LIST_BLOCK, FieldId.LIST_BLOCK, object_id, block)

    @property
    def closed(self) -> bool:
        """Whether the key is gone."""
        return self._cipher is None

    @property
    def issued(self) -> int:
        """To how many messages it was handed out."""
        return self._issued

    @property
    def served(self) -> int:
        """How many messages were sealed with it."""
        return self._served

    def issue(self) -> "ContentKey":
        """Count one more message that will be sealed."""
        self._issued += 1
        return self

    def retire(self) -> None:
        """Overwrite the key as soon as the messages it was handed out for are sealed."""
        with self._lock:
            self._retired = True
            self._wipe_if_spent()

    def close(self) -> None:
        """Overwrite the key now."""
        with self._lock:
            self._key.wipe()
            self._cipher = None

    def _live_cipher(self) -> Aead:
        if self._cipher is None:
            raise Transient(Condition.BUSY, "the running key has ended; deliver again")
        return self._cipher

    def _serve(self) -> None:
        with self._lock:
            self._served += 1
            COUNTS.sealed += 1
            self._wipe_if_spent()

    def _wipe_if_spent(self) -> None:
        if self._retired and self._served >= self._issued:
            self._key.wipe()
            self._cipher = None

    def __repr__(self) -> str:
        """Name the epoch, never the key."""
        return f"<content key of epoch {self.epoch}, {self.origin.name.lower()}>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied."""
        raise TypeError("a content key is not pickled or copied")
