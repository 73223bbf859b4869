"""The master keys: 32 random octets each, in a file outside every data directory, each numbered.

They seal and authenticate the keystore's rows, guard what the server itself must read, and mark the
deposits it made. They open no mail. A rotation adds a key and makes it the current one; the old
stays until all rows are sealed anew. What remains of it then is the key that was derived from it to
remember addresses by: whose they were is kept as a hash, which nobody can make anew.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Never, Self

from mailserver.crypto.aead import Aead
from mailserver.crypto.kdf import hkdf
from mailserver.crypto.secret import KEY_OCTETS, SecretKey, overwrite
from mailserver.crypto.web_push import PushIdentity
from mailserver.model.errors import Condition, Conflict, Corrupt, Misconfigured
from mailserver.runtime import secret_file
from mailserver.vault.guard import InstanceGuard

_NAME = "master key file"
_FORMAT = "zegel master keys 1"
_KID_AT_MOST = 0xFFFF_FFFF


class MasterKeys:
    """All master keys this server still needs; new rows are sealed under `current`."""

    def __init__(
        self,
        keys: Mapping[int, SecretKey],
        current: int,
        past_tombs: Mapping[int, SecretKey] | None = None,
    ) -> None:
        """Take over `keys` by number, and the tomb keys of those that were retired.

        Raises:
            Misconfigured: there is no key numbered `current`, or a key has not 32 octets.
        """
        if current not in keys or not all(0 < kid <= _KID_AT_MOST for kid in keys):
            raise Misconfigured("the master key file names no usable current key")
        past = dict(past_tombs or {})
        if any(len(key) != KEY_OCTETS for key in (*keys.values(), *past.values())):
            raise Misconfigured("a master key has not 32 octets")
        self.current = current
        self._keys = dict(keys)
        self._past_tombs = past
        self._row_keys = {kid: Aead(hkdf(key.octets, b"row")) for kid, key in keys.items()}
        self._deposit_keys = {kid: hkdf(key.octets, b"dep") for kid, key in keys.items()}
        self.instance_guard = InstanceGuard(
            {kid: Aead(hkdf(key.octets, b"inst")) for kid, key in keys.items()},
            current,
            hkdf(keys[min(keys)].octets, b"names"),  # so that hashes outlive a rotation
        )

    @property
    def kids(self) -> tuple[int, ...]:
        """The numbers of the keys, oldest first."""
        return tuple(sorted(self._keys))

    def row_key(self, kid: int) -> Aead:
        """The key of the keystore rows that name `kid`.

        Raises:
            Corrupt: there is no such key (any more), so the row is not ours.
        """
        try:
            return self._row_keys[kid]
        except KeyError:
            raise _unknown_key() from None

    def deposit_key(self, kid: int) -> bytearray:
        """The key that marks deposit epochs; not to be changed.

        Raises:
            Corrupt: there is no such key (any more).
        """
        try:
            return self._deposit_keys[kid]
        except KeyError:
            raise _unknown_key() from None

    @property
    def log_key(self) -> bytearray:
        """The key that makes pseudonyms for logs."""
        return hkdf(self._keys[self.current].octets, b"log")

    @property
    def tomb_key(self) -> bytearray:
        """The key under which addresses of deleted accounts are remembered from now on."""
        return hkdf(self._keys[self.current].octets, b"tomb")

    @property
    def tomb_keys(self) -> tuple[bytearray, ...]:
        """All keys under which such an address may have been remembered, retired ones too."""
        past = (bytearray(key.octets) for key in self._past_tombs.values())
        return (*past, *(hkdf(self._keys[kid].octets, b"tomb") for kid in self.kids))

    @property
    def bounce_keys(self) -> tuple[bytearray, ...]:
        """The keys of reverse-paths of forwarded mail, the one that makes them now first."""
        kids = (self.current, *(kid for kid in self.kids if kid != self.current))
        return tuple(hkdf(self._keys[kid].octets, b"bounce") for kid in kids)

    @property
    def push_identity(self) -> PushIdentity:
        """The key by which push services know this server; another after each rotation."""
        return PushIdentity(hkdf(self._keys[self.current].octets, b"push"))

    def close(self) -> None:
        """Overwrite the keys that we hold ourselves."""
        for key in (*self._keys.values(), *self._past_tombs.values()):
            key.wipe()
        for derived in self._deposit_keys.values():
            derived[:] = bytes(len(derived))
        self._row_keys.clear()
        self._deposit_keys.clear()

    @classmethod
    def create(cls, path: Path, *, keep_out_of: Iterable[Path] = ()) -> Self:
        """Make a first key and write it to a new file of mode 0400, durable when this returns.

        Raises:
            Conflict: the file exists; it is never overwritten.
            Misconfigured: it would lie within one of `keep_out_of`, the data directories.
        """
        _refuse_inside(path, keep_out_of)
        keys = {1: SecretKey.random()}
        secret_file.create(path, _encode(keys, 1), _NAME)
        return cls(keys, 1)

    @classmethod
    def load(cls, path: Path, *, keep_out_of: Iterable[Path] = ()) -> Self:
        """Read the keys from `path`.

        Raises:
            Misconfigured: it is missing, open to others, in a data directory, or not ours.
        """
        _refuse_inside(path, keep_out_of)
        octets = secret_file.read(path, _NAME)
        try:
            return cls.parse(octets)
        finally:
            overwrite(octets)

    @classmethod
    def parse(cls, octets: bytes | bytearray) -> Self:
        """Read the keys from the content of a master key file, as a service credential delivers it.

        Raises:
            Misconfigured: this is no master key file; the text of the error holds nothing of it.
        """
        try:
            document = json.loads(octets)
            if document["format"] != _FORMAT:
                raise Misconfigured("the master key file is of another format")
            keys, past = _decoded(document["keys"]), _decoded(document.get("tombs", {}))
            current = int(document["current"])
        except (ValueError, TypeError, KeyError, AttributeError, binascii.Error):
            raise Misconfigured("the master key file is not one of ours") from None
        return cls(keys, current, past)

    def rotate(self, path: Path) -> "MasterKeys":
        """Add a key, make it current, replace the file at `path`; rows are to be sealed anew."""
        kid = max(self._keys) + 1
        keys = _copied(self._keys)
        keys[kid] = SecretKey.random()
        return self._written(path, keys, kid, _copied(self._past_tombs))

    def retire(self, path: Path, kid: int) -> "MasterKeys":
        """Drop key `kid` once no row and no deposit names it, and replace the file at `path`.

        Its tomb key stays: for twelve months no address goes to another on one person's word.

        Raises:
            Conflict: it is the current key.
        """
        if kid == self.current:
            raise Conflict(Condition.CHANGED_MEANWHILE, "the current master key stays")
        keys, past = _copied(self._keys), _copied(self._past_tombs)
        gone = keys.pop(kid, None)
        if gone is not None:
            past[kid] = SecretKey(hkdf(gone.octets, b"tomb"))
            gone.wipe()
        return self._written(path, keys, self.current, past)

    @staticmethod
    def _written(
        path: Path, keys: dict[int, SecretKey], current: int, past: dict[int, SecretKey]
    ) -> "MasterKeys":
        secret_file.replace(path, _encode(keys, current, past), _NAME)
        return MasterKeys(keys, current, past)

    def __repr__(self) -> str:
        """Name the numbers, never the keys."""
        return f"<master keys {', '.join(map(str, self.kids))}; current {self.current}>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied."""
        raise TypeError("master keys are not pickled or copied")


