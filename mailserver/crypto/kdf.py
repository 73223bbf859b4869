"""Keys from keys (HKDF) and keys from passwords (Argon2id).

Source: RFC 5869; RFC 9106.
"""

from dataclasses import dataclass
from typing import Final

from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mailserver.model.errors import Condition, Corrupt

_SHA256 = SHA256()

SALT_OCTETS = 16  # RFC 9106 §3.1 recommends 16


@dataclass(frozen=True, slots=True)
class Argon2Parameters:
    """The costs of one password hash: memory in KiB, passes, lanes."""

    memory_kib: int
    passes: int
    lanes: int


# A stored record names its parameters by number, never by value: whoever could edit a record could
# otherwise ask for a hash that costs nothing, or for one that costs all our memory.
ARGON2_PARAMETERS: Final[dict[int, Argon2Parameters]] = {
    1: Argon2Parameters(
        memory_kib=19 * 1024, passes=2, lanes=1
    ),  # what a browser can bear; OWASP's minimum
    2: Argon2Parameters(
        memory_kib=64 * 1024, passes=3, lanes=4
    ),  # RFC 9106 §4, second recommended option
}
ARGON2_CURRENT: Final = 2
"""The parameters new password hashes use; a record with others is renewed at the next login."""


def hkdf(key: bytes | bytearray, info: bytes, length: int = 32, salt: bytes = b"") -> bytearray:
    """Derive `length` octets for the purpose `info` by HKDF-SHA256; the result can be overwritten.

    Source: RFC 5869 §2.
    """
    derived = bytearray(length)
    HKDF(_SHA256, length, salt, info).derive_into(key, derived)
    return derived


def argon2id(password: bytes | bytearray, salt: bytes, parameters: int) -> bytearray:
    """Hash `password` to 32 octets with allow-listed `parameters`; takes 0.1 to 0.2 s.

    It releases the interpreter lock: call it off the event loop.

    Raises:
        Corrupt: `parameters` is not on the allow-list.

    Source: RFC 9106 §3.
    """
    costs = ARGON2_PARAMETERS.get(parameters)
    if costs is None:
        raise Corrupt(
            Condition.KEY_MISMATCH, "the password record names parameters that are not allowed"
        )
    return bytearray(
        hash_secret_raw(
            bytes(password),
            salt,
            time_cost=costs.passes,
            memory_cost=costs.memory_kib,
            parallelism=costs.lanes,
            hash_len=32,
            type=Type.ID,
            version=ARGON2_VERSION,
        )
    )


def needs_upgrade(parameters: int) -> bool:
    """Tell whether a record with `parameters` is to be renewed when its password is in hand."""
    return parameters != ARGON2_CURRENT
