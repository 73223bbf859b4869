"""What an owner keeps beside mail: identities, submissions, address books, cards, preferences."""

from enum import IntEnum
from typing import NamedTuple, NewType

from mailserver.model.ids import ModSeq

RecordId = NewType("RecordId", int)
"""Number within an account and kind, from 1; not used twice."""


class RecordKind(IntEnum):
    """What a record is; the numbers are stored."""

    IDENTITY = 1
    SUBMISSION = 2
    ADDRESS_BOOK = 3
    CARD = 4
    SCRIPT = 5
    """The id of a Sieve script; its content is guarded elsewhere."""
    PREFERENCE = 6
    """How somebody likes the webmail."""


class RecordChange(NamedTuple):
    """What became of a record since an earlier state."""

    record_id: RecordId
    created_modseq: ModSeq
    modseq: ModSeq
    destroyed: bool