def _encode(
    keys: Mapping[int, SecretKey], current: int, past: Mapping[int, SecretKey] | None = None
) -> bytes:
    document = {"format": _FORMAT, "current": current, "keys": _encoded(keys)}
    if past:
        document["tombs"] = _encoded(past)
    return json.dumps(document, indent=2).encode() + b"\n"


def _encoded(keys: Mapping[int, SecretKey]) -> dict[str, str]:
    return {str(kid): base64.b64encode(key.octets).decode() for kid, key in keys.items()}


def _decoded(members: Mapping[str, str]) -> dict[int, SecretKey]:
    return {
        int(kid): SecretKey(bytearray(base64.b64decode(key, validate=True)))
        for kid, key in members.items()
    }


def _copied(keys: Mapping[int, SecretKey]) -> dict[int, SecretKey]:
    return {kid: SecretKey(bytes(key.octets)) for kid, key in keys.items()}


def _refuse_inside(path: Path, directories: Iterable[Path]) -> None:
    resolved = path.resolve()
    if any(resolved.is_relative_to(directory.resolve()) for directory in directories):
        raise Misconfigured("the master key file must lie outside every data directory")


def _unknown_key() -> Corrupt:
    return Corrupt(Condition.KEY_MISMATCH, "a row names a master key that we do not have")
