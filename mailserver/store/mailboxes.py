"""Mailboxes and subscriptions: guarded names, and the clear counters that IMAP asks for.

A name is ciphertext to us; its keyed hash (`name_hash`) keeps it unique and finds it. A mailbox
has its counts in its own row, so that STATUS and LIST never count entries; whatever touches
entries keeps them right in the same transaction.
"""

from array import array
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition, Conflict, Transient
from mailserver.model.ids import AccountId, MailboxId, ModSeq, Uid
from mailserver.model.mailbox import Role
from mailserver.model.sealed import Guarded
from mailserver.store.access import Access, Done
from mailserver.store.changes import AccountChange, log, next_modseq
from mailserver.store.driver import Sql, fetch, fetch_one, run
from mailserver.store.expunging import drop_entries
from mailserver.store.keyword_names import NameRow


class NewMailbox(NamedTuple):
    """A mailbox to be made."""

    name: Guarded
    name_hash: bytes
    role: Role | None = None
    subscribed: bool = False


class MailboxRow(NamedTuple):
    """A mailbox as it stands."""

    id: MailboxId
    name: Guarded
    name_hash: bytes
    role: Role | None
    uid_validity: int
    uid_next: Uid
    recent_from: Uid
    highest_modseq: ModSeq
    total: int
    unseen: int
    deleted: int
    octets: int
    subscribed: bool
    sort_order: int | None
    """Where its owner put it among its siblings, if he did."""


class Selected(NamedTuple):
    r"""What SELECT needs: the mailbox, its UIDs, where \Recent begins, the first unseen."""

    row: MailboxRow
    uids: "array[int]"
    recent_from: Uid
    first_unseen: Uid | None


_COLUMNS = (
    "m.mailbox_id, m.name, m.name_hash, m.role, m.uid_validity, m.uid_next, m.recent_from,"
    " m.highest_modseq, m.total, m.unseen, m.deleted, m.octets, s.name_hash IS NOT NULL,"
    " m.sort_order"
)
_FROM = (
    "FROM mailboxes m LEFT JOIN subscriptions s"
    " ON s.account_id = m.account_id AND s.name_hash = m.name_hash WHERE m.account_id = ?"
)
_LISTING = Sql(f"SELECT {_COLUMNS} {_FROM} ORDER BY m.mailbox_id")
_ONE = Sql(f"SELECT {_COLUMNS} {_FROM} AND m.mailbox_id = ?")
_NUMBERS = Sql(
    "UPDATE accounts SET next_mailbox = next_mailbox + 1, next_uid_validity = next_uid_validity + 1"
    " WHERE account_id = ? RETURNING next_mailbox, next_uid_validity, modseq"
)
_INSERT = Sql(
    "INSERT INTO mailboxes (account_id, mailbox_id, name, name_hash, role, uid_validity, uid_next,"
    " recent_from, highest_modseq, total, unseen, deleted, octets)"
    " VALUES (?, ?, ?, ?, ?, ?, 1, 1, ?, 0, 0, 0, 0)"
)
_RENAME = Sql(
    "UPDATE mailboxes SET name = ?, name_hash = ? WHERE account_id = ? AND mailbox_id = ?"
)
_ORDER = Sql("UPDATE mailboxes SET sort_order = ? WHERE account_id = ? AND mailbox_id = ?")
_DELETE = Sql("DELETE FROM mailboxes WHERE account_id = ? AND mailbox_id = ?")
_BY_HASH = Sql("SELECT mailbox_id FROM mailboxes WHERE account_id = ? AND name_hash = ?")
_SUBSCRIBE = Sql(
    "INSERT INTO subscriptions (account_id, name_hash, name) VALUES (?, ?, ?)"
    " ON CONFLICT (account_id, name_hash) DO NOTHING"
)
_UNSUBSCRIBE = Sql("DELETE FROM subscriptions WHERE account_id = ? AND name_hash = ?")
_SUBSCRIPTIONS = Sql("SELECT name, name_hash FROM subscriptions WHERE account_id = ?")
_NAMED = Sql(f"SELECT {_COLUMNS} {_FROM} AND m.name_hash = ?")
# One row instead of one a UID: a third of the time, and one turn at the interpreter lock.
_UIDS_SQLITE = Sql(
    "SELECT group_concat(uid) FROM"
    " (SELECT uid FROM entries WHERE account_id = ? AND mailbox_id = ? ORDER BY uid)"
)
_UIDS_POSTGRES = Sql(
    "SELECT string_agg(uid::text, ',' ORDER BY uid) FROM entries"
    " WHERE account_id = ? AND mailbox_id = ?"
)
_FIRST_UNSEEN = Sql(
    "SELECT uid FROM entries WHERE account_id = ? AND mailbox_id = ? AND flags & 1 = 0"
    " ORDER BY uid LIMIT 1"
)
_RECENT = Sql("SELECT recent_from FROM mailboxes WHERE account_id = ? AND mailbox_id = ?")
_CLAIM_RECENT = Sql(
    "UPDATE mailboxes SET recent_from = uid_next WHERE account_id = ? AND mailbox_id = ?"
)


