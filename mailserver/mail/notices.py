"""Notices: what the server writes to people about their accounts, straight into their INBOX.

No filter is asked and no quota: a notice is most needed where filters send everything on, or where
nothing fits any more. It is sealed like any other message.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from mailserver.mail import letter
from mailserver.mail.destination import Addressee
from mailserver.mail.notice_texts import words
from mailserver.mail.opened import create_epoch
from mailserver.mail.places import Places
from mailserver.model.errors import Absent, Locked
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.store.store import Store
from mailserver.vault.epochs import Deposits

Find = Callable[[AccountId], Awaitable[Addressee]]
"""Returns an account as mail is delivered to it; raises Absent, Locked."""


class Notices:
    """Writes to accounts, whether or not their owners are signed in."""

    def __init__(
        self, store: Store, find: Find, deposits: Deposits, offload: Offload, clock: Clock
    ) -> None:
        """Deliver into `store` to whom `find` returns, sealing under `deposits`."""
        self._store = store
        self._find = find
        self._deposits = deposits
        self._offload = offload
        self._clock = clock
        self._places = Places(store)
        self._told: set[AccountId] = set()

    async def tell(self, account_id: AccountId, notice: Notice, about: str) -> None:
        """Write a notice; durable on return. An account that is gone or not active gets none.

        Raises:
            Transient: the store does not answer.
            Corrupt: KEY_MISMATCH.
        """
        try:
            holder = await self._find(account_id)
        except (Absent, Locked):
            return
        now = self._clock.now()
        octets = compose(notice, holder, about, now)
        scanned = await letter.scan(octets, self._offload)
        key = await self._deposits.key_for(holder.identity, create_epoch(self._store, account_id))
        inbox = await self._places.inbox(holder)
        self._told.add(account_id)
        email = await letter.seal(
            scanned, key, holder.guard, inbox, offload=self._offload, internaldate=now
        )
        await self._store.emails.append(replace(email, quota=False))

    def accounts(self) -> set[AccountId]:
        """Name the accounts whose INBOX is at hand."""
        return set(self._told)

    def forget(self, account_id: AccountId) -> None:
        """Drop what is at hand of an account that was erased."""
        self._places.forget(account_id)
        self._told.discard(account_id)


def compose(notice: Notice, holder: Addressee, about: str, now: datetime) -> bytes:
    """Write a notice to an account's owner, in the owner's language."""
    own = holder.addresses[0]
    subject, text = words(notice, holder.language)
    facts = {"about": about, "address": str(own)}
    message = EmailMessage(policy=SMTP)
    message["From"] = f"postmaster@{own.domain}"
    message["To"] = str(own)
    message["Subject"] = subject.format(**facts)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{secrets.token_hex(16)}@{own.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: nothing answers it
    message.set_content(text.format(**facts) + "\n")
    return message.as_bytes()
