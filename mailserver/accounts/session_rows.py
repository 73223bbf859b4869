"""The keystore's rows of web sessions: found by cookie, listed, ended, and when they were used."""

from dataclasses import dataclass
from datetime import datetime

from mailserver.accounts.keyring import Keyring
from mailserver.model.errors import Absent, Condition, Conflict, Corrupt, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded
from mailserver.runtime.clock import Clock
from mailserver.store.keystore import Delete, Insert, Replace, Row, Step
from mailserver.store.keystore_tables import Rows
from mailserver.vault.administrators import INSTANCE
from mailserver.vault.codes import SessionToken
from mailserver.vault.records import SealedRow
from mailserver.vault.web_sessions import (
    SessionRecord,
    Stage,
    TrustRecord,
    open_seen,
    open_session_row,
    seal_seen,
    seal_session,
)


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """A session's row, opened: not yet the account, which only the cookie opens."""

    row: Row
    record: SessionRecord

    @property
    def expires_at(self) -> datetime:
        """When it ends whatever happens."""
        until = self.record.wrap.expires_at
        if until is None:
            raise Corrupt(Condition.KEY_MISMATCH, "a web session without an end")
        return until


class SessionRows:
    """The rows of web sessions."""

    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        """Open them with the master keys of `keyring`."""
        self._keyring = keyring
        self._clock = clock

    async def find(self, token: SessionToken, stage: Stage) -> Found:
        """Return the row of a cookie, read now, if its session is in `stage` and not over.

        Raises:
            Refused: AUTHENTICATION_FAILED.
            Corrupt: KEY_MISMATCH.
        """
        for row in await self._keyring.keystore.anywhere(Rows.SESSIONS, token.row_id):
            if row.account_id == INSTANCE:  # an administrator's (`admin_sessions`)
                continue
            record = self._opened(row)
            if isinstance(record, SessionRecord) and record.stage is stage:
                found = Found(row, record)
                if self._clock.now() < found.expires_at:
                    return found
        raise Refused(Condition.AUTHENTICATION_FAILED, "there is no such session, sign in again")

    async def get(self, account_id: AccountId, row_id: bytes) -> Found:
        """Return an account's session, read now.

        Raises:
            Absent: NO_SUCH_CREDENTIAL.
        """
        for found in await self.of(account_id):
            if found.row.row_id == row_id:
                return found
        raise _absent()

    async def of(self, account_id: AccountId) -> list[Found]:
        """Return the sessions of an account, those that are over included."""
        rows = await self._keyring.keystore.fresh(Rows.SESSIONS, account_id)
        opened = [(row, self._opened(row)) for row in rows]
        return [Found(row, record) for row, record in opened if isinstance(record, SessionRecord)]

    async def seen(self, account_id: AccountId) -> dict[bytes, datetime]:
        """Return when each session of an account was last used, as far as it was written."""
        rows = await self._keyring.keystore.fresh(Rows.SEEN, account_id)
        master = self._keyring.master
        return {row.row_id: open_seen(master, account_id, row.row_id, row.sealed) for row in rows}

    async def add(
        self, account_id: AccountId, row_id: bytes, record: SessionRecord, instead: Found | None
    ) -> None:
        """Store a session, in the place of another where one is named.

        Raises:
            Conflict: CHANGED_MEANWHILE, the other is gone already.
        """
        steps: list[Step] = [Insert(Rows.SESSIONS, self._row(account_id, row_id, record))]
        if instead is not None:
            old = instead.row
            steps.append(Delete(Rows.SESSIONS, account_id, old.row_id, old.sealed))
        await self._keyring.apply(steps)

    async def change(self, found: Found, record: SessionRecord) -> Found:
        """Put `record` in the place of what was read.

        Raises:
            Conflict: CHANGED_MEANWHILE.
        """
        row = self._row(found.row.account_id, found.row.row_id, record)
        await self._keyring.apply([Replace(Rows.SESSIONS, row, found.row.sealed)])
        return Found(row, record)

    async def drop(self, account_id: AccountId, row_id: bytes) -> None:
        """Delete a session's row.

        Raises:
            Absent: NO_SUCH_CREDENTIAL.
        """
        await self.get(account_id, row_id)
        steps: list[Step] = [Delete(Rows.SESSIONS, account_id, row_id)]
        steps += [step for step in await self._unseen(account_id) if step.row_id == row_id]
        try:
            await self._keyring.apply(steps)
        except Conflict:
            raise _absent() from None

    async def drop_all(self, account_id: AccountId, but: bytes | None) -> list[bytes]:
        """Delete every row of an account, known devices too, `but` one; return which."""
        rows = await self._keyring.keystore.fresh(Rows.SESSIONS, account_id)
        ended = [row.row_id for row in rows if row.row_id != but]
        steps: list[Step] = [Delete(Rows.SESSIONS, account_id, row_id) for row_id in ended]
        steps += [step for step in await self._unseen(account_id) if step.row_id != but]
        if steps:
            await self._keyring.apply(steps)
        return ended

    async def note_seen(self, account_id: AccountId, row_id: bytes, at: datetime) -> None:
        """Write when a session was last used."""
        rows = await self._keyring.keystore.fresh(Rows.SEEN, account_id)
        row = _row(account_id, row_id, seal_seen(self._keyring.master, account_id, row_id, at))
        before = next((each for each in rows if each.row_id == row_id), None)
        step: Step = Insert(Rows.SEEN, row)
        if before is not None:
            step = Replace(Rows.SEEN, row, before.sealed)
        try:
            await self._keyring.apply([step])
        except Conflict:
            return  # another process wrote it this moment, which says as much

    async def sweep(self) -> int:
        """Delete what has ended by itself, and marks of sessions that are gone; return how many."""
        swept, last, now = 0, None, self._clock.now()
        while page := await self._keyring.keystore.page(Rows.SESSIONS, last):
            last = page[-1]
            own = [row for row in page if row.account_id != INSTANCE]
            over = [row for row in own if self._is_over(row, now)]
            for row in over:
                await self._keyring.apply(
                    [Delete(Rows.SESSIONS, row.account_id, row.row_id, row.sealed)]
                )
            swept += len(over)
        last = None
        while page := await self._keyring.keystore.page(Rows.SEEN, last):
            last = page[-1]
            living = await self._keyring.keystore.living(
                Rows.SESSIONS, {row.account_id for row in page}
            )
            for row in page:
                if (row.account_id, row.row_id) not in living:
                    await self._keyring.apply([Delete(Rows.SEEN, row.account_id, row.row_id)])
        return swept

    def _is_over(self, row: Row, now: datetime) -> bool:
        try:
            record = self._opened(row)
        except Corrupt:
            return False  # it opens nothing, and whoever shows its cookie is told
        until = record.expires_at if isinstance(record, TrustRecord) else record.wrap.expires_at
        return until is not None and until <= now

    async def _unseen(self, account_id: AccountId) -> list[Delete]:
        rows = await self._keyring.keystore.fresh(Rows.SEEN, account_id)
        return [Delete(Rows.SEEN, account_id, row.row_id) for row in rows]

    def _opened(self, row: Row) -> SessionRecord | TrustRecord:
        return open_session_row(self._keyring.master, row.account_id, row.row_id, row.sealed)

    def _row(self, account_id: AccountId, row_id: bytes, record: SessionRecord) -> Row:
        sealed = seal_session(self._keyring.master, account_id, row_id, record)
        return Row(account_id, row_id, row_id, sealed.kid, Guarded(sealed.sealed))


def _row(account_id: AccountId, row_id: bytes, sealed: SealedRow) -> Row:
    return Row(account_id, row_id, b"", sealed.kid, Guarded(sealed.sealed))


def _absent() -> Absent:
    return Absent(Condition.NO_SUCH_CREDENTIAL, "there is no such session")
