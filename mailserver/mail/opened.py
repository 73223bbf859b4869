"""What the open connections of one account share: its keys and what was opened with them.

One `Opened` stands for one unlocked account in this process. It goes when the last connection of
the account closes; `rest` drops what can be read again (PRIVACY §6: ten minutes in IDLE).
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

from mailserver.mail.catalogue import Catalogue
from mailserver.mail.email_counts import Tally
from mailserver.mail.facts import Facts
from mailserver.mail.index_cache import IndexCache
from mailserver.mail.keywords import KeywordTable
from mailserver.mail.lessons import Lesson, Lessons
from mailserver.model.change import Change, MailboxChange
from mailserver.model.errors import Transient
from mailserver.model.ids import AccountId, EpochId, MailboxId
from mailserver.model.message import (
    EntryFlags,
    Flag,
)
from mailserver.model.sealed import Sealed
from mailserver.runtime.log import get_logger
from mailserver.runtime.offload import Offload
from mailserver.store.changes import AccountChange
from mailserver.store.epochs import EpochRow, NewEpoch
from mailserver.store.store import Store
from mailserver.vault.epochs import CreateEpoch, NewEpochValues
from mailserver.vault.seal import ContentKey
from mailserver.vault.session import UnlockedAccount

log = get_logger("mail")

REGROUP_LOOSE = 256  # as many as fill a list block
FACTS_KEPT = 32  # mailboxes whose facts stay in memory for one account


def create_epoch(store: Store, account_id: AccountId) -> CreateEpoch:
    """Return what stores the next epoch of an account, for the vault to fill."""

    async def create(make: Callable[[EpochId], NewEpochValues]) -> EpochRow:
        def numbered(epoch: EpochId) -> NewEpoch:
            new = make(epoch)
            return NewEpoch(
                origin=new.origin,
                generation=new.generation,
                suite=new.suite,
                sealed=Sealed(new.sealed),
                dep_kid=new.dep_kid,
                dep_mac=new.dep_mac,
                created_at=datetime.now(UTC),
            )

        return await store.epochs.create(account_id, numbered)

    return create


class Opened:
    """An unlocked account and its caches."""

    def __init__(
        self,
        unlocked: UnlockedAccount,
        store: Store,
        offload: Offload,
        index: IndexCache,
        settle: Callable[["Opened"], None],
        regroup: Callable[["Opened"], None],
        learn: Callable[["Opened"], None],
    ) -> None:
        """Start with nothing opened but the account key.

        `settle` starts all background work on an account, `regroup` that on its list blocks,
        `learn` takes its lessons.
        """
        self._settle = settle
        self._regroup = regroup
        self._learn = learn
        self.unlocked = unlocked
        self.store = store
        self.offload = offload
        self.index = index
        self.places: dict[str, MailboxId] = {}
        """Mailboxes by canonical name, until one of them changes."""
        self.settling = False
        """Whether background work on the account is under way."""
        self.regrouping = False
        """Whether list blocks are being made."""
        self.lessons = Lessons()
        self.learning = False
        """Whether lessons are being taken."""
        self._loose = 0
        self.index_lock = asyncio.Lock()
        self._facts: dict[MailboxId, Facts] = {}
        self.catalogue: Catalogue | None = None
        """The emails of the account, as of some time ago; None until somebody asks by email."""
        self.tally: Tally | None = None
        """What the mailboxes of that catalogue show; None until somebody asks."""
        self.catalogue_lock = asyncio.Lock()
        self.keywords = KeywordTable(store, unlocked.account_id, unlocked.guard)

    @property
    def account_id(self) -> AccountId:
        """Whose it is."""
        return self.unlocked.account_id

    def settle(self) -> None:
        """Have epochs converted and tails merged in the background, if that is not under way."""
        if not self.settling:
            self.settling = True
            self._settle(self)

    def met(self, loose: int) -> None:
        """Count messages that came or were listed one by one; many of them are worth regrouping."""
        self._loose += loose
        if self._loose >= REGROUP_LOOSE and not self.regrouping:
            self._loose = 0
            self.regrouping = True
            self._regroup(self)

    def show(self, lesson: Lesson | None) -> None:
        """Have something learned in the background, if there is anything to learn from it."""
        if lesson is None:
            return
        self.lessons.add(lesson)
        if not self.learning:
            self.learning = True
            self._learn(self)

    def rest(self) -> None:
        """Drop content keys, search text and facts; they are read again when needed."""
        self.unlocked.drop_content_keys()
        self.index.clear()
        self._facts.clear()
        self.catalogue = self.tally = None

    async def open_epochs(self, epochs: Collection[EpochId]) -> None:
        """Have the content keys of `epochs` at hand."""
        missing = self.unlocked.unknown(epochs)
        if not missing:
            return
        rows = await self.store.epochs.rows(self.account_id, missing)
        refused = self.unlocked.open_epochs(rows)
        await self._convert(rows)
        for epoch in refused:
            refusal = self.unlocked.refusal(epoch)
            log.error(
                "epoch refused", epoch=epoch, condition=refusal.condition.name if refusal else ""
            )

    async def _convert(self, rows: Sequence[EpochRow]) -> None:
        """Wrap what a KEM opened under the session's own key, so that it is paid only once."""
        wraps = [(epoch, Sealed(sealed)) for epoch, sealed in self.unlocked.rewraps(rows)]
        try:
            await self.store.epochs.rewrap(self.account_id, wraps)
        except Transient as error:  # a full disk must not keep anybody from reading
            log.warning("epochs not converted", condition=error.condition.name)

    async def owner_key(self) -> ContentKey:
        """Return the content key under which this session seals."""
        return await self.unlocked.owner_key(create_epoch(self.store, self.account_id))

    def facts(self, mailbox_id: MailboxId) -> Facts:
        """Return what is known of a mailbox's messages; the caller refreshes it."""
        facts = self._facts.pop(mailbox_id, None) or Facts()
        while len(self._facts) >= FACTS_KEPT:
            self._facts.pop(next(iter(self._facts)))
        self._facts[mailbox_id] = facts
        return facts

    def named(self, change: AccountChange) -> Change | None:
        """Put names to the keyword numbers of a change; None where one is not known yet."""
        entries = []
        for entry in change.entries:
            flagged = []
            for row in entry.flagged:
                names = self.keywords.at_hand(row.keywords)
                if names is None:
                    return None
                flagged.append(EntryFlags(row.uid, Flag(row.flags), names, row.modseq))
            entries.append(MailboxChange(entry.mailbox_id, entry.appeared, entry.vanished, flagged))
        return Change(
            change.account_id,
            change.modseq,
            entries,
            change.mailboxes,
            change.emails_destroyed,
            records=change.records,
        )