def _row(found: tuple[object, ...]) -> MailboxRow:
    row = MailboxRow._make(found)
    return row._replace(
        role=None if row.role is None else Role(row.role), subscribed=bool(row.subscribed)
    )


def mailbox_row(connection: Connection, account_id: AccountId, mailbox_id: MailboxId) -> MailboxRow:
    """Return one mailbox. Raises Absent (NO_SUCH_MAILBOX)."""
    found = fetch_one(connection, _ONE, (account_id, mailbox_id))
    if found is None:
        raise Absent(Condition.NO_SUCH_MAILBOX)
    return _row(found)


def mailbox_rows(connection: Connection, account_id: AccountId) -> list[MailboxRow]:
    """List the account's mailboxes in the order in which they were made."""
    return [_row(found) for found in fetch(connection, _LISTING, (account_id,))]


def insert_mailboxes(
    connection: Connection, account_id: AccountId, new: Sequence[NewMailbox]
) -> list[MailboxId]:
    """Make mailboxes within a transaction. Raises Conflict (ALREADY_EXISTS), Absent."""
    return [_insert(connection, account_id, mailbox) for mailbox in new]


def _insert(connection: Connection, account_id: AccountId, new: NewMailbox) -> MailboxId:
    counters = fetch_one(connection, _NUMBERS, (account_id,))
    if counters is None:
        raise Absent(Condition.NO_SUCH_USER)
    if fetch_one(connection, _BY_HASH, (account_id, new.name_hash)) is not None:
        raise Conflict(Condition.ALREADY_EXISTS, "a mailbox of that name exists")
    mailbox_id, uid_validity, modseq = counters[0] - 1, counters[1] - 1, counters[2]
    role = None if new.role is None else new.role.value
    run(
        connection,
        _INSERT,
        (account_id, mailbox_id, new.name, new.name_hash, role, uid_validity, modseq),
    )
    if new.subscribed:
        run(connection, _SUBSCRIBE, (account_id, new.name_hash, new.name))
    return MailboxId(mailbox_id)


def _create(
    connection: Connection, account_id: AccountId, new: NewMailbox, now: int
) -> Done[MailboxRow]:
    change = AccountChange(account_id, next_modseq(connection, account_id))
    mailbox_id = _insert(connection, account_id, new)
    change.mailboxes.append(mailbox_id)
    log(connection, [change], now)
    return Done(mailbox_row(connection, account_id, mailbox_id), change)


def _rename(
    connection: Connection,
    account_id: AccountId,
    names: Sequence[tuple[MailboxId, Guarded, bytes]],
    now: int,
) -> Done[None]:
    change = AccountChange(account_id, next_modseq(connection, account_id))
    for mailbox_id, name, name_hash in names:
        taken = fetch_one(connection, _BY_HASH, (account_id, name_hash))
        if taken is not None and taken[0] != mailbox_id:
            raise Conflict(Condition.ALREADY_EXISTS, "a mailbox of that name exists")
        if not run(connection, _RENAME, (name, name_hash, account_id, mailbox_id)):
            raise Absent(Condition.NO_SUCH_MAILBOX)
        change.mailboxes.append(mailbox_id)
    log(connection, [change], now)
    return Done(None, change)


def _delete(
    connection: Connection, account_id: AccountId, mailbox_id: MailboxId, now: int
) -> Done[None]:
    change = AccountChange(account_id, next_modseq(connection, account_id))
    mailbox_row(connection, account_id, mailbox_id)
    dropped = drop_entries(connection, change, mailbox_id, None)
    run(connection, _DELETE, (account_id, mailbox_id))
    change.mailboxes.append(mailbox_id)
    log(connection, [change], now)
    return Done(None, change, dropped)


def _order(
    connection: Connection,
    account_id: AccountId,
    mailbox_id: MailboxId,
    sort_order: int,
    now: int,
) -> Done[None]:
    change = AccountChange(account_id, next_modseq(connection, account_id))
    if not run(connection, _ORDER, (sort_order, account_id, mailbox_id)):
        raise Absent(Condition.NO_SUCH_MAILBOX)
    change.mailboxes.append(mailbox_id)
    log(connection, [change], now)
    return Done(None, change)


def _subscribe(
    connection: Connection,
    account_id: AccountId,
    name_hash: bytes,
    name: Guarded,
    now: int,
    *,
    subscribed: bool,
) -> Done[None]:
    if subscribed:
        changed = run(connection, _SUBSCRIBE, (account_id, name_hash, name))
    else:
        changed = run(connection, _UNSUBSCRIBE, (account_id, name_hash))
    of_mailbox = fetch_one(connection, _BY_HASH, (account_id, name_hash))
    if not changed or of_mailbox is None:
        return Done(None)
    change = AccountChange(account_id, next_modseq(connection, account_id))
    change.mailboxes.append(MailboxId(of_mailbox[0]))
    log(connection, [change], now)
    return Done(None, change)


