"""Openings by custodians: asked with a reason, answered by both in an hour, one export of a day.

    asked     a request with a key of its own; it lapses after 60 minutes
    answered  by one custodian: nothing opens
    opened    by both; the owner is told at once, or at most 30 days later while a legal hold stands
    exported  once; its file opens for 24 hours, then its key is gone

Who decides stands in the keystore; the register (`Register.ESCROW`) tells what was done, to the
organisation and, once he was told, to the owner. With the export the wrap is used up: the owner's
next session makes one with new halves. Source: PRIVACY §5; ADR 27.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailserver.accounts.directory import addresses_of
from mailserver.accounts.escrow import Escrow
from mailserver.accounts.escrow_wraps import EscrowWraps
from mailserver.accounts.keyring import Keyring, Wrap
from mailserver.accounts.sessions import Lease, Sessions
from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, Event, Facts
from mailserver.crypto.secret import SecretKey, overwrite
from mailserver.crypto.stream import StreamOpener, StreamSealer
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Absent, Condition, Conflict, PeerFault, Refused
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice, Tell
from mailserver.model.sealed import Guarded
from mailserver.privacy.escrow_entry import Opening, asked, opening
from mailserver.privacy.holds import Holds
from mailserver.privacy.ledger import Ledger
from mailserver.runtime.clock import Clock
from mailserver.store.keystore import Delete, Insert, Replace, Row, Step
from mailserver.store.keystore_tables import Rows
from mailserver.store.registers import Register
from mailserver.vault.escrow import CUSTODIANS, check_half, open_escrow_wrap
from mailserver.vault.escrow_export import export_opener, export_sealer, new_seed, public_half
from mailserver.vault.escrow_request import Answer, Request, half_of, not_an_answer
from mailserver.vault.escrow_rows import REQUESTS, RequestRecord, open_request, seal_request
from mailserver.vault.records import WrapKind

ANSWERED_WITHIN = timedelta(minutes=60)
EXPORT_LIFE = timedelta(hours=24)
REASON_CHARACTERS = 500  # its owner reads it in the notice
TOLD_WITHIN = timedelta(days=30)
KEPT = timedelta(days=1827)  # five years, as of breaches
_REQUEST_OCTETS = 16


@dataclass(frozen=True, slots=True, repr=False)
class _Found:
    row: Row
    record: RequestRecord


class Openings:
    """The openings of this server's accounts."""

    def __init__(
        self,
        escrow: Escrow,
        wraps: EscrowWraps,
        keyring: Keyring,
        sessions: Sessions,
        ledger: Ledger,
        holds: Holds,
        chain: Chain,
        clock: Clock,
        tell: Tell,
        *,
        suite: Suite = Suite.HYBRID,
    ) -> None:
        """Open accounts of `keyring`; what is done stands in `ledger` and `chain`."""
        self._escrow = escrow
        self._wraps = wraps
        self._keyring = keyring
        self._sessions = sessions
        self._ledger = ledger
        self._holds = holds
        self._chain = chain
        self._clock = clock
        self._tell = tell
        self._suite = suite

    async def ask(
        self, account_id: AccountId, reason: str, *, hold: int | None = None, actor: str = OPERATOR
    ) -> tuple[int, Request]:
        """Ask both custodians to open an account; return the number, and what goes to them.

        `hold` is a legal hold of the account, which delays the notice to its owner.

        Raises:
            PeerFault: BAD_SYNTAX, there is no reason.
            Refused: NOT_PERMITTED, escrow is off, or that hold is none of the account's.
            Absent: NO_SUCH_CREDENTIAL, escrow does not have effect for this account.
            Conflict: ALREADY_EXISTS, a request of the account is open.
        """
        reason = " ".join(reason.split())
        if not 0 < len(reason) <= REASON_CHARACTERS:
            raise PeerFault(
                Condition.BAD_SYNTAX,
                f"an opening needs its reason, of {REASON_CHARACTERS} characters at most",
            )
        standing = await self._escrow.standing()
        if standing is None or not standing.is_complete:
            raise Refused(Condition.NOT_PERMITTED, "escrow is off, or lacks a custodian")
        account = await self._keyring.account(account_id, fresh=True)
        wrap = await self._wraps.wrap_of(account)
        if wrap is None:
            raise Absent(
                Condition.NO_SUCH_CREDENTIAL,
                "escrow has no effect for this account: its owner has not seen the notice since",
            )
        if any(found.row.account_id == account_id for found in await self._requests()):
            raise Conflict(Condition.ALREADY_EXISTS, "an opening of this account is under way")
        await self._check_hold(hold, account_id)
        seed, now = new_seed(), self._clock.now()
        address = str(addresses_of(account)[0])
        request = self._request(wrap, seed, address, reason, now)
        number = await self._ledger.last(Register.ESCROW) + 1
        await self._record("asked", number, None, actor)
        fields = asked(account_id, address, reason, now, hold, wrap.row_id)
        await self._ledger.add(Register.ESCROW, fields, actor=actor, number=number)
        record = RequestRecord(number, request, seed.octets)
        await self._keyring.apply([*standing.requires, Insert(Rows.ESCROW, self._row(record))])
        seed.wipe()
        return number, request

    async def take(self, answer: Answer, *, actor: str = OPERATOR) -> Opening:
        """Take a custodian's answer; with the second one the account is open for one export.

        Raises:
            Absent: NO_SUCH_CREDENTIAL, there is no such request (any more).
            Refused: EXPIRED, it is too late; AUTHENTICATION_FAILED, it is no answer to it;
                NOT_PERMITTED, it is of nobody who was asked, or who left.
            Conflict: ALREADY_EXISTS, this custodian answered before; CHANGED_MEANWHILE.
            Corrupt: KEY_MISMATCH, a row is not authentic.
        """
        found = await self._found(answer.request)
        record, now = found.record, self._clock.now()
        if now >= record.request.expires_at and record.opened_at is None:
            await self._end(found)
            raise Refused(Condition.EXPIRED, "both answers come within 60 minutes; ask again")
        standing = await self._escrow.standing()
        if standing is None or answer.custodian not in {x.key.id for x in standing.custodians}:
            raise Refused(Condition.NOT_PERMITTED, "this is no custodian's, or not any more")
        if answer.custodian in record.answers:
            raise Conflict(Condition.ALREADY_EXISTS, "this custodian has answered; ask the other")
        wrap = await self._wrap(record)
        half = half_of(record.request, record.seed, answer.custodian, answer.sealed)
        try:
            check_half(wrap.record, answer.custodian, half)
        finally:
            overwrite(half)
        answers = record.answers | {answer.custodian: answer.sealed}
        both = len(answers) == CUSTODIANS
        changed = replace(record, answers=answers, opened_at=now if both else None)
        await self._record("opened" if both else "answered", record.number, None, actor)
        steps: list[Step] = [*standing.requires, self._replacing(found, changed)]
        await self._keyring.apply(steps)
        return await self._settle(changed)

    async def unlock(self, number: int) -> Lease:
        """Hold an opened account, for its one export.

        Raises:
            Absent: NO_SUCH_CREDENTIAL, there is no such request (any more).
            Refused: NOT_PERMITTED, both custodians have not answered, or the export was made;
                EXPIRED.
        """
        found = await self._numbered(number)
        record = found.record
        if record.opened_at is None or record.is_spent:
            why = "its export was made" if record.is_spent else "both custodians must answer first"
            raise Refused(Condition.NOT_PERMITTED, why)
        self._check_life(record)
        await self._settle(record)  # no letter is read before its owner is told, or a hold stands
        wrap = await self._wrap(record)
        halves = [
            half_of(record.request, record.seed, custodian, record.answers[custodian])
            for custodian, _ in record.request.halves
        ]
        account = await self._keyring.account(record.request.account, fresh=True)
        key = open_escrow_wrap(record.request.account, wrap.row_id, wrap.record, halves)
        return self._sessions.lease(account, key, wrap.row_id, record.opened_at + EXPORT_LIFE)

    async def begin_export(
        self, number: int, *, actor: str = OPERATOR
    ) -> tuple[SecretKey, StreamSealer]:
        """Write down that the export is made; return the seed of its key, and what seals it."""
        found = await self._numbered(number)
        entry = await self._ledger.get(Register.ESCROW, number)
        told = opening(entry).told_at is not None
        account_id = found.record.request.account if told else None
        facts: Facts = {"format": "zip", "by": "escrow", "request": number}
        await self._chain.record(Event.EXPORTED, actor=actor, account_id=account_id, facts=facts)
        await self._record("export-begun", number, None, actor)
        seed = new_seed()
        return seed, export_sealer(seed, self._suite, number)

    async def end_export(self, number: int, seed: SecretKey, *, actor: str = OPERATOR) -> None:
        """Use the opening up: the file is whole. The wrap goes, and so do both answers.

        Raises:
            Conflict: CHANGED_MEANWHILE, another export was faster; this one's key is not kept.
        """
        found = await self._numbered(number)
        record = found.record
        if record.is_spent:
            raise Conflict(Condition.CHANGED_MEANWHILE, "the one export was made meanwhile")
        spent = replace(record, answers={}, seed=bytearray(), export_seed=seed.octets)
        await self._record("exported", number, None, actor)
        await self._note(number, actor, exported=self._clock.now())
        await self._keyring.apply([self._replacing(found, spent)])
        seed.wipe()
        await self._use_up(opening(await self._ledger.get(Register.ESCROW, number)))

    async def export_opener(self, number: int) -> StreamOpener:
        """Return what opens the export of an opening, for 24 hours.

        Raises:
            Absent: NO_SUCH_CREDENTIAL, it is over.
            Refused: NOT_PERMITTED, it was not made; EXPIRED.
        """
        record = (await self._numbered(number)).record
        if not record.is_spent:
            raise Refused(Condition.NOT_PERMITTED, "no export was made of it")
        self._check_life(record)
        await self._record("unsealed", number, None, OPERATOR)
        return export_opener(record.export_seed, self._suite, number)

    async def listing(self) -> list[Opening]:
        """Return every opening that was ever asked for, by number."""
        return [opening(entry) for entry in await self._ledger.entries(Register.ESCROW)]

    async def tend(self) -> None:
        """End what is over, tell owners whose hold ended, and drop entries after five years."""
        now = self._clock.now()
        for found in await self._requests():
            await self._settle(found.record)
            opened_at = found.record.opened_at
            ends_at = opened_at + EXPORT_LIFE if opened_at else found.record.request.expires_at
            if now >= ends_at:
                await self._end(found)
        standing = {hold.number for hold in await self._holds.standing(now)}
        for one in await self.listing():
            if one.opened_at is not None and one.told_at is None:
                if now >= one.opened_at + TOLD_WITHIN or one.hold not in standing:
                    await self._tell_owner(one)
            elif now >= one.asked_at + KEPT:
                await self._ledger.drop(Register.ESCROW, one.number)

    async def _settle(self, record: RequestRecord) -> Opening:
        """Let the register say what the keystore does, and tell the owner unless a hold stands."""
        entry = await self._ledger.get(Register.ESCROW, record.number)
        one = opening(entry)
        if record.opened_at is not None and one.opened_at is None:
            one = await self._note(one.number, OPERATOR, opened=record.opened_at)
        if one.opened_at is not None and one.told_at is None and one.hold is None:
            one = await self._tell_owner(one)
        return one

    async def _tell_owner(self, one: Opening) -> Opening:
        await self._record("told", one.number, one.account_id, OPERATOR)
        await self._tell(one.account_id, Notice.ESCROW_OPENED, one.reason)
        told = await self._note(one.number, OPERATOR, told=self._clock.now())
        if one.exported_at is not None or one.over_at is not None:
            await self._use_up(told)
        return told

    async def _use_up(self, one: Opening) -> None:
        """Delete the wrap of an opening, once its owner knows: he sees that it is made anew."""
        if one.told_at is not None:
            wraps = await self._keyring.wraps(one.account_id, WrapKind.ESCROW)
            used = [self._keyring.drop_wrap(wrap) for wrap in wraps if wrap.row_id == one.wrap]
            await self._keyring.apply(used)
        await self._keyring.clear()

    async def _end(self, found: _Found) -> None:
        """Destroy a request: its answers, and the keys of its export. An open wrap is used up."""
        record, row = found.record, found.row
        await self._record("ended", record.number, None, OPERATOR)
        await self._keyring.apply([Delete(Rows.ESCROW, row.account_id, row.row_id, row.sealed)])
        one = await self._note(record.number, OPERATOR, over=self._clock.now())
        if record.opened_at is not None:
            await self._use_up(one)
        else:
            await self._keyring.clear()

    async def _note(self, number: int, actor: str, **times: datetime) -> Opening:
        entry = await self._ledger.get(Register.ESCROW, number)
        said = {name: at.isoformat() for name, at in times.items()}
        await self._ledger.change(Register.ESCROW, entry, entry.fields | said, actor=actor)
        return opening(replace(entry, fields=entry.fields | said))

    def _request(
        self, wrap: Wrap, seed: SecretKey, address: str, reason: str, now: datetime
    ) -> Request:
        return Request(
            id=secrets.token_bytes(_REQUEST_OCTETS),
            address=address,
            account=wrap.row.account_id,
            reason=reason,
            made_at=now,
            expires_at=now + ANSWERED_WITHIN,
            row_id=wrap.row_id,
            generation=wrap.record.generation,
            halves=tuple((half.custodian, half.sealed) for half in wrap.record.halves),
            suite=self._suite,
            public=public_half(seed, self._suite),
        )

    async def _check_hold(self, hold: int | None, account_id: AccountId) -> None:
        if hold is None:
            return
        standing = await self._holds.standing(self._clock.now())
        if not any(one.number == hold and one.account_id == account_id for one in standing):
            raise Refused(Condition.NOT_PERMITTED, "no hold of that number is this account's")

    async def _requests(self) -> list[_Found]:
        rows = await self._keyring.keystore.anywhere(Rows.ESCROW, REQUESTS)
        master = self._keyring.master
        return [
            _Found(row, open_request(master, row.account_id, row.row_id, row.sealed))
            for row in rows
        ]

    async def _found(self, request: bytes) -> _Found:
        for found in await self._requests():
            if found.row.row_id == request:
                return found
        raise _no_request()

    async def _numbered(self, number: int) -> _Found:
        for found in await self._requests():
            if found.record.number == number:
                return found
        raise _no_request()

    async def _wrap(self, record: RequestRecord) -> Wrap:
        """Return the wrap that a request is about, if it still is the account's."""
        account = await self._keyring.account(record.request.account, fresh=True)
        wrap = await self._wraps.wrap_of(account)
        if wrap is None or wrap.row_id != record.request.row_id:
            raise not_an_answer()
        return wrap

    def _check_life(self, record: RequestRecord) -> None:
        if record.opened_at is None or self._clock.now() >= record.opened_at + EXPORT_LIFE:
            raise Refused(Condition.EXPIRED, "an opening is good for 24 hours")

    def _replacing(self, found: _Found, record: RequestRecord) -> Replace:
        return Replace(Rows.ESCROW, self._row(record), found.row.sealed)

    def _row(self, record: RequestRecord) -> Row:
        sealed = seal_request(self._keyring.master, record)
        request = record.request
        return Row(request.account, request.id, REQUESTS, sealed.kid, Guarded(sealed.sealed))

    async def _record(
        self, what: str, number: int, account_id: AccountId | None, actor: str
    ) -> None:
        """Write a step to the audit log; it names the account only once its owner may know."""
        facts: Facts = {"what": what, "request": number}
        await self._chain.record(
            Event.ESCROW_OPENED, actor=actor, account_id=account_id, facts=facts
        )


def _no_request() -> Absent:
    return Absent(Condition.NO_SUCH_CREDENTIAL, "there is no such request, or it is over")
