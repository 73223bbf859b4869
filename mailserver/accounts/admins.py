"""Administrators: identities without a mailbox, whose password opens no mail."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from mailserver.accounts.hashing import Hashing
from mailserver.accounts.passwords import check
from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, Event
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Conflict, PeerFault
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.runtime.clock import Clock
from mailserver.store.keystore import Delete, Insert, Keystore, Replace, Row
from mailserver.store.keystore_tables import Rows
from mailserver.vault.administrators import (
    INSTANCE,
    AdminRecord,
    AdminRole,
    admin_row_id,
    check_admin,
    new_admin,
    open_admin,
    seal_admin,
)
from mailserver.vault.factors import FactorsRecord
from mailserver.vault.master import MasterKeys

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?\Z")


@dataclass(frozen=True, slots=True)
class Admin:
    """An administrator, as a list shows him."""

    name: str
    roles: frozenset[AdminRole]
    made_at: datetime
    second_factor: bool


@dataclass(frozen=True, slots=True, repr=False)
class OpenedAdmin:
    """An administrator's row, and what it says."""

    row: Row
    record: AdminRecord

    @property
    def actor(self) -> str:
        """What the audit log calls him."""
        return admin_actor(self.row.row_id)


class Admins:
    """Makes, lists, checks and removes administrators."""

    def __init__(
        self, keystore: Keystore, master: MasterKeys, chain: Chain, hashing: Hashing, clock: Clock
    ) -> None:
        """Keep them in `keystore`, sealed under `master`; what is done stands in `chain`."""
        self._keystore = keystore
        self._master = master
        self._chain = chain
        self._hashing = hashing
        self._clock = clock

    async def create(
        self, name: str, password: Plaintext, roles: Collection[AdminRole], *, actor: str = OPERATOR
    ) -> Admin:
        """Make an administrator.

        Raises:
            PeerFault: BAD_ADDRESS, the name is not of letters, digits, dots and dashes.
            Refused: WEAK_PASSWORD.
            Conflict: ALREADY_EXISTS.
        """
        if not _NAME.match(name):
            raise PeerFault(
                Condition.BAD_ADDRESS,
                "an administrator's name is of letters, digits, dots and dashes, at most 64",
            )
        check(password, Address(name, "administrator.invalid"))
        row_id = admin_row_id(name)
        if await self._row(row_id) is not None:
            raise Conflict(Condition.ALREADY_EXISTS, "there is an administrator of that name")
        making = partial(new_admin, name, frozenset(roles), password, self._clock.now())
        record = await self._hashing(making)
        sealed = seal_admin(self._master, record)
        row = Row(INSTANCE, row_id, b"", sealed.kid, Guarded(sealed.sealed))
        await self._record(row_id, record, actor, "created")
        await self._keystore.apply([Insert(Rows.ADMINS, row)])
        return _shown(record)

    async def listing(self) -> list[Admin]:
        """Return all administrators by name.

        Raises:
            Corrupt: KEY_MISMATCH, a row is not authentic.
        """
        rows = await self._keystore.fresh(Rows.ADMINS, INSTANCE)
        found = [_shown(open_admin(self._master, row.row_id, row.sealed)) for row in rows]
        return sorted(found, key=lambda admin: admin.name.casefold())

    async def sign_in(self, name: str, password: Plaintext) -> Admin:
        """See that the password is the administrator's.

        Raises:
            Refused: AUTHENTICATION_FAILED.
            Absent: NO_SUCH_USER; the edge answers both alike, after the same work.
        """
        return _shown((await self.proven(name, password)).record)

    async def proven(self, name: str, password: Plaintext) -> "OpenedAdmin":
        """Return the row of an administrator whose password this is; raises as `sign_in`."""
        row = await self._row(admin_row_id(name))
        if row is None:
            nobody = partial(new_admin, "nobody", frozenset(), password, self._clock.now())
            await self._hashing(nobody)
            raise Absent(Condition.NO_SUCH_USER, "there is no administrator of that name")
        record = open_admin(self._master, row.row_id, row.sealed)
        await self._hashing(partial(check_admin, record, password))
        return OpenedAdmin(row, record)

    async def opened(self, row_id: bytes) -> "OpenedAdmin":
        """Return an administrator's row, read now. Raises Absent: NO_SUCH_USER."""
        row = await self._row(row_id)
        if row is None:
            raise Absent(Condition.NO_SUCH_USER, "there is no such administrator any more")
        return OpenedAdmin(row, open_admin(self._master, row.row_id, row.sealed))

    async def change_factors(self, admin: "OpenedAdmin", factors: FactorsRecord) -> "OpenedAdmin":
        """Put an administrator's second factors in the place of those that were read.

        Raises:
            Conflict: CHANGED_MEANWHILE, one of them was used in this moment.
        """
        record = replace(admin.record, factors=factors)
        sealed = seal_admin(self._master, record)
        row = Row(INSTANCE, admin.row.row_id, b"", sealed.kid, Guarded(sealed.sealed))
        await self._keystore.apply([Replace(Rows.ADMINS, row, admin.row.sealed)])
        return OpenedAdmin(row, record)

    async def remove(self, name: str, *, actor: str = OPERATOR) -> None:
        """Remove an administrator.

        Raises:
            Absent: NO_SUCH_USER.
        """
        row = await self._row(admin_row_id(name))
        if row is None:
            raise Absent(Condition.NO_SUCH_USER, "there is no administrator of that name")
        record = open_admin(self._master, row.row_id, row.sealed)
        await self._record(row.row_id, record, actor, "removed")
        await self._keystore.apply([Delete(Rows.ADMINS, INSTANCE, row.row_id, row.sealed)])

    async def _row(self, row_id: bytes) -> Row | None:
        rows = await self._keystore.fresh(Rows.ADMINS, INSTANCE)
        return next((row for row in rows if row.row_id == row_id), None)

    async def _record(self, row_id: bytes, record: AdminRecord, actor: str, what: str) -> None:
        """Write it to the audit log, naming the row and not the person."""
        facts = {"admin": row_id.hex()[:16], "what": what, "roles": " ".join(sorted(record.roles))}
        await self._chain.record(Event.ROLE_CHANGED, actor=actor, facts=facts)


def _shown(record: AdminRecord) -> Admin:
    return Admin(record.name, record.roles, record.made_at, bool(record.factors.kinds))


def admin_actor(row_id: bytes) -> str:
    """Name an administrator as the one who acted: by his row, not by his name."""
    return f"admin:{row_id.hex()[:16]}"
