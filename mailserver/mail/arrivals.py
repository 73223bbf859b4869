"""Mail that is brought from elsewhere, in batches: into any mailbox, with its flags and its date.

The owner may be there (an import, under the session's own key) or away (mail that is fetched for
him, sealed as delivery seals it). A batch and the mark that says how far its source has come are
stored in one transaction: what was killed goes on where it was, no message lost, none twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mailserver.mail import letter
from mailserver.mail.destination import Destination
from mailserver.mail.keywords import KeywordTable
from mailserver.mail.mailboxes import canonical_name, new_mailbox
from mailserver.mail.opened import Opened, create_epoch
from mailserver.model.errors import Absent, Condition, Refused
from mailserver.model.ids import AccountId, MailboxId, ObjectId
from mailserver.model.mailbox import MAILBOXES_PER_ACCOUNT, SEPARATOR, Role
from mailserver.model.message import KEYWORD_OCTETS, Appended, NewMessage
from mailserver.runtime.offload import Offload
from mailserver.store.store import Store
from mailserver.store.transfers import Mark
from mailserver.vault.epochs import Deposits
from mailserver.vault.guard import AccountGuard, Kind
from mailserver.vault.seal import ContentKey


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message and every mailbox that is to hold it."""

    message: NewMessage
    mailboxes: tuple[MailboxId, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one mailbox of a source has come, in the words of whoever brings it."""

    source: bytes
    """As `Arrivals.name` names it."""
    place: bytes
    state: bytes


def name_of(guard: AccountGuard, *parts: bytes) -> bytes:
    """Return 16 octets, equal for equal `parts` of an account, that tell nothing of them."""
    return guard.name_hash("\0".join(part.hex() for part in (b"transfer", *parts)))


class Arrivals:
    """The way in for one account."""

    def __init__(
        self,
        store: Store,
        offload: Offload,
        account_id: AccountId,
        guard: AccountGuard,
        key: Callable[[], Awaitable[ContentKey]],
    ) -> None:
        """Seal each message under what `key` returns; see `for_owner` and `for_absent`."""
        self._store = store
        self._offload = offload
        self._account_id = account_id
        self._guard = guard
        self._key = key
        self._keywords = KeywordTable(store, account_id, guard)

    @classmethod
    def for_owner(cls, opened: Opened) -> "Arrivals":
        """Bring mail to somebody who is there."""
        unlocked = opened.unlocked
        return cls(
            opened.store, opened.offload, opened.account_id, unlocked.guard, opened.owner_key
        )

    @classmethod
    def for_absent(
        cls, destination: Destination, store: Store, deposits: Deposits, offload: Offload
    ) -> "Arrivals":
        """Bring mail to an account whether or not its owner is there."""
        identity = destination.identity
        create = create_epoch(store, identity.account)
        return cls(
            store,
            offload,
            identity.account,
            destination.guard,
            lambda: deposits.key_for(identity, create),
        )

    def name(self, *parts: bytes) -> bytes:
        """Return 16 octets, equal for equal `parts`, that tell nothing of them."""
        return name_of(self._guard, *parts)

    async def mailbox(self, name: str, role: Role | None = None) -> MailboxId:
        """Return the mailbox for a special use, else of that name; it is made where missing.

        Raises:
            Refused: LIMIT, the account has too many mailboxes.
            PeerFault: BAD_SYNTAX, it is no name.
        """
        name = canonical_name(name)
        rows = await self._store.mailboxes.listing(self._account_id)
        hashes = {row.name_hash: row.id for row in rows}
        for row in rows:
            if role is not None and row.role is role:
                return row.id
        levels = name.split(SEPARATOR)
        paths = [SEPARATOR.join(levels[: depth + 1]) for depth in range(len(levels))]
        missing = [path for path in paths if self._guard.name_hash(path) not in hashes]
        if len(rows) + len(missing) > MAILBOXES_PER_ACCOUNT:
            raise Refused(Condition.LIMIT, "this account has too many mailboxes")
        for path in missing:
            new = new_mailbox(self._guard, path, role if path == name else None)
            made = await self._store.mailboxes.create(self._account_id, new)
            hashes[made.name_hash] = made.id
        return hashes[self._guard.name_hash(name)]

    async def exists(self, mailbox_id: MailboxId) -> bool:
        """Say whether a mailbox is still there."""
        try:
            await self._store.mailboxes.get(self._account_id, mailbox_id)
        except Absent:
            return False
        return True

    async def subscribe(self, name: str) -> None:
        """Subscribe a name."""
        name = canonical_name(name)
        await self._store.mailboxes.set_subscribed(
            self._account_id,
            self._guard.name_hash(name),
            self._guard.seal_name(Kind.MAILBOX_NAME, name),
            subscribed=True,
        )

    async def store(
        self, arrivals: Sequence[Arrival], progress: Progress | None = None
    ) -> list[Appended]:
        """Store messages in their order, all or none, and how far this brings their source.

        Keywords that this account cannot have are left out: a message is worth more than they.

        Raises:
            Absent: NO_SUCH_MAILBOX, one is gone.
            Refused: OVER_QUOTA.
            Transient: nothing is stored.
        """
        emails = []
        for arrival in arrivals:
            message = arrival.message
            first, *others = arrival.mailboxes
            keywords = await self._numbers(message.keywords)
            scanned = await letter.scan(message.octets.reveal(), self._offload)
            email = await letter.seal(
                scanned,
                await self._key(),
                self._guard,
                first,
                offload=self._offload,
                internaldate=message.internaldate or datetime.now(UTC),
                flags=message.flags,
                keywords=keywords,
            )
            emails.append(replace(email, also=tuple(others)) if others else email)
            await asyncio.sleep(0)  # a batch is long; others have their turn
        mark = None if progress is None else self._mark(progress)
        return await self._store.emails.append_all(emails, mark)

    async def _numbers(self, keywords: frozenset[str]) -> tuple[int, ...]:
        numbers: set[int] = set()
        for keyword in sorted(keywords):
            if 0 < len(keyword.encode()) <= KEYWORD_OCTETS and keyword.isprintable():
                try:
                    numbers.update(await self._keywords.numbers([keyword]))
                except Refused:
                    continue  # the account has as many as it may
        return tuple(sorted(numbers))

    async def progress(self, source: bytes) -> dict[bytes, Progress]:
        """Return how far a source has come, by `place`."""
        marks = await self._store.transfers.marks(self._account_id, source)
        return {
            place: Progress(
                source, place, self._guard.open(Kind.TRANSFER, ObjectId(place), guarded)
            )
            for place, guarded in marks.items()
        }

    async def note(self, progress: Progress) -> None:
        """Write down how far a source has come, where there was nothing to store."""
        await self._store.transfers.mark(self._account_id, self._mark(progress))

    async def forget(self, source: bytes) -> None:
        """Forget a source: it will be brought anew."""
        await self._store.transfers.forget(self._account_id, source)

    def _mark(self, progress: Progress) -> Mark:
        state = self._guard.seal(Kind.TRANSFER, ObjectId(progress.place), progress.state)
        return Mark(progress.source, progress.place, state)
