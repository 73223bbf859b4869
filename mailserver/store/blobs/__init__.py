"""Large ciphertext outside the database, each object put once under its random name.

It may import `model` and the standard library. A `BlobStore` blocks: the store calls it in a
thread. An object is durable before the row that names it is written, and deleted after the row's
deletion is durable; what a crash leaves between the two is an orphan without a row, which
`operations` sweeps.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from enum import IntEnum
from typing import Protocol

from mailserver.model.ids import ObjectId
from mailserver.model.sealed import Guarded, Sealed


class Place(IntEnum):
    """Where a blob's ciphertext lies: the value of the column `blobs.place`."""

    ROW = 0
    """In the row itself, written by the same commit."""
    FILE = 1
    """In the `BlobStore`, under the object's name."""


class BlobStore(Protocol):
    """Whatever keeps large ciphertext. Every method blocks.

    Methods raise `Transient` (STORAGE_FULL or UNAVAILABLE) where the store cannot do it now.
    """

    def put(self, object_id: ObjectId, sealed: Sealed | Guarded) -> None:
        """Store `sealed` durably; an object of that name must not exist."""
        ...

    def get(self, object_id: ObjectId) -> Sealed:
        """Return the object.

        Raises:
            Corrupt: DAMAGED, there is none.
        """
        ...

    def delete(self, object_id: ObjectId) -> None:
        """Delete the object; one that is gone already is fine.

        One that somebody holds stays, as an orphan for the sweep.
        """
        ...

    def held(self) -> AbstractContextManager[None]:
        """Keep every object where it is for the length of a block; new ones may come."""
        ...

    def stored(self, *, before: datetime | None = None) -> Iterator[ObjectId]:
        """Name every object, or every object stored before an instant, in no order."""
        ...
