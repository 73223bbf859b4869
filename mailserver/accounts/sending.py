"""How much an account may send, and when it looks as if a thief does (PRIVACY §8 Rates).

Counted before anything is queued, in one write a submission; what is over a bound is refused for
now. Signs of a stolen account stop its sending and nothing else: its owner still signs in, reads,
receives, and is told; an administrator lets it send again.

    strangers   many recipients it never wrote to, from a network that is new to it
    failures    many of those it wrote to are nobody

An account that has not sent for a week of its life has no habits that could be told from a thief's;
lower bounds hold it meanwhile.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from enum import IntEnum
from typing import Final

from mailserver.accounts.keyring import Keyring
from mailserver.accounts.wishes import is_restricted
from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, SERVER, Event, Facts
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Conflict, Refused
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice, Tell, tell_nobody
from mailserver.runtime.clock import Clock
from mailserver.runtime.limits import wide_network_of
from mailserver.runtime.log import get_logger
from mailserver.runtime.settings import Limits
from mailserver.store.sending import Count, Counted
from mailserver.store.store import Store

FROZEN: Final = "sending-frozen"
"""In `AccountRecord.policy`: nothing is taken from the account to be sent."""
NEW_FOR = timedelta(days=7)
NETWORK_NEW_FOR = timedelta(days=1)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

Hold = Callable[[AccountId], Awaitable[int]]
"""Stops what of an account still waits to be sent; returns how much."""

log = get_logger("accounts")


class Span(IntEnum):
    """What is counted. Stored: never renumber."""

    MESSAGES = 1
    HOURLY_RECIPIENTS = 2
    DAILY_RECIPIENTS = 3
    STRANGERS = 4
    FAILURES = 5


_WORDS = {
    Span.MESSAGES: "messages a minute",
    Span.HOURLY_RECIPIENTS: "recipients an hour",
    Span.DAILY_RECIPIENTS: "recipients a day",
}


async def hold_nothing(_account_id: AccountId) -> int:
    """Leave the queue as it is: for servers without one."""
    return 0


class SendingLimits:
    """Counts what accounts send, and stops those that look stolen."""

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        chain: Chain,
        clock: Clock,
        bounds: Limits,
        *,
        tell: Tell = tell_nobody,
        hold: Hold = hold_nothing,
    ) -> None:
        """Count in `store` up to `bounds`; freeze in the rows of `keyring`."""
        self._store = store
        self._keyring = keyring
        self._chain = chain
        self._clock = clock
        self._bounds = bounds
        self._tell = tell
        self._hold = hold

    async def charge(self, account_id: AccountId, recipients: Sequence[Address], peer: str) -> None:
        """Count a submission that is about to be taken.

        Args:
            account_id: who submits.
            recipients: everybody it goes to.
            peer: the IP address it came from; empty for what this server submits for its owner.

        Raises:
            Refused: NOT_PERMITTED, sending is frozen; LIMIT, it is too much for now; TOO_MANY, it
                would be too much at any time.
            Transient: the store does not answer.
        """
        opened = await self._keyring.account(account_id)
        if FROZEN in opened.record.policy:
            raise Refused(Condition.NOT_PERMITTED, "sending is stopped for this account")
        if is_restricted(opened.record):
            raise Refused(
                Condition.NOT_PERMITTED, "this account is restricted: its mail is only kept"
            )
        counts = await self._counts(account_id, len(recipients))
        if counts is None:
            return
        hashes, network = {opened.guard.correspondent_hash(to) for to in recipients}, b""
        if peer:
            network = opened.guard.name_hash(f"sent from\0{wide_network_of(peer)}")
            hashes.add(network)
        counted = await self._store.sending.charge(
            account_id,
            counts,
            hashes=hashes,
            strangers=Count(Span.STRANGERS, DAY, 0, self._bounds.sending_strangers),
        )
        if counted.refused is not None:
            raise _refusal(counted.refused, counted)
        if self._is_strange(counted, network):
            await self._freeze(account_id, "strangers", counted.totals[Span.STRANGERS])
            raise Refused(Condition.NOT_PERMITTED, "sending is stopped for this account")

    async def failed(self, account_id: AccountId) -> None:
        """Count a recipient who could never be reached; called for each as the queue gives up.

        Raises:
            Transient: the store does not answer.
        """
        most = self._bounds.sending_failures
        if not most:
            return
        counts = [Count(Span.FAILURES, DAY, 1), Count(Span.DAILY_RECIPIENTS, DAY, 0)]
        totals = (await self._store.sending.charge(account_id, counts)).totals
        failures, sent = totals[Span.FAILURES], totals[Span.DAILY_RECIPIENTS]
        # Of what filters send on nothing is counted as sent: an old forward freezes nobody.
        if failures >= most and sent >= most and failures * 2 >= sent:
            await self._freeze(account_id, "failures", failures)

    async def unfreeze(self, account_id: AccountId, *, actor: str = OPERATOR) -> None:
        """Let an account send again; its counts begin anew.

        Raises:
            Absent: NO_SUCH_USER.
            Conflict: CHANGED_MEANWHILE, it is not frozen.
        """
        opened = await self._keyring.account(account_id, fresh=True)
        if FROZEN not in opened.record.policy:
            raise Conflict(Condition.CHANGED_MEANWHILE, "sending is not frozen for this account")
        await self._chain.record(Event.SENDING_UNFROZEN, actor=actor, account_id=account_id)
        record = replace(opened.record, policy=opened.record.policy - {FROZEN})
        await self._keyring.apply([self._keyring.change_account(opened, record)])
        await self._store.sending.reset(account_id)
        await self._tell(account_id, Notice.SENDING_UNFROZEN, "")

    async def _counts(self, account_id: AccountId, recipients: int) -> list[Count] | None:
        """Return what to count; None where nothing is bounded."""
        bounds = self._bounds
        most = (
            bounds.sending_messages_per_minute,
            bounds.sending_recipients_per_hour,
            bounds.sending_recipients_per_day,
        )
        if not any(most) and not bounds.sending_strangers and not bounds.sending_failures:
            return None
        account = await self._store.accounts.get(account_id)
        share = 100
        if self._clock.now() - account.created_at < NEW_FOR:
            share = bounds.sending_first_week_percent
        minute, hour, day = (max(1, each * share // 100) if each else 0 for each in most)
        return [
            Count(Span.MESSAGES, MINUTE, 1, minute),
            Count(Span.HOURLY_RECIPIENTS, HOUR, recipients, hour),
            Count(Span.DAILY_RECIPIENTS, DAY, recipients, day),
        ]

    def _is_strange(self, counted: Counted, network: bytes) -> bool:
        """Say whether it is a thief's: too many new recipients, from where it never sent."""
        most, now = self._bounds.sending_strangers, self._clock.now()
        if not most or not network or counted.totals[Span.STRANGERS] < most:
            return False
        if counted.since is None or now - counted.since < NEW_FOR:
            return False
        return now - counted.first_seen.get(network, now) < NETWORK_NEW_FOR

    async def _freeze(self, account_id: AccountId, sign: str, number: int) -> None:
        """Stop an account's sending; said once, however many messages come at the same time."""
        try:
            opened = await self._keyring.account(account_id, fresh=True)
            if FROZEN in opened.record.policy:
                return
            record = replace(opened.record, policy=opened.record.policy | {FROZEN})
            step = self._keyring.change_account(opened, record)
            facts: Facts = {"sign": sign, "number": number}
            await self._chain.record(
                Event.SENDING_FROZEN, actor=SERVER, account_id=account_id, facts=facts
            )
            await self._keyring.apply([step])
        except (Absent, Conflict):
            return  # erased meanwhile, or somebody else froze it: the next message will show
        held = await self._hold(account_id)
        log.warning("sending frozen", sign=sign, number=number, held=held)
        await self._tell(account_id, Notice.SENDING_FROZEN, "")


def _refusal(count: Count, counted: Counted) -> Refused:
    span = Span(count.span)
    if count.amount > count.most:
        return Refused(
            Condition.TOO_MANY, f"this account may write to {count.most} {_WORDS[span]}, no more"
        )
    seconds = max(1, round(counted.wait.total_seconds()))
    return Refused(
        Condition.LIMIT, f"enough for now: {count.most} {_WORDS[span]}; again in {seconds} seconds"
    )
