"""Scripts, the settings that stand for one, and what a filter remembers of messages."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import IntEnum
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition, Conflict, Refused
from mailserver.model.ids import AccountId, ObjectId
from mailserver.model.sealed import Guarded
from mailserver.store.access import Access, Done
from mailserver.store.driver import Lookup, Sql, fetch, fetch_one, run, run_many
from mailserver.store.instants import to_microseconds


class Setting(IntEnum):
    """What a row of settings is. Stored: never renumber."""

    SCRIPT = 0
    """Not a setting: the active script, where both are listed together."""
    VACATION = 1
    FORWARDING = 2
    FAILURE = 3


class ScriptRow(NamedTuple):
    """A script without its content."""

    name_hash: bytes
    name: Guarded
    object_id: ObjectId
    size_octets: int
    active: bool


class NewScript(NamedTuple):
    """A script to be stored, in the place of one of the same name."""

    name_hash: bytes
    name: Guarded
    object_id: ObjectId
    content: Guarded
    size_octets: int


class SettingRow(NamedTuple):
    """A setting as it stands; of a script only its object id."""

    setting: Setting
    object_id: ObjectId
    value: Guarded


_COLUMNS = "name_hash, name, object_id, size_octets, active"
_LISTING = Sql(f"SELECT {_COLUMNS} FROM sieve_scripts WHERE account_id = ?")  # noqa: S608 (ours)
_ONE = Sql(f"SELECT {_COLUMNS} FROM sieve_scripts WHERE account_id = ? AND name_hash = ?")  # noqa: S608
_CONTENT = Sql(
    "SELECT object_id, content FROM sieve_scripts WHERE account_id = ? AND name_hash = ?"
)
_BY_OBJECT = Sql("SELECT content FROM sieve_scripts WHERE account_id = ? AND object_id = ?")
_INSERT = Sql(
    "INSERT INTO sieve_scripts (account_id, name_hash, name, object_id, content, size_octets,"
    " active) VALUES (?, ?, ?, ?, ?, ?, 0)"
)
_REPLACE = Sql(
    "UPDATE sieve_scripts SET name = ?, object_id = ?, content = ?, size_octets = ?"
    " WHERE account_id = ? AND name_hash = ?"
)
_DELETE = Sql("DELETE FROM sieve_scripts WHERE account_id = ? AND name_hash = ?")
_RENAME = Sql(
    "UPDATE sieve_scripts SET name_hash = ?, name = ? WHERE account_id = ? AND name_hash = ?"
)
_ACTIVATE = Sql("UPDATE sieve_scripts SET active = ? WHERE account_id = ? AND name_hash = ?")
_DEACTIVATE = Sql("UPDATE sieve_scripts SET active = 0 WHERE account_id = ? AND active = 1")
# One statement for each delivery; the content itself is read only when it is not at hand.
_PLAN = Sql(
    "SELECT 0, object_id, substr(content, 1, 0) FROM sieve_scripts"
    " WHERE account_id = ? AND active = 1"
    " UNION ALL SELECT setting, object_id, value FROM sieve_settings WHERE account_id = ?"
)
_SETTING = Sql(
    "SELECT setting, object_id, value FROM sieve_settings WHERE account_id = ? AND setting = ?"
)
_SET = Sql(
    "INSERT INTO sieve_settings (account_id, setting, object_id, value, at) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (account_id, setting) DO UPDATE"
    " SET object_id = excluded.object_id, value = excluded.value, at = excluded.at"
)
_UNSET = Sql("DELETE FROM sieve_settings WHERE account_id = ? AND setting = ?")
_CLAIM = Sql(
    "INSERT INTO sieve_seen (account_id, hash, expires_at) VALUES (?, ?, ?)"
    " ON CONFLICT (account_id, hash) DO UPDATE SET expires_at = excluded.expires_at"
    " WHERE sieve_seen.expires_at <= ?"
)
_REMEMBER = Sql(
    "INSERT INTO sieve_seen (account_id, hash, expires_at) VALUES (?, ?, ?)"
    " ON CONFLICT (account_id, hash) DO UPDATE SET expires_at = excluded.expires_at"
)
_SEEN = Lookup("hash, expires_at", "sieve_seen", [("account_id", "bytea"), ("hash", "bytea")])
_FORGET = Sql("DELETE FROM sieve_seen WHERE account_id = ? AND expires_at <= ?")


def _row(found: tuple[object, ...]) -> ScriptRow:
    row = ScriptRow._make(found)
    return row._replace(active=bool(row.active))


def _missing() -> Absent:
    return Absent(Condition.NO_SUCH_SCRIPT, "there is no script of that name")


def _put(
    connection: Connection, account_id: AccountId, new: NewScript, most: int, octets: int
) -> Done[None]:
    rows = [_row(found) for found in fetch(connection, _LISTING, (account_id,))]
    others = [row for row in rows if row.name_hash != new.name_hash]
    if sum(row.size_octets for row in others) + new.size_octets > octets:
        raise Refused(Condition.OVER_QUOTA, f"scripts may take {octets} octets together")
    if len(others) < len(rows):
        values = (new.name, new.object_id, new.content, new.size_octets)
        run(connection, _REPLACE, (*values, account_id, new.name_hash))
        return Done(None)
    if len(others) >= most:
        raise Refused(Condition.LIMIT, f"{most} scripts are the most; delete one first")
    run(
        connection,
        _INSERT,
        (account_id, new.name_hash, new.name, new.object_id, new.content, new.size_octets),
    )
    return Done(None)


def _activate(connection: Connection, account_id: AccountId, name_hash: bytes | None) -> Done[None]:
    run(connection, _DEACTIVATE, (account_id,))
    if name_hash is not None and not run(connection, _ACTIVATE, (1, account_id, name_hash)):
        raise _missing()
    return Done(None)


def _delete(connection: Connection, account_id: AccountId, name_hash: bytes) -> Done[None]:
    found = fetch_one(connection, _ONE, (account_id, name_hash))
    if found is None:
        raise _missing()
    if _row(found).active:
        raise Conflict(Condition.SCRIPT_ACTIVE, "this script is active; deactivate it first")
    run(connection, _DELETE, (account_id, name_hash))
    return Done(None)


def _rename(
    connection: Connection, account_id: AccountId, old: bytes, new: tuple[bytes, Guarded]
) -> Done[None]:
    if fetch_one(connection, _ONE, (account_id, old)) is None:
        raise _missing()
    if fetch_one(connection, _ONE, (account_id, new[0])) is not None:
        raise Conflict(Condition.ALREADY_EXISTS, "a script of that name exists")
    run(connection, _RENAME, (*new, account_id, old))
    return Done(None)


def _set(
    connection: Connection,
    account_id: AccountId,
    setting: Setting,
    value: tuple[ObjectId, Guarded] | None,
    now: int,
) -> Done[None]:
    if value is None:
        run(connection, _UNSET, (account_id, int(setting)))
    else:
        run(connection, _SET, (account_id, int(setting), *value, now))
    return Done(None)


def _claim(
    connection: Connection, account_id: AccountId, hash_: bytes, until: int, now: int
) -> Done[bool]:
    claimed = run(connection, _CLAIM, (account_id, hash_, until, now))
    return Done(claimed > 0)


def _remember(
    connection: Connection, account_id: AccountId, rows: Sequence[tuple[bytes, int]], now: int
) -> Done[None]:
    run(connection, _FORGET, (account_id, now))
    run_many(connection, _REMEMBER, [(account_id, hash_, until) for hash_, until in rows])
    return Done(None)


class Sieve:
    """What filtering keeps of accounts."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def listing(self, account_id: AccountId) -> list[ScriptRow]:
        """List the account's scripts, in no order."""
        rows = await self._access.read_once(lambda c: fetch(c, _LISTING, (account_id,)))
        return [_row(found) for found in rows]

    async def content(self, account_id: AccountId, name_hash: bytes) -> tuple[ObjectId, Guarded]:
        """Return a script. Raises Absent (NO_SUCH_SCRIPT)."""
        found = await self._access.read_once(
            lambda c: fetch_one(c, _CONTENT, (account_id, name_hash))
        )
        if found is None:
            raise _missing()
        return ObjectId(found[0]), Guarded(found[1])

    async def by_object(self, account_id: AccountId, object_id: ObjectId) -> Guarded | None:
        """Return the script stored under that name, if it is still there."""
        found = await self._access.read_once(
            lambda c: fetch_one(c, _BY_OBJECT, (account_id, object_id))
        )
        return None if found is None else Guarded(found[0])

    async def put(
        self, account_id: AccountId, new: NewScript, *, most: int, most_octets: int
    ) -> None:
        """Store a script, in the place of one of the same name, which stays active if it was.

        Raises:
            Refused: LIMIT, the account has `most`; OVER_QUOTA, with others over `most_octets`.
        """
        await self._access.write(
            account_id,
            partial(_put, account_id=account_id, new=new, most=most, octets=most_octets),
        )

    async def activate(self, account_id: AccountId, name_hash: bytes | None) -> None:
        """Make a script the one that runs, or none. Raises Absent (NO_SUCH_SCRIPT)."""
        await self._access.write(
            account_id, partial(_activate, account_id=account_id, name_hash=name_hash)
        )

    async def delete(self, account_id: AccountId, name_hash: bytes) -> None:
        """Delete a script. Raises Absent, Conflict (SCRIPT_ACTIVE)."""
        await self._access.write(
            account_id, partial(_delete, account_id=account_id, name_hash=name_hash)
        )

    async def rename(
        self, account_id: AccountId, old: bytes, name_hash: bytes, name: Guarded
    ) -> None:
        """Give a script another name. Raises Absent, Conflict (ALREADY_EXISTS)."""
        await self._access.write(
            account_id,
            partial(_rename, account_id=account_id, old=old, new=(name_hash, name)),
        )

    async def plan(self, account_id: AccountId) -> list[SettingRow]:
        """Return what runs when mail comes: the active script's place, and every setting."""
        rows = await self._access.read_once(lambda c: fetch(c, _PLAN, (account_id, account_id)))
        return [SettingRow(Setting(kind), ObjectId(id_), Guarded(v)) for kind, id_, v in rows]

    async def setting(self, account_id: AccountId, setting: Setting) -> SettingRow | None:
        """Return one setting, if it was ever made."""
        found = await self._access.read_once(
            lambda c: fetch_one(c, _SETTING, (account_id, int(setting)))
        )
        return None if found is None else SettingRow(Setting(found[0]), *found[1:])

    async def set(
        self, account_id: AccountId, setting: Setting, value: tuple[ObjectId, Guarded] | None
    ) -> None:
        """Make a setting, or take it back."""
        now = self._access.now()
        await self._access.write(
            account_id,
            partial(_set, account_id=account_id, setting=setting, value=value, now=now),
        )

    async def claim(self, account_id: AccountId, hash_: bytes, until: datetime) -> bool:
        """Take an id for oneself until an instant; False where somebody has it already."""
        limit, now = to_microseconds(until), self._access.now()
        return await self._access.write(
            account_id,
            partial(_claim, account_id=account_id, hash_=hash_, until=limit, now=now),
        )

    async def remember(self, account_id: AccountId, seen: Sequence[tuple[bytes, datetime]]) -> None:
        """Remember ids until an instant, and forget the account's that are past theirs."""
        rows = [(hash_, to_microseconds(until)) for hash_, until in seen]
        now = self._access.now()
        await self._access.write(
            account_id, partial(_remember, account_id=account_id, rows=rows, now=now)
        )

    async def seen(self, account_id: AccountId, hashes: Collection[bytes]) -> frozenset[bytes]:
        """Return those of the ids that are remembered now."""
        keys, now = [(account_id, hash_) for hash_ in hashes], self._access.now()
        rows = await self._access.read_once(lambda c: _SEEN.rows(c, keys))
        return frozenset(hash_ for hash_, until in rows if until > now)
