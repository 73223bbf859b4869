"""Identifiers: distinct types, so that a UID is never taken for a sequence number.

Everything inside an account is numbered by counters of that account, from 1, and no number is
used twice. Sealed objects have random 16-octet names instead: their ciphertext is bound to them.
"""

import secrets
from typing import NewType

AccountId = NewType("AccountId", bytes)
"""16 random octets; the first column of every per-account key."""

ObjectId = NewType("ObjectId", bytes)
"""16 random octets that name one sealed object; never reused, not even for a retry."""

MailboxId = NewType("MailboxId", int)
EmailId = NewType("EmailId", int)
BlobId = NewType("BlobId", int)
ThreadId = NewType("ThreadId", int)
EpochId = NewType("EpochId", int)
"""Number of a content key within its account, 32 bits."""

QueueId = NewType("QueueId", bytes)
"""16 octets that name one recipient's row in the queue: 6 of time, so that they rise, 10 random."""

Uid = NewType("Uid", int)
"""RFC 9051 §2.3.1.1, 32 bits."""

SeqNum = NewType("SeqNum", int)
"""RFC 9051 §2.3.1.2: a position in one session's view of a mailbox, from 1."""

ModSeq = NewType("ModSeq", int)
"""RFC 7162 §3, 63 bits: the account's change counter, shared with JMAP's state."""


def new_account_id() -> AccountId:
    """Make a random account identifier."""
    return AccountId(secrets.token_bytes(16))


def new_object_id() -> ObjectId:
    """Make a random object name."""
    return ObjectId(secrets.token_bytes(16))
