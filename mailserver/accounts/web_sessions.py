"""Web sessions: what a browser's cookie holds open, for how long, and what ends it (PRIVACY §6).

    cookie  selector . secret     the secret opens the session's wrap, hence the account's key
    row     in the keystore, under the hash of the selector; it opens nothing without the cookie
    live    the opened account in this process, from a request until five minutes after the last

What is not live opens again with the next request, in any process. When a session was last used is
written when it locks, and every so often before, so that every process knows when it was idle for
too long. A session gets a new cookie whenever it may do more than before.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from mailserver.accounts.keyring import PROVISIONAL, Keyring, OpenedRow
from mailserver.accounts.session_rows import Found, SessionRows
from mailserver.accounts.sessions import Lease, Sessions
from mailserver.accounts.visitor import Visitor
from mailserver.crypto.sign import same
from mailserver.model.errors import Condition, MailError, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.vault.account_key import AccountKey
from mailserver.vault.codes import SessionToken
from mailserver.vault.credentials import make_session_wrap, open_session_wrap
from mailserver.vault.web_sessions import SessionRecord, Stage, Vouching

UNLOCKED = timedelta(minutes=5)
IDLE, LONGEST = timedelta(minutes=60), timedelta(hours=24)
IDLE_STAYING, LONGEST_STAYING = timedelta(days=7), timedelta(days=30)
FACTOR_WITHIN = timedelta(minutes=10)
FRESH_FACTOR = timedelta(minutes=5)
LOOKED_EVERY_SECONDS = 2.0

log = get_logger("accounts")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class WebSession:
    """A session that is open now; its lease holds the account."""

    id: bytes
    lease: Lease
    account: OpenedRow
    factor_at: datetime | None
    stay: bool
    until: datetime
    """When it ends whatever happens."""
    vouching: Vouching

    @property
    def account_id(self) -> AccountId:
        """Whose it is."""
        return self.account.account_id

    @property
    def provisional(self) -> bool:
        """Whether a new password and new keys must be made before anything else."""
        return PROVISIONAL in self.account.record.policy

    @property
    def is_vouched(self) -> bool:
        """Whether an identity provider said who it is."""
        return self.vouching is not Vouching.NONE

    @property
    def has_vouched_factor(self) -> bool:
        """Whether that provider asked for a second factor, which counts."""
        return self.vouching is Vouching.FACTOR

    def is_fresh(self, now: datetime) -> bool:
        """Say whether its owner proved who he is within the last five minutes."""
        return self.factor_at is not None and now - self.factor_at < FRESH_FACTOR


@dataclass(frozen=True, slots=True)
class Shown:
    """A session as its owner sees it in a list."""

    id: bytes
    agent: str
    peer: str
    made_at: datetime
    seen_at: datetime
    expires_at: datetime
    stay: bool


@dataclass(frozen=True, slots=True, repr=False)
class Begun:
    """A session that was just made: its cookie goes to the browser and nowhere else."""

    cookie: Plaintext
    id: bytes
    expires_at: datetime
    stay: bool


@dataclass(slots=True, eq=False)
class _Live:
    """A session that is unlocked in this process."""

    session: WebSession
    secret_hash: bytes
    used: float
    """The last request, on the monotonic clock."""
    used_at: datetime
    written_at: datetime
    idle: timedelta


class WebSessions:
    """The web sessions of every account, and those that are live here."""

    def __init__(self, keyring: Keyring, sessions: Sessions, clock: Clock) -> None:
        """Hold opened accounts in `sessions`."""
        self._keyring = keyring
        self._sessions = sessions
        self._clock = clock
        self._live: dict[bytes, _Live] = {}
        self.rows = SessionRows(keyring, clock)

    async def begin(
        self,
        account: OpenedRow,
        key: AccountKey,
        visitor: Visitor,
        *,
        stage: Stage = Stage.OPEN,
        stay: bool = False,
        replaces: Found | None = None,
        vouching: Vouching = Vouching.NONE,
    ) -> Begun:
        """Make a session for who has just proved to be the owner; `key` stays the caller's.

        In `Stage.FACTOR` only the password was shown: it opens nothing yet. `replaces` ends in the
        same transaction, and what a provider had to do with it still holds.
        """
        token, now = SessionToken.random(), self._clock.now()
        longest = LONGEST_STAYING if stay else LONGEST
        if replaces is not None and replaces.record.stage is Stage.OPEN:
            expires_at = replaces.expires_at  # a new cookie is not more time
        else:
            expires_at = now + (FACTOR_WITHIN if stage is Stage.FACTOR else longest)
        made = make_session_wrap(key, account.account_id, token, now, expires_at)
        record = SessionRecord(
            wrap=made.record,
            stage=stage,
            idle=IDLE_STAYING if stay else IDLE,
            stay=stay,
            factor_at=now if stage is Stage.OPEN else None,
            agent=visitor.shown_agent,
            peer=visitor.peer,
            vouching=vouching if replaces is None else replaces.record.vouching,
        )
        await self.rows.add(account.account_id, token.row_id, record, replaces)
        if replaces is not None:
            self._drop(replaces.row.row_id)
            self._sessions.revoke(account.account_id, replaces.row.row_id)
        return Begun(token.cookie(), token.row_id, expires_at, stay)

    async def open(self, cookie: Plaintext) -> WebSession:
        """Return the session of a cookie, unlocked; this request keeps it so for five minutes.

        Raises:
            Refused: AUTHENTICATION_FAILED, there is no such session, or it is over.
            Transient: the keystore does not answer.
            Corrupt: KEY_MISMATCH.
        """
        token = SessionToken.parse(cookie)
        live = self._found(token)
        if live is None:
            found = await self.rows.find(token, Stage.OPEN)
            session, written_at = await self._unlock(token, found)
            live = self._found(token)
            if live is not None:  # another request of the same page was faster
                await session.lease.close()
            else:
                live = self._keep(token, session, found, written_at)
        live.used, live.used_at = self._clock.monotonic(), self._clock.now()
        if live.used_at - live.written_at >= live.idle / 12:
            await self._write(live)
        return live.session

    async def key_of(self, token: SessionToken, found: Found) -> AccountKey:
        """Return the key that a cookie opens, for a session that is to get a new one.

        Raises:
            Refused: AUTHENTICATION_FAILED.
        """
        row = found.row
        return open_session_wrap(row.account_id, row.row_id, found.record.wrap, token)

    async def listing(self, account_id: AccountId) -> list[Shown]:
        """Return an account's sessions that have not ended, the one used last in front."""
        seen = await self.rows.seen(account_id)
        now = self._clock.now()
        found = []
        for each in await self.rows.of(account_id):
            record, row_id = each.record, each.row.row_id
            seen_at = max(record.wrap.made_at, seen.get(row_id, record.wrap.made_at))
            live = self._live.get(row_id)
            if live is not None:
                seen_at = max(seen_at, live.used_at)
            if record.stage is Stage.OPEN and now - seen_at < record.idle and now < each.expires_at:
                made_at, until = record.wrap.made_at, each.expires_at
                found.append(
                    Shown(row_id, record.agent, record.peer, made_at, seen_at, until, record.stay)
                )
        return sorted(found, key=lambda shown: shown.seen_at, reverse=True)

    async def is_live(self, account_id: AccountId, session: bytes) -> bool:
        """Say whether a session has not ended, here or in another process."""
        return any(shown.id == session for shown in await self.listing(account_id))

    async def end(self, account_id: AccountId, session: bytes) -> None:
        """End a session: here at once, in other processes within five seconds.

        Raises:
            Absent: NO_SUCH_CREDENTIAL.
        """
        await self.rows.drop(account_id, session)
        self._drop(session)
        self._sessions.revoke(account_id, session)
        await self._keyring.clear()

    async def end_all(self, account_id: AccountId, *, but: bytes | None = None) -> None:
        """End every web session of an account, known devices too, `but` one."""
        ended = await self.rows.drop_all(account_id, but)
        for row_id in ended:
            self._drop(row_id)
            self._sessions.revoke(account_id, row_id)
        await self._keyring.clear()

    async def lock_idle(self) -> None:
        """Lock what was not used for five minutes, and write down when it was used last."""
        now = self._clock.monotonic()
        for row_id, live in list(self._live.items()):
            if live.session.lease.ended is not None:
                self._live.pop(row_id, None)
            elif now - live.used >= UNLOCKED.total_seconds():
                self._drop(row_id)
                await self._write(live)

    async def watch(self) -> None:
        """Lock what is idle, every two seconds until cancelled."""
        while True:
            try:
                await self.lock_idle()
            except MailError as error:
                log.warning("last use not written", condition=error.condition.name)
            await asyncio.sleep(LOOKED_EVERY_SECONDS)

    async def sweep(self) -> int:
        """Delete the rows of sessions that are over; return how many."""
        return await self.rows.sweep()

    def _found(self, token: SessionToken) -> _Live | None:
        """Return the live session of a cookie whose secret is right."""
        live = self._live.get(token.row_id)
        if live is None:
            return None
        over = self._clock.monotonic() - live.used >= UNLOCKED.total_seconds()
        if live.session.lease.ended is not None or over:
            self._drop(token.row_id)
            return None
        if not same(live.secret_hash, _hashed(token)):
            raise Refused(Condition.AUTHENTICATION_FAILED, "sign in again")
        return live

    async def _unlock(self, token: SessionToken, found: Found) -> tuple[WebSession, datetime]:
        row, record = found.row, found.record
        key = await self.key_of(token, found)
        try:
            made_at = record.wrap.made_at
            seen = (await self.rows.seen(row.account_id)).get(row.row_id, made_at)
            if self._clock.now() - max(seen, made_at) >= record.idle:
                await self.end(row.account_id, row.row_id)
                raise Refused(Condition.AUTHENTICATION_FAILED, "the session is over, sign in again")
            account = await self._keyring.account(row.account_id)
        except BaseException:
            key.close()
            raise
        lease = self._sessions.lease(account, key, row.row_id, found.expires_at)
        session = WebSession(
            row.row_id,
            lease,
            account,
            record.factor_at,
            record.stay,
            found.expires_at,
            record.vouching,
        )
        return session, seen

    def _keep(
        self, token: SessionToken, session: WebSession, found: Found, written_at: datetime
    ) -> _Live:
        live = _Live(
            session,
            _hashed(token),
            self._clock.monotonic(),
            self._clock.now(),
            written_at,
            found.record.idle,
        )
        self._live[token.row_id] = live
        return live

    def _drop(self, row_id: bytes) -> None:
        """Lock a session here; its row stays."""
        live = self._live.pop(row_id, None)
        if live is not None and live.session.lease.ended is None:
            live.session.lease.lock()

    async def _write(self, live: _Live) -> None:
        live.written_at = live.used_at
        await self.rows.note_seen(live.session.account_id, live.session.id, live.used_at)


def _hashed(token: SessionToken) -> bytes:
    return sha256(b"zegel live session" + token.secret).digest()
