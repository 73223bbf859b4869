"""Traces: why one account's mail does not come or go, looked at for an hour, by two people.

    started   by an operator for a reason, with a second administrator's consent; the owner is told
    running   60 minutes at most; every process notes the account's addresses and steps of delivery
    over      stopped, or its time is over
    gone      what was noted is deleted 24 hours after the beginning; that it was, stays on record

No trace has content, subjects or names of files. Source: PRIVACY §11.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from mailserver.accounts.admins import Admin
from mailserver.accounts.keyring import Keyring
from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, Event, Facts
from mailserver.mail.tracing import Step, Traced, Tracer
from mailserver.model.errors import Absent, Condition, Conflict, Corrupt, PeerFault, Refused
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice, Tell
from mailserver.privacy.ledger import Entry, Fields, Ledger
from mailserver.privacy.trace_files import TraceFiles, opened, seal
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.store.registers import Register
from mailserver.vault.administrators import admin_row_id

LONGEST = timedelta(minutes=60)
NOTES_KEPT = timedelta(hours=24)
KEPT = timedelta(days=1827)  # five years: that there was one, as of openings
REASON_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace."""

    number: int
    account_id: AccountId
    address: str
    reason: str
    since: datetime
    until: datetime
    """When it ends, or was stopped."""
    second: str
    """Who consented."""
    dropped_at: datetime | None
    """When what was noted was deleted."""


