"""Who looked at an account that is another's: what its owner is shown of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailserver.model.ids import AccountId
from mailserver.privacy.escrow import Openings
from mailserver.privacy.trace import Traces


class Means(StrEnum):
    """How somebody looked."""

    TRACE = "trace"
    """An administrator saw addresses and steps of delivery, never a letter."""
    ESCROW = "escrow"
    """Two custodians opened the mailbox for their organisation."""


@dataclass(frozen=True, slots=True)
class Look:
    """One time that somebody looked."""

    means: Means
    at: datetime
    until: datetime | None
    """Of a trace: when it ended, or will."""
    reason: str
    exported: bool
    """Whether a copy of the mailbox was taken."""


async def looks_of(openings: Openings, traces: Traces, account_id: AccountId) -> list[Look]:
    """List who looked at an account, newest first; an opening once its owner was told of it."""
    found = [
        Look(Means.TRACE, one.since, one.until, one.reason, exported=False)
        for one in await traces.listing()
        if one.account_id == account_id
    ]
    found += [
        Look(Means.ESCROW, one.opened_at, None, one.reason, exported=one.exported_at is not None)
        for one in await openings.listing()
        if one.account_id == account_id and one.opened_at is not None and one.told_at is not None
    ]
    return sorted(found, key=lambda look: look.at, reverse=True)
