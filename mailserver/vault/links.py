"""Single-use links, and vaults: what a reset without the recovery code leaves behind (PRIVACY §5).

link   an invitation, or a reset that was asked for; found by the hash of the token in it
vault  the wraps and factors of before a reset, closed to every sign-in, for 90 days
"""

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.vault.canonical import at, decode, encode, instant, octets, reading, text
from mailserver.vault.factors import FactorsRecord, decode_factors, encode_factors
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import (
    RowName,
    SealedRow,
    Table,
    WrapRecord,
    decode_wrap,
    encode_wrap,
    open_row,
    seal_row,
)

TOKEN_OCTETS = 32


class Purpose(StrEnum):
    """What a link is for; an invitation's opens no reset."""

    INVITATION = "invitation"
    RESET = "reset"
    FACTORS = "factors"
    """Taking all factors off an account whose owner lost them: asked by two administrators."""


@dataclass(frozen=True, slots=True, repr=False)
class LinkRecord:
    """What a link allows whoever holds it."""

    purpose: Purpose
    account: AccountId
    """Whose it is, or the id of an account that is to be made."""
    address: str
    """An `Address.key`."""
    made_at: datetime
    expires_at: datetime
    quota_octets: int = 0
    effective_at: datetime | None = None
    """A reset takes effect only then; None until it was asked for with the link."""
    by: tuple[str, ...] = ()
    """The administrators' row ids, cut: for the audit log."""


@dataclass(frozen=True, slots=True, repr=False)
class VaultedWrap:
    """A wrap as it stood: its row's id is bound into it."""

    row_id: bytes
    record: WrapRecord


@dataclass(frozen=True, slots=True, repr=False)
class VaultRecord:
    """What opened an account before its keys were made anew."""

    generation: int
    """The newest generation that its wraps reach."""
    made_at: datetime
    expires_at: datetime
    wraps: tuple[VaultedWrap, ...]
    factors: FactorsRecord


def new_link_token() -> Plaintext:
    """Make the token of a link: 256 bits in URL-safe base64."""
    return Plaintext(urlsafe_b64encode(secrets.token_bytes(TOKEN_OCTETS)).rstrip(b"="))


def link_place(token: Plaintext) -> AccountId:
    """Return the place of a link's row: a hash, so that a copied row gives no link."""
    return AccountId(sha256(b"zegel link" + token.reveal().strip()).digest()[:16])


def seal_link(master: MasterKeys, place: AccountId, record: LinkRecord) -> SealedRow:
    """Seal a link's row."""
    members: dict[str, object] = {
        "account": record.account.hex(),
        "address": record.address,
        "by": record.by,
        "effective": instant(record.effective_at),
        "expires": record.expires_at.isoformat(),
        "made": record.made_at.isoformat(),
        "purpose": record.purpose,
        "quota": record.quota_octets,
    }
    name = RowName(Table.LINK, place, place, link_selector(record))
    return seal_row(master, name, encode(members))


def link_selector(record: LinkRecord) -> bytes:
    """Return what finds a reset by its account, so that its owner can stop it."""
    return bytes(record.account) if record.purpose is Purpose.RESET else b""


def open_link(
    master: MasterKeys, place: AccountId, sealed: Guarded, selector: bytes = b""
) -> LinkRecord:
    """Open a link's row.

    Raises:
        Corrupt: KEY_MISMATCH: it is not authentic.
    """
    with reading():
        row = decode(open_row(master, RowName(Table.LINK, place, place, selector), sealed))
        return LinkRecord(
            purpose=Purpose(row["purpose"]),
            account=AccountId(bytes.fromhex(row["account"])),
            address=row["address"],
            made_at=datetime.fromisoformat(row["made"]),
            expires_at=datetime.fromisoformat(row["expires"]),
            quota_octets=row["quota"],
            effective_at=at(row["effective"]),
            by=tuple(row["by"]),
        )


def seal_vault(
    master: MasterKeys, account: AccountId, row_id: bytes, record: VaultRecord
) -> SealedRow:
    """Seal a vault's row."""
    members: dict[str, object] = {
        "expires": record.expires_at.isoformat(),
        "factors": text(encode_factors(record.factors)),
        "generation": record.generation,
        "made": record.made_at.isoformat(),
        "wraps": [[text(each.row_id), text(encode_wrap(each.record))] for each in record.wraps],
    }
    return seal_row(master, RowName(Table.VAULT, account, row_id), encode(members))


def open_vault(
    master: MasterKeys, account: AccountId, row_id: bytes, sealed: Guarded
) -> VaultRecord:
    """Open a vault's row; its wraps stay closed.

    Raises:
        Corrupt: KEY_MISMATCH: it is not authentic.
    """
    with reading():
        row = decode(open_row(master, RowName(Table.VAULT, account, row_id), sealed))
        return VaultRecord(
            generation=row["generation"],
            made_at=datetime.fromisoformat(row["made"]),
            expires_at=datetime.fromisoformat(row["expires"]),
            wraps=tuple(
                VaultedWrap(octets(row_id), decode_wrap(octets(wrap)))
                for row_id, wrap in row["wraps"]
            ),
            factors=decode_factors(octets(row["factors"])),
        )
