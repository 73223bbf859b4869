"""A key in memory: it does not print, copy or pickle, and it can be overwritten.

Python cannot promise erasure: a cipher library keeps its own copy, and an immutable `bytes` lives
until collected. What we hold ourselves we hold in a `bytearray` and overwrite as soon as it has
served.
"""

import secrets
from typing import Never, Self

KEY_OCTETS = 32


class SecretKey:
    """Octets that decide who may read. `.octets` is the one way to them."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes | bytearray) -> None:
        """Take over `octets` when they are a bytearray (it will be overwritten), or copy them."""
        self._octets = octets if isinstance(octets, bytearray) else bytearray(octets)

    @classmethod
    def random(cls, length: int = KEY_OCTETS) -> Self:
        """Make a new key of `length` random octets."""
        return cls(bytearray(secrets.token_bytes(length)))

    @property
    def octets(self) -> bytearray:
        """The key itself; not to be kept by the caller.

        Raises:
            ValueError: it was overwritten.
        """
        if not self._octets:
            raise ValueError("this key has been overwritten")
        return self._octets

    @property
    def wiped(self) -> bool:
        """Whether the key is gone."""
        return not self._octets

    def wipe(self) -> None:
        """Overwrite the octets, then let go of them; doing it twice is harmless."""
        octets, self._octets = self._octets, bytearray()  # first: no thread takes zeros for a key
        overwrite(octets)

    def __len__(self) -> int:
        """Count the octets."""
        return len(self._octets)

    def __repr__(self) -> str:
        """Say the size, never the key."""
        return f"<key, {len(self._octets)} octets>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied."""
        raise TypeError("a key is not pickled or copied")


def overwrite(buffer: bytearray) -> None:
    """Set every octet of `buffer` to zero, in place."""
    buffer[:] = bytes(len(buffer))
