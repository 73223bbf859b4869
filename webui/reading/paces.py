"""How often one account may have something done for it that costs us, or others, something."""

from dataclasses import dataclass
from typing import Self

from mailserver.mail.account import Account
from mailserver.model.errors import Condition, Refused
from mailserver.runtime.clock import Clock
from webui.limits import Rates

PICTURES_A_MINUTE = 240  # a newsletter has thirty
LISTS_A_MINUTE = 10  # somebody who tidies up
PAGES_A_MINUTE = 120
FORMS_AN_HOUR = 5
"""Requests by the public form: of one network, and to one address."""


@dataclass(frozen=True, slots=True)
class Paces:
    """A rate for each kind of work."""

    pictures: Rates
    lists: Rates
    pages: Rates
    forms: Rates

    @classmethod
    def of(cls, clock: Clock) -> Self:
        """Begin with full shares for everybody."""
        return cls(
            pictures=Rates(PICTURES_A_MINUTE, clock),
            lists=Rates(LISTS_A_MINUTE, clock),
            pages=Rates(PAGES_A_MINUTE, clock),
            forms=Rates(FORMS_AN_HOUR, clock, seconds=3_600),
        )


def see_to(rates: Rates, account: Account) -> None:
    """Count one for an account. Raises Refused (TRY_LATER): it was too many."""
    if rates.wait_seconds(account.account_id):
        raise Refused(Condition.TRY_LATER, "this was too often for a minute; wait a little")
