"""Mailboxes by name: create, rename, delete, subscribe, open (RFC 9051 §5.1, §6.3).

Names are guarded, and found by their keyed hash; the hierarchy is in the path, so a name may have
children and not exist itself.
"""

import unicodedata

from mailserver.mail.opened import Opened
from mailserver.model.errors import Absent, Condition, Conflict, PeerFault, Refused
from mailserver.model.ids import MailboxId
from mailserver.model.mailbox import (
    HIERARCHY_DEPTH,
    INBOX,
    MAILBOXES_PER_ACCOUNT,
    NAME_OCTETS,
    SEPARATOR,
    Mailbox,
    MailboxView,
    Role,
)
from mailserver.model.message import Keywords
from mailserver.store.mailboxes import MailboxRow, NewMailbox
from mailserver.vault.guard import AccountGuard, Kind


def canonical_name(name: str) -> str:
    """Return the form in which a mailbox name is kept: NFC, INBOX in upper case.

    Raises:
        PeerFault: it is empty, too long or too deep, or has an empty level or a control character.
    """
    name = unicodedata.normalize("NFC", name)
    first, separator, rest = name.partition(SEPARATOR)
    if first.upper() == INBOX:
        name = INBOX + separator + rest
    levels = name.split(SEPARATOR)
    if (
        not all(levels)
        or len(levels) > HIERARCHY_DEPTH
        or len(name.encode("utf-8", "surrogatepass")) > NAME_OCTETS
        or any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
    ):
        raise PeerFault(Condition.BAD_SYNTAX, "this is not a mailbox name")
    return name


def new_mailbox(
    guard: AccountGuard, name: str, role: Role | None, *, subscribed: bool = False
) -> NewMailbox:
    """Return the row of a mailbox to be, its name guarded."""
    return NewMailbox(
        name=guard.seal_name(Kind.MAILBOX_NAME, name),
        name_hash=guard.name_hash(name),
        role=role,
        subscribed=subscribed,
    )


