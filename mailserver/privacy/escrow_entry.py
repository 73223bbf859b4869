"""What the register says of an opening by custodians."""

from dataclasses import dataclass
from datetime import datetime

from mailserver.model.ids import AccountId
from mailserver.privacy.ledger import Entry, Fields


@dataclass(frozen=True, slots=True)
class Opening:
    """An entry of the register."""

    number: int
    account_id: AccountId
    address: str
    reason: str
    asked_at: datetime
    hold: int | None
    opened_at: datetime | None
    told_at: datetime | None
    exported_at: datetime | None
    over_at: datetime | None
    """When the request lapsed, or its export ended."""
    wrap: bytes
    """The row that it uses up."""


def asked(
    account_id: AccountId, address: str, reason: str, now: datetime, hold: int | None, wrap: bytes
) -> Fields:
    """Say that an opening was asked for."""
    return {
        "account": account_id.hex(),
        "address": address,
        "reason": reason,
        "asked": now.isoformat(),
        "hold": hold or 0,
        "wrap": wrap.hex(),
        **dict.fromkeys(("opened", "told", "exported", "over"), ""),
    }


def opening(entry: Entry) -> Opening:
    """Read an entry."""
    fields = entry.fields
    return Opening(
        number=entry.number,
        account_id=AccountId(bytes.fromhex(fields["account"])),
        address=fields["address"],
        reason=fields["reason"],
        asked_at=datetime.fromisoformat(fields["asked"]),
        hold=fields["hold"] or None,
        opened_at=_at(fields["opened"]),
        told_at=_at(fields["told"]),
        exported_at=_at(fields["exported"]),
        over_at=_at(fields["over"]),
        wrap=bytes.fromhex(fields["wrap"]),
    )


def _at(written: str) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
