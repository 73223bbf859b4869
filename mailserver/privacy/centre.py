"""What people are told of their own data, and ask for by their rights, without an administrator.

Whoever asks from an account has just signed in again: there is no doubt who it is, and the request
stands in the register at once, with its term. Identical ones are linked, each with its own clock.
Source: GDPR Art. 12, 13, 15–22; PRIVACY §14.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from mailserver.audit.entry import account_actor
from mailserver.model.errors import Condition, Refused
from mailserver.model.ids import AccountId
from mailserver.privacy.legal_profile import LegalProfile
from mailserver.privacy.processing import Document, Processing
from mailserver.privacy.request import OVER, Request, Right, Source, State
from mailserver.privacy.requests import Requests
from mailserver.privacy.retention import Category
from mailserver.runtime.clock import Clock

OPEN_AT_MOST = 20
"""Requests of one account that wait for their answer."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """Something that is done with a person's data."""

    name: str
    """Of the activity, as the register has it."""
    basis: str
    recipients: tuple[str, ...]
    longest_days: int
    """How long what ends by age is kept at most; 0 where nothing of it does."""
    with_account: bool
    """Whether some of it stays until its owner deletes it, or the account ends."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as who made it sees it."""

    number: int
    right: Right
    state: State
    received_at: datetime
    due: date
    reason: str
    over_at: datetime | None


@dataclass(frozen=True, slots=True)
class About:
    """Who answers for the processing, what is done, and to whom one may complain."""

    organisation: str
    contact: str
    authority: str
    authority_url: str
    purposes: tuple[Purpose, ...]


class PrivacyCentre:
    """What this server tells each of its people, and takes from them."""

    def __init__(
        self,
        processing: Processing,
        categories: Sequence[Category],
        requests: Requests,
        profile: LegalProfile,
        clock: Clock,
    ) -> None:
        """Read the register of `processing`, and write into that of `requests`."""
        self._processing = processing
        # What ends by itself, or by another's clock, has a bound instead of a period.
        self._days = {one.name: (one.period or one.bound).days for one in categories}
        self._requests = requests
        self._profile = profile
        self._clock = clock

    def about(self) -> About:
        """Tell it as the running configuration has it."""
        register = self._processing.current()
        organisation = register["organisation"]
        return About(
            organisation=organisation["name"],
            contact=organisation["contact"],
            authority=self._profile.authority.name,
            authority_url=self._profile.authority.url,
            purposes=tuple(map(self._purpose, register["activities"])),
        )

    def _purpose(self, told: Document) -> Purpose:
        kept = self._processing.kept(told["name"])
        return Purpose(
            name=told["name"],
            basis=told["basis"],
            recipients=tuple(told["recipients"]),
            longest_days=max((self._days[each] for each in kept), default=0),
            with_account="account" in kept,
        )

    async def asked(self, account_id: AccountId) -> list[Asked]:
        """Return what an account asked for, the newest first."""
        mine = [one for one in await self._requests.listing() if one.account == account_id.hex()]
        return [self._shown(one) for one in reversed(mine)]

    async def ask(self, account_id: AccountId, address: str, right: Right) -> Asked:
        """Write down that an account's owner, who has just proved who he is, asks for a right.

        Raises:
            Refused: LIMIT, too much waits for its answer already.
            Conflict: the register is busy.
        """
        waiting = [one for one in await self.asked(account_id) if one.state not in OVER]
        if len(waiting) >= OPEN_AT_MOST:
            raise Refused(Condition.LIMIT, "so much of yours waits for an answer already")
        made = await self._requests.receive(
            right, Source.ACCOUNT, address, account=account_id, actor=account_actor(account_id)
        )
        return self._shown(made)

    def _shown(self, one: Request) -> Asked:
        term = one.term(self._profile, self._clock.now())
        return Asked(
            *(one.number, one.right, one.state, one.received_at, term.due),
            reason=one.reason,
            over_at=one.over_at,
        )