class Traces:
    """The traces of this server."""

    def __init__(
        self,
        ledger: Ledger,
        keyring: Keyring,
        chain: Chain,
        clock: Clock,
        tell: Tell,
        tracer: Tracer,
        files: TraceFiles,
        offload: Offload,
    ) -> None:
        """Write what `tracer` notes into `files`; that it was done stands in `ledger`."""
        self._ledger = ledger
        self._keyring = keyring
        self._chain = chain
        self._clock = clock
        self._tell = tell
        self._tracer = tracer
        self._files = files
        self._offload = offload

    async def start(
        self,
        account_id: AccountId,
        address: str,
        reason: str,
        length: timedelta,
        second: Admin | None,
        *,
        actor: str = OPERATOR,
    ) -> Trace:
        """Begin a trace; its owner is told before anything is noted.

        Raises:
            Refused: NOT_PERMITTED, no second administrator consents.
            PeerFault: BAD_SYNTAX, it has no reason, or is longer than an hour.
            Conflict: ALREADY_EXISTS, the account is traced.
        """
        if second is None:
            raise Refused(Condition.NOT_PERMITTED, "a trace needs a second administrator's consent")
        reason = " ".join(reason.split())
        if not 0 < len(reason) <= REASON_CHARACTERS:
            raise PeerFault(Condition.BAD_SYNTAX, "a trace needs its reason, of 500 characters")
        if not timedelta() < length <= LONGEST:
            raise PeerFault(Condition.BAD_SYNTAX, "a trace lasts from 1 to 60 minutes")
        now = self._clock.now()
        if any(one.account_id == account_id and now < one.until for one in await self.listing()):
            raise Conflict(Condition.ALREADY_EXISTS, "this account is being traced")
        until = now + length
        consent = admin_row_id(second.name).hex()[:16]
        minutes = int(length.total_seconds()) // 60
        facts: Facts = {"what": "started", "minutes": minutes, "consent": consent}
        await self._chain.record(Event.TRACED, actor=actor, account_id=account_id, facts=facts)
        await self._tell(account_id, Notice.TRACED, f"{until:%Y-%m-%d %H:%M} UTC; {reason}")
        fields: Fields = {
            "account": account_id.hex(),
            "address": address,
            "reason": reason,
            "since": now.isoformat(),
            "until": until.isoformat(),
            "second": second.name,
            "dropped": "",
        }
        number = await self._ledger.add(Register.TRACE, fields, actor=actor)
        await self.beat()
        return _trace(await self._ledger.get(Register.TRACE, number))

    async def stop(self, number: int, *, actor: str = OPERATOR) -> Trace:
        """End a trace now; what it noted stays until its day is over.

        Raises:
            Absent: there is no such trace.
            Refused: NOT_PERMITTED, it is over.
        """
        entry = await self._ledger.get(Register.TRACE, number)
        one, now = _trace(entry), self._clock.now()
        if now >= one.until:
            raise Refused(Condition.NOT_PERMITTED, "this trace is over")
        await self._record("stopped", one, actor)
        await self._change(entry, {"until": now.isoformat()}, actor)
        await self.beat()
        return replace(one, until=now)

    async def show(self, number: int, *, actor: str = OPERATOR) -> tuple[Trace, list[Step], int]:
        """Return a trace, what it noted so far, and how many of its lines were altered.

        Raises:
            Absent: there is no such trace, or what it noted is deleted.
        """
        one = _trace(await self._ledger.get(Register.TRACE, number))
        if one.dropped_at is not None or self._clock.now() >= one.since + NOTES_KEPT:
            raise Absent(Condition.NO_SUCH_MESSAGE, "what this trace noted is deleted")
        await self._record("shown", one, actor)
        await self.beat()
        guard = await self._keyring.guard(one.account_id)
        steps, damaged = [], 0
        for line in await self._offload(self._files.lines, number):
            try:
                steps.append(opened(guard, line))
            except Corrupt:
                damaged += 1
        return one, sorted(steps, key=lambda step: step.at), damaged

    async def listing(self) -> list[Trace]:
        """Return every trace that there was, by number."""
        return [_trace(entry) for entry in await self._ledger.entries(Register.TRACE)]

    async def beat(self) -> None:
        """Learn who is traced now, and write what was noted; each process does so all the time."""
        now = self._clock.now()
        self._tracer.active = {
            one.account_id: Traced(one.number, one.until)
            for one in await self.listing()
            if now < one.until
        }
        await self.flush()

    async def flush(self) -> None:
        """Write what was noted."""
        taken = self._tracer.taken()
        by_trace: dict[tuple[AccountId, int], list[Step]] = {}
        for account_id, number, step in taken:
            by_trace.setdefault((account_id, number), []).append(step)
        try:
            for (account_id, number), steps in by_trace.items():
                await self._write(account_id, number, steps)
        except BaseException:
            self._tracer.give_back(taken)
            raise

    async def tend(self) -> None:
        """Delete what was noted a day ago; called every few minutes."""
        now = self._clock.now()
        for entry in await self._ledger.entries(Register.TRACE):
            one = _trace(entry)
            if one.dropped_at is None and now >= one.since + NOTES_KEPT:
                await self._offload(self._files.drop, one.number)
                await self._record("deleted", one, OPERATOR)
                await self._change(entry, {"dropped": now.isoformat()}, OPERATOR)
            elif now >= one.since + KEPT:
                await self._ledger.drop(Register.TRACE, one.number)

    async def _write(self, account_id: AccountId, number: int, steps: Iterable[Step]) -> None:
        try:
            guard = await self._keyring.guard(account_id)
        except Absent:  # erased meanwhile: there is nobody to trace
            return
        lines = [seal(guard, step) for step in steps]
        await self._offload(partial(self._files.append, number, lines))

    async def _change(self, entry: Entry, changed: Fields, actor: str) -> None:
        await self._ledger.change(Register.TRACE, entry, entry.fields | changed, actor=actor)

    async def _record(self, what: str, one: Trace, actor: str) -> None:
        facts: Facts = {"what": what, "trace": one.number}
        await self._chain.record(Event.TRACED, actor=actor, account_id=one.account_id, facts=facts)


def _trace(entry: Entry) -> Trace:
    fields = entry.fields
    return Trace(
        number=entry.number,
        account_id=AccountId(bytes.fromhex(fields["account"])),
        address=fields["address"],
        reason=fields["reason"],
        since=datetime.fromisoformat(fields["since"]),
        until=datetime.fromisoformat(fields["until"]),
        second=fields["second"],
        dropped_at=datetime.fromisoformat(fields["dropped"]) if fields["dropped"] else None,
    )
