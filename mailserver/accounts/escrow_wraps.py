"""An account's side of escrow: its owner sees the notice, and a wrap is made in his own session.

    off       there is nothing to see
    waiting   escrow is on and lacks a custodian: no wrap is made
    renewal   a custodian left: new keys come first, by the owner's password
    notice    its owner has not seen this notice
    due       seen, and there is no wrap: an opening used it up, or the keys are new
    on        two custodians together can open the account

Nothing here happens without the owner's unlocked web session: a row in the keystore that says he
saw the notice makes no wrap, and no wrap is made for another notice than he saw.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailserver.accounts.escrow import Escrow, Standing
from mailserver.accounts.hashing import Hashing
from mailserver.accounts.keyring import Keyring, OpenedRow, Wrap
from mailserver.accounts.renewal import renewing
from mailserver.accounts.sessions import Lease, Sessions
from mailserver.audit.chain import Chain
from mailserver.audit.entry import Event, account_actor
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Conflict, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.runtime.clock import Clock
from mailserver.store.keystore import Delete, Insert, Replace, Row, Step
from mailserver.store.keystore_tables import Rows
from mailserver.vault.account_key import AccountKey
from mailserver.vault.escrow import make_escrow_wrap
from mailserver.vault.escrow_rows import (
    RENEWAL_ROW,
    SEEN_ROW,
    SeenRecord,
    check_renewal,
    open_seen,
    seal_seen,
    seen_proof,
)
from mailserver.vault.records import KeyMode, WrapKind


class State(StrEnum):
    """How far it is with an account."""

    OFF = "off"
    WAITING = "waiting"
    RENEWAL = "renewal"
    NOTICE = "notice"
    DUE = "due"
    ON = "on"


@dataclass(frozen=True, slots=True)
class Status:
    """What an owner is told."""

    state: State
    standing: Standing | None
    seen_at: datetime | None = None


class EscrowWraps:
    """The escrow wraps of accounts."""

    def __init__(
        self,
        keyring: Keyring,
        sessions: Sessions,
        chain: Chain,
        hashing: Hashing,
        clock: Clock,
        *,
        suite: Suite,
    ) -> None:
        """Make wraps on the terms that stand in `keyring`, and new keys of `suite`."""
        self.escrow = Escrow(keyring, chain, clock)
        self._keyring = keyring
        self._sessions = sessions
        self._chain = chain
        self._hashing = hashing
        self._clock = clock
        self._suite = suite

    async def status(self, account_id: AccountId, key: AccountKey | None = None) -> Status:
        """Say how far it is with an account, and on what terms.

        With its `key` a notice counts only if its owner saw it himself; else the row's word does.

        Raises:
            Corrupt: KEY_MISMATCH, a row is not authentic.
        """
        standing = await self.escrow.standing()
        account = await self._keyring.account(account_id)
        if await self._renewal(account_id) is not None:
            return Status(State.RENEWAL, standing)
        if standing is None or account.record.key_mode is not KeyMode.USER:
            return Status(State.OFF, None)
        if not standing.is_complete:
            return Status(State.WAITING, standing)
        seen, _ = await self._seen(account_id)
        if seen is None or seen.digest != standing.digest:
            return Status(State.NOTICE, standing)
        if key is not None and not seen.is_by(key, account_id):
            return Status(State.NOTICE, standing)
        newest = account.record.generations[-1].number
        wraps = await self._keyring.wraps(account_id, WrapKind.ESCROW)
        made = any(wrap.record.generation == newest for wrap in wraps)
        return Status(State.ON if made else State.DUE, standing, seen.seen_at)

    async def accept(self, lease: Lease, digest: bytes) -> None:
        """Note that the owner saw the notice of that digest, and make the wrap.

        Raises:
            Refused: NOT_PERMITTED, escrow is off or incomplete, or new keys come first.
            Conflict: CHANGED_MEANWHILE, it is another notice by now.
        """
        account_id = lease.account_id
        key, now = lease.account.key, self._clock.now()
        status = await self.status(account_id, key)
        standing = status.standing
        if standing is None or status.state in (State.OFF, State.WAITING, State.RENEWAL):
            raise Refused(Condition.NOT_PERMITTED, "there is no notice to be seen now")
        if standing.digest != digest:
            raise Conflict(Condition.CHANGED_MEANWHILE, "the notice changed, read it again")
        if status.state is State.ON:
            return
        account = await self._keyring.account(account_id, fresh=True)
        if key.generation != account.record.generations[-1].number:
            raise Refused(Condition.NOT_PERMITTED, "sign in again first")
        made = make_escrow_wrap(key, account_id, [one.key for one in standing.custodians], now)
        old = await self._keyring.wraps(account_id, WrapKind.ESCROW)
        seen = SeenRecord(digest, status.seen_at or now, seen_proof(key, account_id, digest))
        steps: list[Step] = [
            *standing.requires,
            await self._seeing(account_id, seen),
            *(self._keyring.drop_wrap(wrap) for wrap in old),
            self._keyring.add_wrap(account_id, made),
        ]
        if status.state is State.NOTICE:
            await self._record(Event.ESCROW_CHANGED, account_id, "notice-seen")
        await self._record(Event.CREDENTIAL_ADDED, account_id, "escrow")
        await self._keyring.apply(steps)
        await self._keyring.clear()

    async def renew(self, lease: Lease, password: Plaintext) -> tuple[AccountKey, Plaintext]:
        """Make new keys because a custodian left; return the key, the caller's, and the next code.

        The caller has seen that the password is the account's. Every other credential and session
        ends, this one too.

        Raises:
            Refused: NOT_PERMITTED, nobody left.
            Conflict: CHANGED_MEANWHILE.
        """
        account_id = lease.account_id
        renewal = await self._renewal(account_id)
        if renewal is None:
            raise Refused(Condition.NOT_PERMITTED, "no custodian left")
        account = await self._keyring.account(account_id, fresh=True)
        key, generation = lease.account.key.successor(account_id, self._suite)
        tools = (self._keyring, self._hashing, self._clock)
        try:
            code, steps = await renewing(
                *tools, account, key, generation, password, factors=account.record.factors
            )
            steps.append(Delete(Rows.ESCROW, account_id, RENEWAL_ROW, renewal.sealed))
            await self._record(Event.ACCOUNT_KEY_MADE, account_id, "custodian-left")
            await self._keyring.apply(steps)
        except BaseException:
            key.close()
            raise
        self._sessions.revoke(account_id)
        await self._keyring.clear()
        return key, code

    async def wrap_of(self, account: OpenedRow) -> Wrap | None:
        """Return the wrap by which custodians can open an account now; None where there is none."""
        newest = account.record.generations[-1].number
        wraps = await self._keyring.wraps(account.account_id, WrapKind.ESCROW)
        return next((wrap for wrap in wraps if wrap.record.generation == newest), None)

    async def _renewal(self, account_id: AccountId) -> Row | None:
        row = await self._keyring.keystore.one(Rows.ESCROW, account_id, RENEWAL_ROW)
        if row is not None:
            check_renewal(self._keyring.master, account_id, row.sealed)
        return row

    async def _seen(self, account_id: AccountId) -> tuple[SeenRecord | None, Row | None]:
        row = await self._keyring.keystore.one(Rows.ESCROW, account_id, SEEN_ROW)
        if row is None:
            return None, None
        return open_seen(self._keyring.master, account_id, row.sealed), row

    async def _seeing(self, account_id: AccountId, record: SeenRecord) -> Step:
        _, was = await self._seen(account_id)
        sealed = seal_seen(self._keyring.master, account_id, record)
        row = Row(account_id, SEEN_ROW, SEEN_ROW, sealed.kid, Guarded(sealed.sealed))
        return Insert(Rows.ESCROW, row) if was is None else Replace(Rows.ESCROW, row, was.sealed)

    async def _record(self, event: Event, account_id: AccountId, what: str) -> None:
        kind = "kind" if event is Event.CREDENTIAL_ADDED else "what"
        await self._chain.record(
            event, actor=account_actor(account_id), account_id=account_id, facts={kind: what}
        )
