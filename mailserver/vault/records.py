"""The keystore's rows: who may open, sign in and receive; sealed under the master key.

    row      kid 4 ‖ AES-256-GCM(HKDF(MASTER[kid], "row"), record, aad = place)
    place    table, account, row id, selector and kid, each with its length in front
    record   canonical JSON: sorted members, no blanks, octets in base64, its format's number "v"

A row that was moved, edited or put under another master key does not open. The recovery row alone
has no such layer (kid 0), so that it survives the loss of the master key; its code's entropy
protects it, and the key it gives is compared with the account's public key before it is used.
"""

import struct
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Final

from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded
from mailserver.vault.canonical import (
    at,
    decode,
    encode,
    instant,
    mismatch,
    octets,
    reading,
    text,
)
from mailserver.vault.master import MasterKeys

UNSEALED_KID: Final = 0
_KID = struct.Struct(">I")


class Table(StrEnum):
    """Which table a row belongs to; bound into it."""

    ACCOUNT = "account"
    WRAP = "wrap"
    SESSION = "session"
    ADMIN = "admin"
    CUSTODIAN = "custodian"
    ADDRESS = "address"
    DOMAIN = "domain"
    TOMB = "tomb"
    FACTORS = "factors"
    LINK = "link"
    VAULT = "vault"
    SEEN = "seen"
    ESCROW = "escrow"


class WrapKind(IntEnum):
    """What kind of secret opens a wrap. Stored: never renumber."""

    PASSWORD = 1
    APP_PASSWORD = 2
    RECOVERY = 3
    SESSION = 4
    MEMBER = 5
    ESCROW = 6
    PASSKEY = 7
    SERVER = 8


class Scope(StrEnum):
    """What an app password may be used for."""

    IMAP = "imap"
    SMTP = "smtp"
    JMAP = "jmap"
    DAV = "dav"
    SIEVE = "sieve"


class KeyMode(StrEnum):
    """Who can open the account."""

    USER = "user"
    SERVER = "server"
    """The operator too: shown as "not private from the operator"."""


@dataclass(frozen=True, slots=True)
class RowName:
    """Where a row stands; the same octets elsewhere are a forgery."""

    table: Table
    account: AccountId
    row_id: bytes
    selector: bytes = b""

    def aad(self, kid: int) -> bytes:
        """Write the place unambiguously: each part with its length in front."""
        parts = (self.table.encode(), self.account, self.row_id, self.selector, _KID.pack(kid))
        return b"zegel row" + b"".join(_KID.pack(len(part)) + part for part in parts)


@dataclass(frozen=True, slots=True)
class SealedRow:
    """What the keystore stores: the number of the master key, in clear, and the sealed record."""

    kid: int
    sealed: Guarded


@dataclass(frozen=True, slots=True)
class Generation:
    """The public side of one account master key."""

    number: int
    suite: Suite
    public: bytes
    link: bytes = b""
    """The account master key of the generation before, sealed under this one; empty at first, and
    where a reset without the recovery code left that key behind."""
    older: tuple[tuple[int, bytes], ...] = ()
    """Links to generations further back, by number: what was left behind and opened again."""


@dataclass(frozen=True, slots=True)
class PublicIdentity:
    """To whom a deposit is sealed: the newest generation, from the authenticated account row."""

    account: AccountId
    generation: int
    suite: Suite
    public: bytes


@dataclass(frozen=True, slots=True, repr=False)
class AccountRecord:
    """All that decides about an account."""

    addresses: tuple[str, ...]
    """Address keys (`Address.key`); the first is the account's own name."""
    generations: tuple[Generation, ...]
    """Ascending; new mail is sealed to the last."""
    guard_key: bytes
    key_mode: KeyMode = KeyMode.USER
    factors: tuple[str, ...] = ()
    totp_seed: bytes = b""
    policy: frozenset[str] = frozenset()
    """Switches that are on, by name."""
    approved: tuple[str, ...] = ()
    """Address keys to which its filters may send mail on (PRIVACY §3)."""
    language: str = ""
    """In which the server writes to its owner; empty for English."""
    linked: tuple[str, str] | None = None
    """Issuer and subject of its owner at an identity provider (OpenID Connect Core 1.0 §2)."""

    def identity(self, account: AccountId) -> PublicIdentity:
        """Name the newest public key."""
        newest = self.generations[-1]
        return PublicIdentity(account, newest.number, newest.suite, newest.public)

    def __repr__(self) -> str:
        """Count, never show: addresses are personal and the guard key is secret."""
        generations = len(self.generations)
        return f"<account record, {len(self.addresses)} addresses, {generations} generations>"


