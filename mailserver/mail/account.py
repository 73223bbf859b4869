"""An unlocked account in the hands of one connection: what an edge may do with it, and no more."""

from collections.abc import Callable
from typing import Protocol

from mailserver.mail.arranging import Arranging
from mailserver.mail.arrivals import Arrivals
from mailserver.mail.email_changes import EmailChanges
from mailserver.mail.email_query import EmailQueries
from mailserver.mail.emails import Emails
from mailserver.mail.exports import Exports
from mailserver.mail.feed import Feed, Watch
from mailserver.mail.index import Index
from mailserver.mail.lines import Lines
from mailserver.mail.mailboxes import Mailboxes
from mailserver.mail.messages import Messages
from mailserver.mail.opened import Opened
from mailserver.mail.posted import Posted
from mailserver.mail.records import Records
from mailserver.mail.regrouping import Regrouping
from mailserver.mail.search import Search
from mailserver.mail.submission import Submitter
from mailserver.mail.uploads import Uploads
from mailserver.model.address import Address
from mailserver.model.ids import AccountId
from mailserver.vault.guard import AccountGuard
from mailserver.vault.session import UnlockedAccount


class Hold(Protocol):
    """One connection's hold on an open account (`accounts` leases them)."""

    @property
    def account(self) -> UnlockedAccount:
        """The account, locked once nobody holds it."""
        ...

    @property
    def address(self) -> str:
        """The account's own name."""
        ...

    @property
    def scopes(self) -> frozenset[str] | None:
        """What the app password behind it may be used for; None where it was none."""
        ...

    def on_end(self, tell: Callable[[object], None]) -> None:
        """Call `tell` when the hold is taken away: revoked, expired, shut down."""
        ...

    async def close(self) -> None:
        """Give the account back."""
        ...


class Account:
    """Mailboxes, messages and search of one account, until it is closed."""

    def __init__(
        self,
        opened: Opened,
        feed: Feed,
        hold: Hold,
        released: Callable[[], None],
    ) -> None:
        """Act on `opened` while `hold` lasts; `released` is told when it was given back."""
        self.address = hold.address
        self.scopes = hold.scopes
        """What the app password that opened it may be used for; None where it was none."""
        self.mailboxes = Mailboxes(opened)
        self.messages = Messages(opened)
        self.lines = Lines(opened)
        self.regrouping = Regrouping(opened)
        self.index = Index(opened)
        self.arrivals = Arrivals.for_owner(opened)
        self.searching = Search(opened, self.messages, self.index)
        self.emails = Emails(opened)
        self.email_changes = EmailChanges(opened, self.emails)
        self.email_queries = EmailQueries(opened, self.emails, self.index)
        self.arranging = Arranging(opened, self.emails)
        self.records = Records(opened)
        self.posted = Posted(opened)
        self.uploads = Uploads(opened)
        self.exports = Exports(opened)
        self._opened = opened
        self._feed = feed
        self._hold = hold
        self._released = released
        self.closed = False
        """Whether it was given back."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address that is the owner's, the account's own name first."""
        return self._opened.unlocked.addresses

    @property
    def guard(self) -> AccountGuard:
        """Opens what is guarded, for services of the same account that work while it is locked."""
        return self._opened.unlocked.guard

    @property
    def submitter(self) -> Submitter:
        """The owner, who writes in the webmail or by an API."""
        own = tuple(map(Address.parse, self.addresses))
        return Submitter(self.account_id, own[0], own)

    @property
    def account_id(self) -> AccountId:
        """Whose it is."""
        return self._opened.account_id

    async def watch(self, wake: Callable[[], None]) -> Watch:
        """Watch the account's changes, whichever process makes them; `wake` runs on the event loop.

        Whatever is read after this returns is followed up without a gap.

        Raises:
            Transient: the store does not answer.
        """
        watch = self._feed.watch(self.account_id, self._opened.named, wake)
        try:
            await self._opened.store.follow(self.account_id)
        except BaseException:
            watch.close()
            raise
        return watch

    def rest(self) -> None:
        """Drop what can be opened again, for a connection that has long been idle."""
        self._opened.rest()

    def on_end(self, tell: Callable[[object], None]) -> None:
        """Call `tell` on the event loop when the account is taken away from this connection."""
        self._hold.on_end(tell)

    async def close(self) -> None:
        """Give the key back; closing twice is nothing."""
        self.closed = True
        await self._hold.close()
        self._released()

    def __repr__(self) -> str:
        """Say that it is one, not whose."""
        return "<account, locked>" if self._opened.unlocked.closed else "<account, open>"
