"""An account's second factors: one authenticated row, so that what is used up is so everywhere.

The account's own row names the factors that there are; a row of theirs that is missing is therefore
no way around them. The step of TOTP that was last taken, the backup codes that are left and the
passkeys' counters stand here: each use replaces the row as it was read, so that of two uses at once
one is refused (RFC 6238 §5.2).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from mailserver.crypto.sign import same
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.vault.canonical import at, decode, encode, instant, octets, reading, text
from mailserver.vault.codes import backup_code_hash
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import RowName, SealedRow, Table, open_row, seal_row


class Factor(StrEnum):
    """A kind of second factor, as the account's row names it."""

    TOTP = "totp"
    PASSKEY = "passkey"
    BACKUP = "backup"
    """One of ten codes; only ever beside one of the others."""


@dataclass(frozen=True, slots=True, repr=False)
class Passkey:
    """A WebAuthn credential."""

    credential: bytes
    public: bytes
    """Its public key as COSE wrote it."""
    counter: int
    label: str
    made_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True, repr=False)
class FactorsRecord:
    """All that the factors of one account are checked against."""

    seed: bytes = b""
    step: int = -1
    """The last 30-second step whose TOTP code was taken; no earlier one is."""
    backup: tuple[bytes, ...] = ()
    """Hashes of the backup codes that are left."""
    passkeys: tuple[Passkey, ...] = ()
    changed_at: datetime | None = None
    """When a factor was last removed or put in another's place: shown for a day."""

    @property
    def kinds(self) -> tuple[Factor, ...]:
        """The factors that the account's row names; backup codes are none by themselves."""
        totp = (Factor.TOTP,) if self.seed else ()
        return totp + ((Factor.PASSKEY,) if self.passkeys else ())

    def without_backup(self, account: AccountId, code: Plaintext) -> "FactorsRecord | None":
        """Return what is left when `code` is used up; None where it is not one of them."""
        hashed = backup_code_hash(account, code)
        left = tuple(each for each in self.backup if not same(each, hashed))
        return replace(self, backup=left) if len(left) < len(self.backup) else None

    def with_passkey(self, passkey: Passkey) -> "FactorsRecord":
        """Return the record with `passkey` added, or in its own place."""
        others = tuple(each for each in self.passkeys if each.credential != passkey.credential)
        return replace(self, passkeys=(*others, passkey))

    def __repr__(self) -> str:
        """Count, never show."""
        return f"<factors, {len(self.passkeys)} passkeys, {len(self.backup)} backup codes>"


def encode_factors(record: FactorsRecord) -> bytes:
    """Write the record."""
    return encode(
        {
            "backup": [text(each) for each in record.backup],
            "changed": instant(record.changed_at),
            "passkeys": list(_written(record.passkeys)),
            "seed": text(record.seed),
            "step": record.step,
        }
    )


def decode_factors(written: bytes) -> FactorsRecord:
    """Read what `encode_factors` wrote.

    Raises:
        Corrupt: KEY_MISMATCH: this is no record of a format we know.
    """
    with reading():
        row = decode(written)
        return FactorsRecord(
            seed=octets(row["seed"]),
            step=row["step"],
            backup=tuple(map(octets, row["backup"])),
            passkeys=tuple(
                Passkey(
                    octets(credential),
                    octets(public),
                    counter,
                    label,
                    datetime.fromisoformat(made),
                    at(used),
                )
                for credential, public, counter, label, made, used in row["passkeys"]
            ),
            changed_at=at(row["changed"]),
        )


def seal_factors(master: MasterKeys, account: AccountId, record: FactorsRecord) -> SealedRow:
    """Seal the row of an account's factors."""
    return seal_row(master, _row_name(account), encode_factors(record))


def open_factors(master: MasterKeys, account: AccountId, sealed: Guarded) -> FactorsRecord:
    """Open the row of an account's factors.

    Raises:
        Corrupt: KEY_MISMATCH: it is not authentic.
    """
    return decode_factors(open_row(master, _row_name(account), sealed))


def _written(passkeys: Iterable[Passkey]) -> Iterable[list[object]]:
    for each in passkeys:
        yield [
            text(each.credential),
            text(each.public),
            each.counter,
            each.label,
            each.made_at.isoformat(),
            instant(each.used_at),
        ]


def _row_name(account: AccountId) -> RowName:
    return RowName(Table.FACTORS, account, account)