@dataclass(frozen=True, slots=True, repr=False)
class Half:
    """What one custodian opens of an escrow wrap's secret."""

    custodian: bytes
    """The id of his key."""
    sealed: bytes
    commit: bytes


@dataclass(frozen=True, slots=True, repr=False)
class WrapRecord:
    """One credential's copy of the account master key; a mere verifier if `sealed_key` is empty."""

    kind: WrapKind
    generation: int
    suite: Suite
    kdf: int
    """Number of the Argon2 parameters; 0 where the secret is random and HKDF suffices."""
    salt: bytes
    commit: bytes
    sealed_key: bytes
    made_at: datetime
    scopes: frozenset[Scope] = frozenset()
    cidrs: tuple[str, ...] = ()
    """Networks it may be used from; everywhere, where there are none."""
    expires_at: datetime | None = None
    label: str = ""
    member: tuple[AccountId, int] | None = None
    """Whose key opens it, and of which generation, in a shared mailbox."""
    halves: tuple[Half, ...] = ()
    """Of an escrow wrap: two, for two custodians."""

    def __repr__(self) -> str:
        """Name the kind, never the secret parts or the label."""
        return f"<{self.kind.name.lower()} wrap, generation {self.generation}>"


def seal_row(master: MasterKeys, name: RowName, record: bytes) -> SealedRow:
    """Seal encoded `record` for its place, under the current master key."""
    kid = master.current
    return SealedRow(kid, Guarded(_KID.pack(kid) + master.row_key(kid).seal(record, name.aad(kid))))


def open_row(master: MasterKeys, name: RowName, sealed: Guarded) -> bytes:
    """Return the encoded record.

    Raises:
        Corrupt: KEY_MISMATCH: the row was edited, moved, or its master key is gone.
    """
    kid = kid_of(sealed)
    try:
        return master.row_key(kid).open(sealed[_KID.size :], name.aad(kid))
    except Corrupt:
        raise mismatch() from None


def kid_of(sealed: Guarded) -> int:
    """Return the number of the master key a row is under; 0 means none.

    Raises:
        Corrupt: KEY_MISMATCH: it is too short to name one.
    """
    try:
        return int(_KID.unpack_from(sealed)[0])
    except struct.error:
        raise mismatch() from None


def seal_account(master: MasterKeys, account: AccountId, record: AccountRecord) -> SealedRow:
    """Seal the account row."""
    return seal_row(master, _account_name(account), encode_account(record))


def open_account(
    master: MasterKeys, account: AccountId, sealed: Guarded, *, allow_classical: bool = False
) -> AccountRecord:
    """Open the account row.

    Raises:
        Corrupt: KEY_MISMATCH: it is not authentic, or its newest key is classical against the
            settings.
    """
    record = decode_account(open_row(master, _account_name(account), sealed))
    if record.generations[-1].suite is Suite.CLASSICAL and not allow_classical:
        raise Corrupt(Condition.KEY_MISMATCH, "the account's key is of a suite that is not allowed")
    return record


def seal_wrap(master: MasterKeys, name: RowName, record: WrapRecord) -> SealedRow:
    """Seal a wrap row; the recovery row stays readable without the master key."""
    encoded = encode_wrap(record)
    if record.kind is WrapKind.RECOVERY:
        return SealedRow(UNSEALED_KID, Guarded(_KID.pack(UNSEALED_KID) + encoded))
    return seal_row(master, name, encoded)