class Mailboxes:
    """The mailboxes of one unlocked account."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._guard = opened.unlocked.guard
        self._rows = opened.store.mailboxes

    async def listing(self) -> list[Mailbox]:
        """Return every mailbox, INBOX first, the others by name."""
        rows = await self._rows.listing(self._opened.account_id)
        mailboxes = [self._mailbox(row) for row in rows]
        return sorted(mailboxes, key=lambda mailbox: (mailbox.name != INBOX, mailbox.name))

    async def named(self, name: str) -> Mailbox:
        """Return the mailbox of that name.

        Raises:
            Absent: there is none.
        """
        name_hash = self._hash(canonical_name(name))
        row = await self._rows.by_name_hash(self._opened.account_id, name_hash)
        if row is None:
            raise Absent(Condition.NO_SUCH_MAILBOX, "there is no mailbox of that name")
        return self._mailbox(row)

    async def place(self, name: str) -> MailboxId:
        """Return which mailbox has that name; it is looked up once until mailboxes change.

        Raises:
            Absent: there is none.
        """
        name = canonical_name(name)
        if not self._opened.places:
            await self._opened.store.follow(self._opened.account_id)
        places = self._opened.places
        found = places.get(name)
        if found is None:
            found = places[name] = (await self.named(name)).id
        return found

    async def create(self, name: str, role: Role | None = None) -> Mailbox:
        """Create a mailbox and, where they are missing, the levels above it (RFC 9051 §6.3.4).

        Raises:
            Conflict: it exists, or another mailbox has that role.
            Refused: the account has too many.
        """
        name = canonical_name(name.removesuffix(SEPARATOR))
        existing = {mailbox.name: mailbox for mailbox in await self.listing()}
        if name in existing:
            raise Conflict(Condition.ALREADY_EXISTS, "a mailbox of that name exists")
        if role and any(mailbox.role is role for mailbox in existing.values()):
            raise Conflict(Condition.ALREADY_EXISTS, "another mailbox has this special use")
        new = [new_mailbox(self._guard, level, None) for level in _above(name, existing)]
        new.append(new_mailbox(self._guard, name, role))
        if len(existing) + len(new) > MAILBOXES_PER_ACCOUNT:
            raise Refused(Condition.LIMIT, "this account has too many mailboxes")
        rows = [await self._rows.create(self._opened.account_id, each) for each in new]
        return self._mailbox(rows[-1])

    async def delete(self, name: str) -> None:
        """Delete a mailbox with all its messages; its children stay (RFC 9051 §6.3.5).

        Raises:
            Refused: it is INBOX.
        """
        mailbox = await self.named(name)
        if mailbox.name == INBOX:
            raise Refused(Condition.NOT_PERMITTED, "INBOX cannot be deleted")
        await self._rows.delete(self._opened.account_id, mailbox.id)

    async def rename(self, old: str, new: str) -> None:
        """Rename a mailbox and everything below it (RFC 9051 §6.3.6).

        Renaming INBOX moves its messages to the new mailbox and leaves INBOX empty.
        """
        source, target = await self.named(old), canonical_name(new.removesuffix(SEPARATOR))
        existing = {mailbox.name: mailbox for mailbox in await self.listing()}
        if target in existing:
            raise Conflict(Condition.ALREADY_EXISTS, "a mailbox of that name exists")
        if target.startswith(source.name + SEPARATOR):
            raise Refused(Condition.NOT_PERMITTED, "a mailbox cannot move below itself")
        if source.name == INBOX:
            created = await self.create(target)
            await self._opened.store.entries.move(
                self._opened.account_id, source.id, None, created.id
            )
            return
        renamed = []
        for mailbox in existing.values():
            if mailbox.name == source.name or mailbox.name.startswith(source.name + SEPARATOR):
                name = canonical_name(target + mailbox.name[len(source.name) :])
                row = new_mailbox(self._guard, name, None)
                renamed.append((mailbox.id, row.name, row.name_hash))
        for level in _above(target, existing):
            await self._rows.create(self._opened.account_id, new_mailbox(self._guard, level, None))
        await self._rows.rename(self._opened.account_id, renamed)

    async def subscribe(self, name: str) -> None:
        """Add a name to the subscriptions, whether or not the mailbox exists."""
        await self._set_subscribed(name, subscribed=True)

    async def unsubscribe(self, name: str) -> None:
        """Take a name off the subscriptions."""
        await self._set_subscribed(name, subscribed=False)

    async def put(self, mailbox_id: MailboxId, sort_order: int) -> None:
        """Put a mailbox in its place among its siblings, lower numbers first.

        Raises:
            Absent: there is none of that id.
        """
        await self._rows.set_order(self._opened.account_id, mailbox_id, sort_order)

    async def subscriptions(self) -> list[str]:
        """Return the subscribed names, in order."""
        rows = await self._rows.subscriptions(self._opened.account_id)
        return sorted(
            self._guard.open_name(Kind.MAILBOX_NAME, row.name_hash, row.name) for row in rows
        )

    async def open(self, mailbox_id: MailboxId, *, writable: bool) -> MailboxView:
        r"""Open a mailbox for one session; only a writable one takes the \\Recent messages."""
        selected = await self._rows.select(self._opened.account_id, mailbox_id, writable=writable)
        return MailboxView(
            mailbox=self._mailbox(selected.row),
            uids=selected.uids,
            recent_from=selected.recent_from,
            first_unseen=selected.first_unseen,
        )

    async def keywords(self) -> Keywords:
        """Return the keywords in use, the same for every mailbox of the account."""
        return await self._opened.keywords.all()

    async def _set_subscribed(self, name: str, *, subscribed: bool) -> None:
        name = canonical_name(name)
        await self._rows.set_subscribed(
            self._opened.account_id,
            self._hash(name),
            self._guard.seal_name(Kind.MAILBOX_NAME, name),
            subscribed=subscribed,
        )

    def _hash(self, name: str) -> bytes:
        return self._guard.name_hash(name)

    def _mailbox(self, row: MailboxRow) -> Mailbox:
        return Mailbox(
            id=row.id,
            name=self._guard.open_name(Kind.MAILBOX_NAME, row.name_hash, row.name),
            role=row.role,
            uid_validity=row.uid_validity,
            uid_next=row.uid_next,
            highest_modseq=row.highest_modseq,
            total=row.total,
            unseen=row.unseen,
            deleted=row.deleted,
            octets=row.octets,
            subscribed=row.subscribed,
            sort_order=row.sort_order,
        )


def _above(name: str, existing: dict[str, Mailbox]) -> list[str]:
    """Return the missing levels above `name`, the highest first."""
    levels = name.split(SEPARATOR)[:-1]
    paths = [SEPARATOR.join(levels[: depth + 1]) for depth in range(len(levels))]
    return [path for path in paths if path not in existing]
