"""Administrators at the console: signing in with a second factor, sessions, proving it again.

    password ─► no second factor yet ─► one is set up ─► open
        └─────► second factor ─────────────────────────► open (15 minutes idle, 12 hours at most)

The session opens nothing: it says who asks, and his roles are read from his row each time. Failures
hold answers up as at every sign-in, keyed apart from people's. Source: PRIVACY §6.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailserver.accounts.admins import Admins, OpenedAdmin
from mailserver.accounts.delays import Attempt, Delays
from mailserver.accounts.totp import key_uri, new_seed, qr_svg, secret_text, taken_step
from mailserver.accounts.visitor import Visitor
from mailserver.audit.chain import Chain
from mailserver.audit.entry import Event
from mailserver.model.errors import Absent, Condition, Conflict, Corrupt, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import cut_ip
from mailserver.store.keystore import Delete, Insert, Keystore, Replace, Row, Step
from mailserver.store.keystore_tables import Rows
from mailserver.vault.admin_sessions import (
    AdminSessionRecord,
    AdminStage,
    commit_of,
    is_cookie_of,
    open_admin_session,
    seal_admin_session,
)
from mailserver.vault.administrators import INSTANCE, AdminRole
from mailserver.vault.codes import SessionToken, backup_code_hash, new_backup_codes
from mailserver.vault.factors import FactorsRecord
from mailserver.vault.master import MasterKeys

IDLE, LONGEST = timedelta(minutes=15), timedelta(hours=12)
FACTOR_WITHIN = timedelta(minutes=10)
FRESH_FACTOR = timedelta(minutes=5)
SEEN_EVERY = timedelta(minutes=1)
FAILURES = 5
_WRONG = "the name, the password or the code is not right"


@dataclass(frozen=True, slots=True, repr=False)
class AdminHere:
    """An administrator whose session is open in this request."""

    admin: OpenedAdmin
    row: Row
    session: AdminSessionRecord

    @property
    def name(self) -> str:
        """What he is called."""
        return self.admin.record.name

    @property
    def roles(self) -> frozenset[AdminRole]:
        """What he may do, now."""
        return self.admin.record.roles

    @property
    def actor(self) -> str:
        """What the audit log calls him."""
        return self.admin.actor

    def is_fresh(self, now: datetime) -> bool:
        """Say whether he proved who he is within the last five minutes."""
        proved = self.session.factor_at
        return proved is not None and now - proved < FRESH_FACTOR


@dataclass(frozen=True, slots=True, repr=False)
class Entered:
    """A step of signing in that was taken: the cookie goes to the browser and nowhere else."""

    cookie: Plaintext
    stage: AdminStage


@dataclass(frozen=True, slots=True, repr=False)
class Offered:
    """A TOTP seed, to be typed or scanned, and confirmed by a code."""

    secret: Plaintext
    uri: Plaintext
    qr_svg: Plaintext


class AdminSessions:
    """The sessions of administrators."""

    def __init__(
        self,
        admins: Admins,
        keystore: Keystore,
        master: MasterKeys,
        chain: Chain,
        clock: Clock,
        *,
        delays: bool = True,
    ) -> None:
        """Keep them in `keystore`; `delays` hold up who guesses."""
        self._admins = admins
        self._keystore = keystore
        self._master = master
        self._chain = chain
        self._clock = clock
        self._delays = Delays(clock, enabled=delays)

    async def sign_in(self, name: str, password: Plaintext, visitor: Visitor) -> Entered:
        """Take name and password; a second factor comes next, or is set up.

        Raises:
            Refused: AUTHENTICATION_FAILED, for whoever does not exist too; TRY_LATER.
            Transient: BUSY, too many passwords are being hashed.
        """
        attempt = self._delays.attempt(name, password.reveal(), visitor.peer, guessable=True)
        try:
            admin = await self._admins.proven(name, password)
        except (Absent, Refused):
            raise await self._failed(attempt) from None
        stage = AdminStage.FACTOR if admin.record.factors.kinds else AdminStage.ENROL
        self._delays.succeeded(attempt)
        return await self._begin(admin, stage, visitor)

    async def offer_factor(self, cookie: Plaintext) -> Offered:
        """Make a TOTP seed for who has no second factor yet.

        Raises:
            Refused: AUTHENTICATION_FAILED, it is no such session.
        """
        row, record = await self._found(cookie, AdminStage.ENROL)
        admin = await self._admin(record)
        seed = new_seed()
        await self._change(row, replace(record, seed=seed))
        uri = key_uri(seed, admin.record.name)
        return Offered(secret_text(seed), uri, qr_svg(uri))

    async def confirm_factor(
        self, cookie: Plaintext, code: Plaintext, visitor: Visitor
    ) -> tuple[Entered, list[Plaintext]]:
        """Take the first code of a seed that was offered; returns the ten backup codes.

        Raises:
            Refused: AUTHENTICATION_FAILED, the code is not right, or there was no offer.
        """
        row, record = await self._found(cookie, AdminStage.ENROL)
        admin = await self._admin(record)
        step = taken_step(record.seed, code, self._clock.now(), after=-1) if record.seed else None
        if step is None:
            raise await self._counted(row, record)
        codes, owner = new_backup_codes(), _owner(admin)
        hashes = tuple(backup_code_hash(owner, each) for each in codes)
        factors = FactorsRecord(seed=record.seed, step=step, backup=hashes)
        facts = {"what": "totp", "change": "added", "admin": admin.actor}
        await self._chain.record(Event.FACTOR_CHANGED, actor=admin.actor, facts=facts)
        admin = await self._admins.change_factors(admin, factors)
        return await self._opened(admin, row, visitor), codes

    async def factor(self, cookie: Plaintext, code: Plaintext, visitor: Visitor) -> Entered:
        """Take the second factor: a TOTP code, or one of the backup codes.

        Raises:
            Refused: AUTHENTICATION_FAILED; after a few the session is over.
        """
        row, record = await self._found(cookie, AdminStage.FACTOR)
        admin = await self._checked(row, record, code)
        return await self._opened(admin, row, visitor)

    async def again(self, cookie: Plaintext, code: Plaintext) -> None:
        """Prove once more who it is, before what asks for it; raises as `factor`."""
        row, record = await self._found(cookie, AdminStage.OPEN)
        await self._checked(row, record, code)
        await self._change(row, replace(record, factor_at=self._clock.now(), failures=0))

    async def open(self, cookie: Plaintext) -> AdminHere:
        """Return who asks.

        Raises:
            Refused: AUTHENTICATION_FAILED, the session is over, or its administrator is gone.
        """
        row, record = await self._found(cookie, AdminStage.OPEN)
        admin = await self._admin(record)
        now = self._clock.now()
        if now - record.seen_at >= SEEN_EVERY:
            try:
                row, record = await self._change(row, replace(record, seen_at=now))
            except Refused:  # another request wrote it in this moment, or it ended
                row, record = await self._found(cookie, AdminStage.OPEN)
        return AdminHere(admin, row, record)

    async def out(self, cookie: Plaintext) -> None:
        """End a session, whichever stage it is in. Raises Refused: AUTHENTICATION_FAILED."""
        row, _ = await self._found(cookie, *AdminStage)
        await self._keystore.apply([Delete(Rows.SESSIONS, INSTANCE, row.row_id)])

    async def listing(self, here: AdminHere) -> list[tuple[bytes, AdminSessionRecord]]:
        """Return the open sessions of an administrator, the one used last in front."""
        now = self._clock.now()
        own = [
            (row.row_id, record)
            for row, record in await self._all()
            if record.admin == here.session.admin and _lives(record, now)
        ]
        return sorted(own, key=lambda each: each[1].seen_at, reverse=True)

    async def end(self, here: AdminHere, row_id: bytes) -> None:
        """End one of an administrator's own sessions. Raises Absent: NO_SUCH_CREDENTIAL."""
        if row_id not in {each for each, _ in await self.listing(here)}:
            raise Absent(Condition.NO_SUCH_CREDENTIAL, "there is no such session")
        await self._keystore.apply([Delete(Rows.SESSIONS, INSTANCE, row_id)])

    async def sweep(self) -> int:
        """Delete what is over; return how many."""
        now = self._clock.now()
        over = [row for row, record in await self._all() if not _lives(record, now)]
        for row in over:
            await self._keystore.apply([Delete(Rows.SESSIONS, INSTANCE, row.row_id)])
        return len(over)

    async def _all(self) -> list[tuple[Row, AdminSessionRecord]]:
        rows = await self._keystore.fresh(Rows.SESSIONS, INSTANCE)
        return [(row, open_admin_session(self._master, row.row_id, row.sealed)) for row in rows]

    async def _found(
        self, cookie: Plaintext, *stages: AdminStage
    ) -> tuple[Row, AdminSessionRecord]:
        token, now = SessionToken.parse(cookie), self._clock.now()
        for row in await self._keystore.anywhere(Rows.SESSIONS, token.row_id):
            if row.account_id != INSTANCE:
                continue
            record = open_admin_session(self._master, row.row_id, row.sealed)
            if record.stage in stages and is_cookie_of(record, token) and _lives(record, now):
                return row, record
        raise _no_session()

    async def _admin(self, record: AdminSessionRecord) -> OpenedAdmin:
        try:
            return await self._admins.opened(record.admin)
        except (Absent, Corrupt):
            raise _no_session() from None

    async def _checked(self, row: Row, record: AdminSessionRecord, code: Plaintext) -> OpenedAdmin:
        """See that a code is right, and use it up."""
        admin = await self._admin(record)
        factors, now = admin.record.factors, self._clock.now()
        left: FactorsRecord | None = None
        step = taken_step(factors.seed, code, now, after=factors.step) if factors.seed else None
        if step is not None:
            left = replace(factors, step=step)
        else:
            left = factors.without_backup(_owner(admin), code)
        if left is None:
            raise await self._counted(row, record)
        try:
            return await self._admins.change_factors(admin, left)
        except Conflict:  # the same code twice at once: one of them is too late
            raise await self._counted(row, record) from None

    async def _counted(self, row: Row, record: AdminSessionRecord) -> Refused:
        failures = record.failures + 1
        if failures >= FAILURES:
            await self._keystore.apply([Delete(Rows.SESSIONS, INSTANCE, row.row_id)])
        else:
            await self._change(row, replace(record, failures=failures))
        await asyncio.sleep(0)
        return Refused(Condition.AUTHENTICATION_FAILED, _WRONG)

    async def _failed(self, attempt: Attempt) -> Refused:
        await self._delays.hold(self._delays.failed(attempt))
        return Refused(Condition.AUTHENTICATION_FAILED, _WRONG)

    async def _begin(
        self,
        admin: OpenedAdmin,
        stage: AdminStage,
        visitor: Visitor,
        *,
        instead: Row | None = None,
    ) -> Entered:
        token, now = SessionToken.random(), self._clock.now()
        is_open = stage is AdminStage.OPEN
        record = AdminSessionRecord(
            admin=admin.row.row_id,
            stage=stage,
            commit=commit_of(token),
            made_at=now,
            expires_at=now + (LONGEST if is_open else FACTOR_WITHIN),
            seen_at=now,
            factor_at=now if is_open else None,
            agent=visitor.shown_agent,
            peer=visitor.peer,
        )
        steps: list[Step] = [Insert(Rows.SESSIONS, self._row(token.row_id, record))]
        if instead is not None:
            steps.append(Delete(Rows.SESSIONS, INSTANCE, instead.row_id))
        await self._keystore.apply(steps)
        return Entered(token.cookie(), stage)

    async def _opened(self, admin: OpenedAdmin, row: Row, visitor: Visitor) -> Entered:
        facts = {"service": "console", "network": cut_ip(visitor.peer)}
        await self._chain.record(Event.SIGN_IN, actor=admin.actor, facts=facts)
        return await self._begin(admin, AdminStage.OPEN, visitor, instead=row)

    async def _change(self, row: Row, record: AdminSessionRecord) -> tuple[Row, AdminSessionRecord]:
        new = self._row(row.row_id, record)
        try:
            await self._keystore.apply([Replace(Rows.SESSIONS, new, row.sealed)])
        except Conflict:
            raise _no_session() from None
        return new, record

    def _row(self, row_id: bytes, record: AdminSessionRecord) -> Row:
        sealed = seal_admin_session(self._master, row_id, record)
        return Row(INSTANCE, row_id, row_id, sealed.kid, Guarded(sealed.sealed))


def _lives(record: AdminSessionRecord, now: datetime) -> bool:
    return now < record.expires_at and now - record.seen_at < IDLE


def _owner(admin: OpenedAdmin) -> AccountId:
    """Return what stands for an administrator where backup codes are hashed."""
    return AccountId(admin.row.row_id[:16])


def _no_session() -> Refused:
    return Refused(Condition.AUTHENTICATION_FAILED, "there is no such session, sign in again")