def open_wrap(master: MasterKeys, name: RowName, sealed: Guarded) -> WrapRecord:
    """Open a wrap row.

    Raises:
        Corrupt: KEY_MISMATCH: it is not authentic, or lacks the layer that its kind must have.
    """
    unsealed = kid_of(sealed) == UNSEALED_KID
    record = decode_wrap(sealed[_KID.size :] if unsealed else open_row(master, name, sealed))
    if unsealed != (record.kind is WrapKind.RECOVERY):
        raise mismatch()
    return record


def encode_account(record: AccountRecord) -> bytes:
    """Write the record canonically."""
    return encode(
        {
            "addresses": record.addresses,
            "approved": record.approved,
            "factors": record.factors,
            "generations": [
                [g.number, int(g.suite), text(g.public), text(g.link), *_older(g)]
                for g in record.generations
            ],
            "guard": text(record.guard_key),
            "language": record.language,
            "linked": record.linked,
            "mode": record.key_mode,
            "policy": sorted(record.policy),
            "totp": text(record.totp_seed),
        }
    )


def decode_account(written: bytes) -> AccountRecord:
    """Read what `encode_account` wrote.

    Raises:
        Corrupt: KEY_MISMATCH: this is no account record of a format we know.
    """
    with reading():
        row = decode(written)
        record = AccountRecord(
            addresses=tuple(row["addresses"]),
            generations=tuple(
                Generation(
                    number,
                    Suite(suite),
                    octets(public),
                    octets(link),
                    tuple((before, octets(sealed)) for before, sealed in older),
                )
                for number, suite, public, link, *older in row["generations"]
            ),
            guard_key=octets(row["guard"]),
            key_mode=KeyMode(row["mode"]),
            factors=tuple(row["factors"]),
            totp_seed=octets(row["totp"]),
            policy=frozenset(row["policy"]),
            approved=tuple(row.get("approved", ())),
            language=row.get("language", ""),
            linked=_pair(row.get("linked")),
        )
    if not record.generations:
        raise mismatch()
    return record


def encode_wrap(record: WrapRecord) -> bytes:
    """Write the record canonically."""
    return encode(
        {
            "cidrs": record.cidrs,
            "commit": text(record.commit),
            "expires": instant(record.expires_at),
            "generation": record.generation,
            "halves": [[text(h.custodian), text(h.sealed), text(h.commit)] for h in record.halves],
            "kdf": record.kdf,
            "key": text(record.sealed_key),
            "kind": record.kind,
            "label": record.label,
            "made": instant(record.made_at),
            "member": record.member and [text(record.member[0]), record.member[1]],
            "salt": text(record.salt),
            "scopes": sorted(record.scopes),
            "suite": record.suite,
        }
    )


def decode_wrap(written: bytes) -> WrapRecord:
    """Read what `encode_wrap` wrote.

    Raises:
        Corrupt: KEY_MISMATCH: this is no wrap record of a format we know.
    """
    with reading():
        row = decode(written)
        member = row["member"]
        return WrapRecord(
            kind=WrapKind(row["kind"]),
            generation=row["generation"],
            suite=Suite(row["suite"]),
            kdf=row["kdf"],
            salt=octets(row["salt"]),
            commit=octets(row["commit"]),
            sealed_key=octets(row["key"]),
            made_at=datetime.fromisoformat(row["made"]),
            scopes=frozenset(map(Scope, row["scopes"])),
            cidrs=tuple(row["cidrs"]),
            expires_at=at(row["expires"]),
            label=row["label"],
            member=(AccountId(octets(member[0])), member[1]) if member else None,
            halves=tuple(Half(*map(octets, half)) for half in row.get("halves", ())),
        )


def _older(generation: Generation) -> list[tuple[int, str]]:
    return [(number, text(sealed)) for number, sealed in generation.older]


def _pair(written: list[str] | None) -> tuple[str, str] | None:
    return None if written is None else (written[0], written[1])


def _account_name(account: AccountId) -> RowName:
    return RowName(Table.ACCOUNT, account, account)
