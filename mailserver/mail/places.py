"""Which mailbox mail goes to while its reader is away: by use, or by name, made where missing."""

from mailserver.mail.destination import Destination
from mailserver.mail.filing import Filed
from mailserver.mail.keywords import KeywordTable
from mailserver.mail.mailboxes import canonical_name, new_mailbox
from mailserver.model.errors import Absent, Condition, Refused
from mailserver.model.ids import AccountId, MailboxId
from mailserver.model.mailbox import INBOX, MAILBOXES_PER_ACCOUNT, SEPARATOR, Role
from mailserver.model.message import Keywords
from mailserver.store.store import Store


class Places:
    """The mailboxes of accounts as delivery sees them."""

    def __init__(self, store: Store) -> None:
        """Look in `store`, and make there what is to be made."""
        self._store = store
        self._inboxes: dict[AccountId, MailboxId] = {}

    async def inbox(self, holder: Destination) -> MailboxId:
        """Return the account's INBOX, which is always there once found.

        Raises:
            Absent: NO_SUCH_MAILBOX, it has none.
        """
        account_id = holder.identity.account
        known = self._inboxes.get(account_id)
        if known is None:
            row = await self._store.mailboxes.by_name_hash(
                account_id, holder.guard.name_hash(INBOX)
            )
            if row is None:
                raise Absent(Condition.NO_SUCH_MAILBOX, "the account has no INBOX")
            known = self._inboxes[account_id] = row.id
        return known

    async def of(self, holder: Destination, filed: Filed, *, junk: bool) -> MailboxId:
        """Return where a message goes; by default INBOX, or Junk for what is `junk`.

        Raises:
            Refused: LIMIT, a mailbox would have to be made, and the account has too many.
        """
        if filed.mailbox_id is not None:
            return filed.mailbox_id
        if filed.name is not None:
            return await self.named(holder, filed.name)
        if junk:
            return await self.used_for(holder, Role.JUNK)
        return await self.inbox(holder)

    async def used_for(self, holder: Destination, role: Role) -> MailboxId:
        """Return the mailbox of a special use; INBOX where the reader has none."""
        for row in await self._store.mailboxes.listing(holder.identity.account):
            if row.role is role:
                return row.id
        return await self.inbox(holder)

    async def named(self, holder: Destination, name: str, role: Role | None = None) -> MailboxId:
        """Return the mailbox for a special use, else of that name, made with the levels above it.

        Raises:
            Refused: LIMIT, the account has too many mailboxes.
            PeerFault: BAD_SYNTAX, it is no name.
        """
        name, guard, account_id = canonical_name(name), holder.guard, holder.identity.account
        rows = await self._store.mailboxes.listing(account_id)
        hashes = {row.name_hash: row.id for row in rows}
        for row in rows:
            if role is not None and row.role is role:
                return row.id
        levels = name.split(SEPARATOR)
        paths = [SEPARATOR.join(levels[: depth + 1]) for depth in range(len(levels))]
        missing = [path for path in paths if guard.name_hash(path) not in hashes]
        if len(rows) + len(missing) > MAILBOXES_PER_ACCOUNT:
            raise Refused(Condition.LIMIT, "this account has too many mailboxes")
        for path in missing:
            new = new_mailbox(guard, path, role if path == name else None, subscribed=True)
            made = await self._store.mailboxes.create(account_id, new)
            hashes[made.name_hash] = made.id
        return hashes[guard.name_hash(name)]

    async def keywords(self, holder: Destination, names: Keywords) -> tuple[int, ...]:
        """Return the numbers of keywords; those that the account cannot have are left out."""
        if not names:
            return ()
        table = KeywordTable(self._store, holder.identity.account, holder.guard)
        numbers: set[int] = set()
        for name in sorted(names):
            try:
                numbers.update(await table.numbers([name]))
            except Refused:
                continue  # a message is worth more than its keyword
        return tuple(sorted(numbers))

    def forget(self, account_id: AccountId) -> None:
        """Drop what is at hand of an account that was erased."""
        self._inboxes.pop(account_id, None)
