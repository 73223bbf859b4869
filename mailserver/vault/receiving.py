"""Who receives: the keystore's rows of addresses and domains, sealed under the master key.

    address  → the account that has it, or the group it stands for
    domain   → who answers its roles, who gets what nobody has, and what its policy is
    tomb     → an address that was taken from an account: for how long nobody else gets it

The place of each row is the hash of the name it is about, so that one look finds it, and the name
stands in the sealed record again: a row that was put in another's place opens to nothing. A tomb
holds no address; its place is a keyed hash, which nobody guesses without the master key.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from mailserver.crypto.sign import mac
from mailserver.model.address import Address
from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded
from mailserver.vault.master import MasterKeys
from mailserver.vault.providers import ProviderRecord, provider_members, provider_of
from mailserver.vault.records import RowName, SealedRow, Table, open_row, seal_row

_VERSION = 1
_PLACE_OCTETS = 16


class Posting(StrEnum):
    """Who may write to a group."""

    ANYBODY = "anybody"
    DOMAIN = "domain"
    """Who has an address in the group's own domain."""
    MEMBERS = "members"


@dataclass(frozen=True, slots=True, repr=False)
class HolderRecord:
    """An address that an account has; the account's own row must name it as well."""

    address: str
    """Its `Address.key`."""
    account: AccountId


@dataclass(frozen=True, slots=True, repr=False)
class GroupRecord:
    """An address that stands for others."""

    address: str
    """Its `Address.key`."""
    members: tuple[str, ...]
    """Addresses as they were written: of ours, groups among them, or elsewhere."""
    posting: Posting = Posting.ANYBODY

    def __repr__(self) -> str:
        """Count, never show."""
        return f"<group, {len(self.members)} members>"


AddressRecord = HolderRecord | GroupRecord


@dataclass(frozen=True, slots=True, repr=False)
class DomainRecord:
    """What holds for a domain of ours."""

    name: str
    roles: dict[str, str] = field(default_factory=dict)
    """Local part of a role to the address (`Address.key`) that answers it."""
    catch_all: str = ""
    """The address (`Address.key`) that gets what nobody has; empty: it is refused."""
    no_external_forward: bool = False
    """No mail of this domain is sent on to other servers, by filters or by groups (PRIVACY §3)."""
    second_factor: bool = False
    """Everybody in this domain must have a second factor (PRIVACY §6)."""
    provider: ProviderRecord | None = None
    """Who says who somebody in this domain is, where the organisation has an identity provider."""
    customer: str = ""
    """The organisation whose it is, where that is not ours: its agreement lets accounts be made."""


@dataclass(frozen=True, slots=True, repr=False)
class TombRecord:
    """An address that was somebody's."""

    account: AccountId
    """Whose it was."""
    until: datetime


def place_of(table: Table, name: str) -> AccountId:
    """Return what stands in the account's place of a row about `name`."""
    return AccountId(sha256(b"zegel %b\0%b" % (table.encode(), name.encode())).digest()[:16])


def tomb_place(key: bytes | bytearray, address: Address) -> AccountId:
    """Return the place of an address's tomb under one of `MasterKeys.tomb_keys`."""
    return AccountId(mac(key, address.key.encode())[:_PLACE_OCTETS])


def seal_address(master: MasterKeys, record: AddressRecord) -> SealedRow:
    """Seal an address's row."""
    members: dict[str, object] = {"address": record.address}
    if isinstance(record, HolderRecord):
        members["account"] = record.account.hex()
    else:
        members |= {"members": record.members, "posting": record.posting}
    place = place_of(Table.ADDRESS, record.address)
    return seal_row(master, _row_name(Table.ADDRESS, place), _encode(members))


def open_address(master: MasterKeys, address: str, sealed: Guarded) -> AddressRecord:
    """Open the row of the address with that key.

    Raises:
        Corrupt: KEY_MISMATCH: it is not authentic, or is about another address.
    """
    place = place_of(Table.ADDRESS, address)
    try:
        row = _decode(open_row(master, _row_name(Table.ADDRESS, place), sealed))
        if row["address"] != address:
            raise _mismatch()
        if "account" in row:
            return HolderRecord(address, AccountId(bytes.fromhex(row["account"])))
        return GroupRecord(address, tuple(row["members"]), Posting(row["posting"]))
    except (ValueError, TypeError, KeyError):
        raise _mismatch() from None


def name_in_address_row(master: MasterKeys, place: AccountId, sealed: Guarded) -> str:
    """Return the address that a row is about, where only its place is known: for listings.

    Raises:
        Corrupt: KEY_MISMATCH: it is not authentic.
    """
    try:
        return str(_decode(open_row(master, _row_name(Table.ADDRESS, place), sealed))["address"])
    except (ValueError, TypeError, KeyError):
        raise _mismatch() from None


def seal_domain(master: MasterKeys, record: DomainRecord) -> SealedRow:
    """Seal a domain's row."""
    place = place_of(Table.DOMAIN, record.name)
    members: dict[str, object] = {
        "catch-all": record.catch_all,
        "customer": record.customer,
        "name": record.name,
        "no-external-forward": record.no_external_forward,
        "provider": provider_members(record.provider),
        "roles": record.roles,
        "second-factor": record.second_factor,
    }
    return seal_row(master, _row_name(Table.DOMAIN, place), _encode(members))


def open_domain(master: MasterKeys, name: str, sealed: Guarded) -> DomainRecord:
    """Open a domain's row.

    Raises:
        Corrupt: KEY_MISMATCH: it is not authentic, or another domain's.
    """
    place = place_of(Table.DOMAIN, name)
    try:
        row = _decode(open_row(master, _row_name(Table.DOMAIN, place), sealed))
        if row["name"] != name:
            raise _mismatch()
        roles = {str(role): str(address) for role, address in row["roles"].items()}
        return DomainRecord(
            name,
            roles,
            row["catch-all"],
            bool(row["no-external-forward"]),
            bool(row.get("second-factor")),
            provider_of(row.get("provider")),
            str(row.get("customer", "")),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise _mismatch() from None


def seal_tomb(master: MasterKeys, place: AccountId, record: TombRecord) -> SealedRow:
    """Seal a tomb's row."""
    members: dict[str, object] = {
        "account": record.account.hex(),
        "until": record.until.isoformat(),
    }
    return seal_row(master, _row_name(Table.TOMB, place), _encode(members))


def open_tomb(master: MasterKeys, place: AccountId, sealed: Guarded) -> TombRecord:
    """Open a tomb's row.

    Raises:
        Corrupt: KEY_MISMATCH: it is not authentic.
    """
    try:
        row = _decode(open_row(master, _row_name(Table.TOMB, place), sealed))
        account = AccountId(bytes.fromhex(row["account"]))
        return TombRecord(account, datetime.fromisoformat(row["until"]))
    except (ValueError, TypeError, KeyError):
        raise _mismatch() from None


def _row_name(table: Table, place: AccountId) -> RowName:
    return RowName(table, place, place)


def _encode(members: dict[str, object]) -> bytes:
    return json.dumps({"v": _VERSION, **members}, sort_keys=True, separators=(",", ":")).encode()


def _decode(octets: bytes) -> dict[str, Any]:
    row = json.loads(octets)
    if row["v"] != _VERSION:
        raise ValueError("a record of another format")
    return dict(row)


def _mismatch() -> Corrupt:
    return Corrupt(Condition.KEY_MISMATCH, "a keystore row is not authentic")
