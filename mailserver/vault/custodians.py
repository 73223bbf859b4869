"""Custodians of the organisation's recovery, and their keys (PRIVACY §5, ADR 27).

    private half   a file of its holder's, on his own machine: never on the server
                   AES-256-GCM(HKDF(Argon2id(passphrase), "zegel custodian key"), seed, public)
    public half    a file that goes to the server, and stands there in an authenticated row
    fingerprint    160 bits of SHA-256 over it, which two people compare by voice
    row            name and public half; whoever edits or moves it is found out

Nothing here knows a server: the same functions serve the tool on the custodian's own machine.
"""

import json
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from mailserver.crypto.aead import Aead
from mailserver.crypto.hpke import PUBLIC_OCTETS, KeyPair, PublicKey, derive_pair
from mailserver.crypto.kdf import ARGON2_CURRENT, SALT_OCTETS, argon2id, hkdf
from mailserver.crypto.secret import SecretKey, overwrite
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt, PeerFault, Refused
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.vault.administrators import INSTANCE
from mailserver.vault.canonical import decode, encode, octets, reading, text
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import RowName, SealedRow, Table, open_row, seal_row

PASSPHRASE_CHARACTERS = 15
FINGERPRINT_OCTETS = 20
_GROUP = 4
_SEED_OCTETS = 32
_PRIVATE = "zegel custodian key 1"
_PUBLIC = "zegel custodian public key 1"


@dataclass(frozen=True, slots=True)
class CustodianKey:
    """The public half of a custodian's key."""

    suite: Suite
    public: bytes

    @property
    def id(self) -> bytes:
        """What names it: 32 octets."""
        return sha256(b"zegel custodian key" + bytes([self.suite]) + self.public).digest()

    @property
    def fingerprint(self) -> str:
        """What people compare: ten groups of four hexadecimal digits."""
        digits = self.id[:FINGERPRINT_OCTETS].hex()
        return " ".join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))


@dataclass(frozen=True, slots=True)
class CustodianRecord:
    """A custodian, as users see him."""

    name: str
    key: CustodianKey
    made_at: datetime


def new_custodian_key(passphrase: Plaintext, suite: Suite = Suite.HYBRID) -> tuple[bytes, bytes]:
    """Make a key; return its private and its public file. Hashes, so it takes 0.2 s.

    Raises:
        Refused: WEAK_PASSWORD, the passphrase has less than 15 characters or is not UTF-8.
    """
    normal = _normal(passphrase)
    if len(normal.decode()) < PASSPHRASE_CHARACTERS:
        raise Refused(Condition.WEAK_PASSWORD, "a custodian's passphrase has 15 characters or more")
    seed, salt = SecretKey.random(_SEED_OCTETS), secrets.token_bytes(SALT_OCTETS)
    key = CustodianKey(suite, derive_pair(seed.octets, suite).public_octets)
    sealed = _cipher(normal, salt, ARGON2_CURRENT).seal(seed.octets, key.id)
    seed.wipe()
    private = {
        "format": _PRIVATE,
        "kdf": ARGON2_CURRENT,
        "salt": text(salt),
        "sealed": text(sealed),
        "suite": int(suite),
        "public": text(key.public),
    }
    return _file(private), _file(_public(key))


def load_custodian_key(content: bytes | bytearray, passphrase: Plaintext) -> KeyPair:
    """Open the private file. Hashes, so it takes 0.2 s.

    Raises:
        PeerFault: BAD_SYNTAX, it is no such file.
        Refused: AUTHENTICATION_FAILED, the passphrase is not right, or the file was altered.
    """
    try:
        row = _read(content, _PRIVATE)
        key = CustodianKey(Suite(row["suite"]), octets(row["public"]))
        salt, sealed, kdf = octets(row["salt"]), octets(row["sealed"]), int(row["kdf"])
    except (ValueError, TypeError, KeyError):
        raise PeerFault(Condition.BAD_SYNTAX, "this is no custodian's key file") from None
    try:
        seed = bytearray(_cipher(_normal(passphrase), salt, kdf).open(sealed, key.id))
        pair = derive_pair(seed, key.suite)
        overwrite(seed)
    except Corrupt:
        raise Refused(Condition.AUTHENTICATION_FAILED, "the passphrase is not right") from None
    return pair


def key_of(pair: KeyPair) -> CustodianKey:
    """Return the public half of a pair."""
    return CustodianKey(pair.suite, pair.public_octets)


def read_public(content: bytes) -> CustodianKey:
    """Read the public file.

    Raises:
        PeerFault: BAD_SYNTAX, it is no such file, or holds no key.
    """
    try:
        row = _read(content, _PUBLIC)
        key = CustodianKey(Suite(row["suite"]), octets(row["public"]))
        PublicKey(key.suite, key.public)
    except (ValueError, TypeError, KeyError, Corrupt):
        raise PeerFault(
            Condition.BAD_SYNTAX, "this is no custodian's public key; the private file stays away"
        ) from None
    return key


def custodian_row_id(name: str) -> bytes:
    """Return the row id of a custodian's name, which is compared without case."""
    return sha256(b"zegel custodian" + name.casefold().encode()).digest()


def seal_custodian(master: MasterKeys, record: CustodianRecord) -> SealedRow:
    """Seal a custodian's row."""
    members: dict[str, object] = {
        "made": record.made_at.isoformat(),
        "name": record.name,
        "public": text(record.key.public),
        "suite": int(record.key.suite),
    }
    return seal_row(master, _row_name(custodian_row_id(record.name)), encode(members))


def open_custodian(master: MasterKeys, row_id: bytes, sealed: Guarded) -> CustodianRecord:
    """Open a custodian's row.

    Raises:
        Corrupt: KEY_MISMATCH: it is not authentic, or not the row it stands in.
    """
    with reading():
        row = decode(open_row(master, _row_name(row_id), sealed))
        key = CustodianKey(Suite(row["suite"]), octets(row["public"]))
        record = CustodianRecord(row["name"], key, datetime.fromisoformat(row["made"]))
        if custodian_row_id(record.name) != row_id or len(key.public) != PUBLIC_OCTETS[key.suite]:
            raise ValueError("another custodian's row")
    return record


def _row_name(row_id: bytes) -> RowName:
    return RowName(Table.CUSTODIAN, INSTANCE, row_id)


def _public(key: CustodianKey) -> dict[str, object]:
    return {"format": _PUBLIC, "suite": int(key.suite), "public": text(key.public)}


def _file(members: dict[str, object]) -> bytes:
    return json.dumps(members, indent=1).encode() + b"\n"


def _read(content: bytes | bytearray, form: str) -> dict[str, Any]:
    row = json.loads(content)
    if row["format"] != form:
        raise ValueError("a file of another kind")
    return dict(row)


def _cipher(passphrase: bytes, salt: bytes, parameters: int) -> Aead:
    root = argon2id(passphrase, salt, parameters)
    key = hkdf(root, b"zegel custodian key")
    overwrite(root)
    try:
        return Aead(key)
    finally:
        overwrite(key)


def _normal(passphrase: Plaintext) -> bytes:
    try:
        return unicodedata.normalize("NFC", passphrase.reveal().decode()).encode()
    except UnicodeDecodeError:
        raise Refused(Condition.WEAK_PASSWORD, "the passphrase is not UTF-8 text") from None
