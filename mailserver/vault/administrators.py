"""Administrators' rows: a name, roles, and a password that opens nothing (PRIVACY §6, DESIGN).

An administrator is an identity of its own, without a mailbox and with no path to any account's key.
The password is only compared: `commit = HKDF(Argon2id(password), "commit")`, under the master key
like every row.
"""

import base64
import json
import secrets
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from mailserver.crypto.kdf import ARGON2_CURRENT, SALT_OCTETS, argon2id, hkdf
from mailserver.crypto.secret import overwrite
from mailserver.crypto.sign import same
from mailserver.model.errors import Condition, Corrupt, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.vault.factors import FactorsRecord, decode_factors, encode_factors
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import RowName, SealedRow, Table, open_row, seal_row

INSTANCE = AccountId(bytes(16))
"""Stands for the account in rows that belong to none."""

_VERSION = 2
"""1 had no second factors, and one role for what is `mail-ops` now."""
_RENAMED = {"operator": "mail-ops"}


class AdminRole(StrEnum):
    """What an administrator may do."""

    OWNER = "owner"
    """Everything, administrators included."""
    MAIL_OPS = "mail-ops"
    """Domains, accounts, queue, backups."""
    HELPDESK = "helpdesk"
    """How an account stands, and links for whom cannot come in."""
    PRIVACY_OFFICER = "privacy-officer"
    """Requests, breaches, registers, retention and holds."""
    AUDITOR = "auditor"
    """Reads registers and the audit log."""


@dataclass(frozen=True, slots=True, repr=False)
class AdminRecord:
    """All that decides about an administrator."""

    name: str
    roles: frozenset[AdminRole]
    kdf: int
    salt: bytes
    commit: bytes
    made_at: datetime
    factors: FactorsRecord = field(default_factory=FactorsRecord)
    """What a second factor is checked against; without one nobody comes into the console."""

    def __repr__(self) -> str:
        """Name the roles, never the person."""
        return f"<administrator, {', '.join(sorted(self.roles))}>"


def admin_row_id(name: str) -> bytes:
    """Return the row id of an administrator's name, which is compared without case."""
    return sha256(b"zegel administrator" + name.casefold().encode()).digest()


def new_admin(
    name: str, roles: frozenset[AdminRole], password: Plaintext, made_at: datetime
) -> AdminRecord:
    """Make an administrator's record; hashes the password, so call it off the event loop.

    Raises:
        Refused: WEAK_PASSWORD: it is not UTF-8.
    """
    salt = secrets.token_bytes(SALT_OCTETS)
    commit = _commit(password, salt, ARGON2_CURRENT)
    if commit is None:
        raise Refused(Condition.WEAK_PASSWORD, "the password is not UTF-8 text")
    return AdminRecord(name, roles, ARGON2_CURRENT, salt, commit, made_at)


def check_admin(record: AdminRecord, password: Plaintext) -> None:
    """See that the password is the administrator's; hashes, so call it off the event loop.

    Raises:
        Refused: AUTHENTICATION_FAILED.
        Corrupt: the record names Argon2 parameters that are not allowed.
    """
    commit = _commit(password, record.salt, record.kdf)
    if commit is None or not same(commit, record.commit):
        raise Refused(Condition.AUTHENTICATION_FAILED, "the name or the password is not right")


def _commit(password: Plaintext, salt: bytes, parameters: int) -> bytes | None:
    try:
        normal = unicodedata.normalize("NFC", password.reveal().decode()).encode()
    except UnicodeDecodeError:
        return None
    root = argon2id(normal, salt, parameters)
    commit = bytes(hkdf(root, b"commit"))
    overwrite(root)
    return commit


def seal_admin(master: MasterKeys, record: AdminRecord) -> SealedRow:
    """Seal an administrator's row."""
    return seal_row(master, _row_name(admin_row_id(record.name)), _encode(record))


def open_admin(master: MasterKeys, row_id: bytes, sealed: Guarded) -> AdminRecord:
    """Open an administrator's row.

    Raises:
        Corrupt: KEY_MISMATCH: it is not authentic, or not the row it stands in.
    """
    record = _decode(open_row(master, _row_name(row_id), sealed))
    if admin_row_id(record.name) != row_id:
        raise _mismatch()
    return record


def _row_name(row_id: bytes) -> RowName:
    return RowName(Table.ADMIN, INSTANCE, row_id)


def _encode(record: AdminRecord) -> bytes:
    members = {
        "commit": base64.b64encode(record.commit).decode(),
        "factors": base64.b64encode(encode_factors(record.factors)).decode(),
        "kdf": record.kdf,
        "made": record.made_at.isoformat(),
        "name": record.name,
        "roles": sorted(record.roles),
        "salt": base64.b64encode(record.salt).decode(),
        "v": _VERSION,
    }
    return json.dumps(members, sort_keys=True, separators=(",", ":")).encode()


def _decode(octets: bytes) -> AdminRecord:
    try:
        row = json.loads(octets)
        if row["v"] not in (1, _VERSION):
            raise _mismatch()
        factors = FactorsRecord()
        if row["v"] == _VERSION:
            factors = decode_factors(base64.b64decode(row["factors"], validate=True))
        return AdminRecord(
            name=row["name"],
            roles=frozenset(AdminRole(_RENAMED.get(role, role)) for role in row["roles"]),
            kdf=row["kdf"],
            salt=base64.b64decode(row["salt"], validate=True),
            commit=base64.b64decode(row["commit"], validate=True),
            made_at=datetime.fromisoformat(row["made"]),
            factors=factors,
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise _mismatch() from None


def _mismatch() -> Corrupt:
    return Corrupt(Condition.KEY_MISMATCH, "an administrator's row is not authentic")
