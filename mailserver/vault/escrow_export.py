"""The keys of an opening: what answers are sealed to, and what its one export is sealed to.

Both are 32 octets in the keystore, under the master key. Their end is the end of what they open.
"""

from mailserver.crypto.hpke import PublicKey, derive_pair
from mailserver.crypto.secret import SecretKey
from mailserver.crypto.stream import StreamOpener, StreamSealer
from mailserver.crypto.suite import Suite

_SEED_OCTETS = 32


def new_seed() -> SecretKey:
    """Make what a pair is derived from."""
    return SecretKey.random(_SEED_OCTETS)


def public_half(seed: SecretKey, suite: Suite) -> bytes:
    """Return what is sealed to."""
    return derive_pair(seed.octets, suite).public_octets


def export_sealer(seed: SecretKey, suite: Suite, number: int) -> StreamSealer:
    """Return what seals the export of the opening of that number."""
    return StreamSealer(PublicKey(suite, public_half(seed, suite)), _name(number))


def export_opener(seed: bytearray, suite: Suite, number: int) -> StreamOpener:
    """Return what opens it."""
    return StreamOpener(derive_pair(seed, suite), _name(number))


def _name(number: int) -> bytes:
    return b"zegel escrow export %d" % number
