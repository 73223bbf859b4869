"""The offline key: its public half seals backups on the server, its private half lies elsewhere."""

from pathlib import Path

from mailserver.crypto.hpke import KeyPair, PublicKey, derive_pair
from mailserver.crypto.secret import SecretKey
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Misconfigured
from mailserver.runtime import secret_file

_SEED_OCTETS = 32
_PRIVATE = b"zegel-backup-private 1 "
_PUBLIC = b"zegel-backup-public 1 "
_WHAT, _PUBLIC_WHAT = "backup key", "public backup key"


def create(private: Path, public: Path, suite: Suite) -> None:
    """Make a pair, each half in a new file of its own.

    Raises:
        Conflict: one of the files exists.
        Misconfigured: one cannot be written.
    """
    seed = SecretKey.random(_SEED_OCTETS)
    pair = derive_pair(seed.octets, suite)
    written = bytearray(_PRIVATE + b"%d " % suite + seed.octets.hex().encode() + b"\n")
    secret_file.create(private, written, _WHAT)
    line = _PUBLIC + b"%d " % suite + pair.public_octets.hex().encode() + b"\n"
    secret_file.create(public, line, _PUBLIC_WHAT)


def load_private(path: Path) -> KeyPair:
    """Read the private half.

    Raises:
        Misconfigured: it is missing, open to others, or not such a key.
    """
    suite, seed = _parsed(bytes(secret_file.read(path, _WHAT)), _PRIVATE, _WHAT)
    if len(seed) != _SEED_OCTETS:
        raise _strange(_WHAT)
    return derive_pair(bytearray(seed), suite)


def load_public(path: Path) -> PublicKey:
    """Read the public half.

    Raises:
        Misconfigured: it is missing or not such a key.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        text = f"the {_PUBLIC_WHAT} cannot be read: {path}: {error.strerror}"
        raise Misconfigured(text) from None
    suite, octets = _parsed(content, _PUBLIC, _PUBLIC_WHAT)
    return PublicKey(suite, octets)


def _parsed(content: bytes, head: bytes, what: str) -> tuple[Suite, bytes]:
    if not content.startswith(head):
        raise _strange(what)
    try:
        suite, octets = content.removeprefix(head).split()
        return Suite(int(suite)), bytes.fromhex(octets.decode("ascii"))
    except ValueError:
        raise _strange(what) from None


def _strange(what: str) -> Misconfigured:
    return Misconfigured(f"the file of the {what} holds no such key")