def _claim_recent(
    connection: Connection, account_id: AccountId, mailbox_id: MailboxId
) -> Done[Uid]:
    r"""Take all that is \Recent for one session; the next one sees none of it (RFC 3501 §2.3.2)."""
    before = fetch_one(connection, _RECENT, (account_id, mailbox_id))
    if before is None:
        raise Absent(Condition.NO_SUCH_MAILBOX)
    run(connection, _CLAIM_RECENT, (account_id, mailbox_id))
    return Done(Uid(before[0]))


def _selected(connection: Connection, account_id: AccountId, mailbox_id: MailboxId) -> Selected:
    row = mailbox_row(connection, account_id, mailbox_id)
    uids: array[int] = array("I")
    if row.total:
        on_sqlite = connection.dialect.name == "sqlite"
        joined = fetch_one(
            connection, _UIDS_SQLITE if on_sqlite else _UIDS_POSTGRES, (account_id, mailbox_id)
        )
        if joined is not None and joined[0]:
            uids = array("I", map(int, joined[0].split(",")))
    first = None
    if row.unseen:
        first = fetch_one(connection, _FIRST_UNSEEN, (account_id, mailbox_id))
    return Selected(row, uids, row.recent_from, None if first is None else Uid(first[0]))


class Mailboxes:
    """The mailboxes of accounts."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def listing(self, account_id: AccountId) -> list[MailboxRow]:
        """List the account's mailboxes in the order in which they were made."""
        return await self._access.read_once(partial(mailbox_rows, account_id=account_id))

    async def get(self, account_id: AccountId, mailbox_id: MailboxId) -> MailboxRow:
        """Return one mailbox. Raises Absent (NO_SUCH_MAILBOX)."""
        return await self._access.read_once(
            partial(mailbox_row, account_id=account_id, mailbox_id=mailbox_id)
        )

    async def create(self, account_id: AccountId, new: NewMailbox) -> MailboxRow:
        """Make a mailbox with a UIDVALIDITY never used before. Raises Conflict, Absent."""
        now = self._access.now()
        return await self._access.write(
            account_id, partial(_create, account_id=account_id, new=new, now=now)
        )

    async def rename(
        self, account_id: AccountId, names: Sequence[tuple[MailboxId, Guarded, bytes]]
    ) -> None:
        """Give mailboxes new names (id, name, hash), all or none. Raises Conflict, Absent."""
        now = self._access.now()
        await self._access.write(
            account_id, partial(_rename, account_id=account_id, names=names, now=now)
        )

    async def delete(self, account_id: AccountId, mailbox_id: MailboxId) -> None:
        """Delete a mailbox and what lies only in it; a subscription stays. Raises Absent."""
        now = self._access.now()
        await self._access.write(
            account_id, partial(_delete, account_id=account_id, mailbox_id=mailbox_id, now=now)
        )

    async def set_subscribed(
        self, account_id: AccountId, name_hash: bytes, name: Guarded, *, subscribed: bool
    ) -> None:
        """Subscribe or unsubscribe a name, whether or not a mailbox has it (RFC 9051 §6.3.7)."""
        now = self._access.now()
        await self._access.write(
            account_id,
            partial(
                _subscribe,
                account_id=account_id,
                name_hash=name_hash,
                name=name,
                now=now,
                subscribed=subscribed,
            ),
        )

    async def set_order(
        self, account_id: AccountId, mailbox_id: MailboxId, sort_order: int
    ) -> None:
        """Put a mailbox in its place among its siblings (RFC 8621 §2). Raises Absent."""
        put = partial(
            _order,
            account_id=account_id,
            mailbox_id=mailbox_id,
            sort_order=sort_order,
            now=self._access.now(),
        )
        await self._access.write(account_id, put)

    async def by_name_hash(self, account_id: AccountId, name_hash: bytes) -> MailboxRow | None:
        """Return the mailbox whose name has this hash, if there is one."""
        found = await self._access.read_once(
            lambda c: fetch_one(c, _NAMED, (account_id, name_hash))
        )
        return None if found is None else _row(found)

    async def subscriptions(self, account_id: AccountId) -> list[NameRow]:
        """List the subscribed names."""
        rows = await self._access.read_once(lambda c: fetch(c, _SUBSCRIPTIONS, (account_id,)))
        return [NameRow._make(row) for row in rows]

    async def select(
        self, account_id: AccountId, mailbox_id: MailboxId, *, writable: bool
    ) -> Selected:
        r"""Open a mailbox; `writable` takes what is \Recent. Raises Absent (NO_SUCH_MAILBOX).

        While the disk is full it opens all the same, and what is \Recent stays so.
        """
        query = partial(_selected, account_id=account_id, mailbox_id=mailbox_id)
        selected = await self._access.read(query)
        if not writable or selected.row.recent_from == selected.row.uid_next:
            return selected
        claim = partial(_claim_recent, account_id=account_id, mailbox_id=mailbox_id)
        try:
            recent_from = await self._access.write(account_id, claim)
        except Transient as error:
            if error.condition is Condition.STORAGE_FULL:
                return selected
            raise
        return (await self._access.read(query))._replace(recent_from=recent_from)
