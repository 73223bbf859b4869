"""The three classes of secrecy as types (`docs/architecture.md`).

The store takes `Sealed` and `Guarded` only, so that storing readable mail is a type error.
"""

from typing import Never, NewType

Sealed = NewType("Sealed", bytes)
"""Ciphertext that only a credential of the account opens; made by the vault."""

Guarded = NewType("Guarded", bytes)
"""Ciphertext that the running server opens, under a key from the keystore; made by the vault."""


class Plaintext:
    """Readable mail or a secret on its way through memory: it does not print, pickle or serialise.

    `.reveal()` is the one way to its octets, and easy to grep for.
    """

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        """Wrap `octets`; they are not copied."""
        self._octets = octets

    def reveal(self) -> bytes:
        """Return the octets themselves."""
        return self._octets

    def __len__(self) -> int:
        """Count the octets."""
        return len(self._octets)

    def __repr__(self) -> str:
        """Say the size, never the content."""
        return f"<plaintext, {len(self._octets)} octets>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled."""
        raise TypeError("plaintext is not pickled")
