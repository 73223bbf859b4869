"""Telling owners what happened, without undoing it where that cannot be said now.

What was changed stands in the audit log before it is told. A mailbox that takes no letter at this
moment is no reason to refuse a sign-in, or to report as failed what is done already.
"""

from mailserver.model.errors import MailError
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice, Tell
from mailserver.runtime.log import get_logger

log = get_logger("accounts")


def as_far_as_possible(tell: Tell) -> Tell:
    """Return what tells, and logs where it cannot."""

    async def telling(account_id: AccountId, notice: Notice, about: str) -> None:
        try:
            await tell(account_id, notice, about)
        except MailError as error:
            log.warning("owner not told", notice=notice.value, condition=error.condition.name)

    return telling
