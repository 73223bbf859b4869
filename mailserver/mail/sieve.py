"""Filters at delivery: what a reader's scripts and settings make of a message.

`decide` says what is to be done and does nothing; whoever delivers stores the message where it
says, and then calls `settle`, which remembers what must be remembered and returns the answers that
are to be sent. So a delivery that is tried again neither answers twice nor loses an answer.

However a script fails, the message is kept in INBOX and its author is told (PRIVACY §3). What is
Junk is neither answered nor sent on.
"""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from mailserver.mail.destination import Destination
from mailserver.mail.filing import Filed, filed, merged
from mailserver.mail.mailbox_answers import MailboxAnswers
from mailserver.mail.programs import Program, Programs
from mailserver.mail.scripts import Approved, Scripts
from mailserver.mail.vacation import sealed_setting
from mailserver.model.address import Address
from mailserver.model.errors import Corrupt
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.protocol import sieve
from mailserver.protocol.sieve.actions import (
    FileInto,
    Keep,
    Notify,
    Question,
    Redirect,
    Reject,
    SeenBefore,
    Vacation,
)
from mailserver.protocol.sieve.answering import (
    Reader,
    Stamp,
    notice,
    silence,
    vacation_answer,
)
from mailserver.protocol.sieve.message import Message
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.offload import Offload
from mailserver.runtime.settings import Sieve as Bounds
from mailserver.store.sieve import Setting
from mailserver.store.store import Store
from mailserver.vault.guard import AccountGuard

__all__ = ["Answer", "Arrival", "Decision", "Filed", "Filtering", "Scripts"]

INLINE_WORK = 10_000
"""Steps that a run may take on the event loop, some 10 ms; beyond them it begins again off it."""
FAILURE_CHARACTERS = 500

log = get_logger("mail")


class Recipient(Destination, Protocol):
    """An account as filters need it: whom mail comes to, and every address that is theirs."""

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Its addresses, its own name first."""
        ...

    @property
    def language(self) -> str:
        """In which its owner is written to; empty for English."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Arrival:
    """A message that came for one recipient, and what is known of it."""

    octets: bytes
    """As it will be stored, trace fields on top."""
    sender: Address | None
    """The reverse-path; None is `<>`."""
    recipient: Address
    """The forward-path, its detail included."""
    spam_percent: int | None = None
    """None where nobody looked."""
    virus: int = 0
    """As `sieve.Facts.virus`."""
    junk: bool = False
    """It goes to Junk unless a script says where: nothing is answered or sent on."""
    forged: bool = False
    """Its reverse-path is not its sender's: nobody who sent it would get an answer."""
    environment: dict[str, str] = field(default_factory=dict)
    """Items of the `environment` test (RFC 5183 §4.1): remote-host, remote-ip, domain, host."""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """A message of the server's own about another; it is sent with the null reverse-path."""

    recipient: Address
    message: Plaintext


@dataclass(frozen=True, slots=True, repr=False)
class Onward:
    """Whereto the message is sent on."""

    target: Address
    octets: Plaintext | None
    """The message as edited; None where it was not."""


@dataclass(frozen=True, slots=True, repr=False)
class Decision:
    """What is to be done with a message for one recipient.

    With no `keeps` and no `reject` it is dropped: its reader wanted that, or it went on elsewhere.
    """

    keeps: tuple[Filed, ...]
    redirects: tuple[Onward, ...] = ()
    reject: str | None = None
    """Refuse it with this text, best in the SMTP transaction (RFC 5429); nothing else is done."""
    vacation: Answer | None = None
    notifies: tuple[Answer, ...] = ()
    failure: str | None = None
    """What went wrong, in words for the script's author."""
    remembered: tuple[tuple[bytes, timedelta], ...] = ()
    """What `settle` writes down: hashes of ids, and for how long."""
    vacation_claim: tuple[bytes, timedelta] | None = None

    @property
    def edited(self) -> Plaintext | None:
        """The message as its filters edited it, where it is stored so everywhere."""
        return self.keeps[0].octets if self.keeps else None


KEPT = Decision((Filed(None),))
"""What becomes of mail without filters."""


class Filtering:
    """Runs the filters of accounts, whether or not their owners are signed in."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        offload: Offload,
        bounds: Bounds,
        approved: Approved,
    ) -> None:
        """Run what `store` keeps; `approved` says where mail may be sent on to."""
        self._store = store
        self._clock = clock
        self._offload = offload
        self._bounds = bounds
        self._approved = approved
        self._programs = Programs(store, bounds)

    async def decide(self, recipient: Recipient, arrival: Arrival) -> Decision:
        """Say what is to be done with a message.

        Raises:
            Transient: what decides cannot be read now; the sender should try again.
        """
        account_id, guard = recipient.identity.account, recipient.guard
        try:
            program = await self._programs.of(account_id, guard)
            if not program.scripts:
                return KEPT
            outcome = await self._run(program, account_id, guard, arrival)
        except sieve.SieveError as error:
            return self._failed(str(error))
        except Corrupt as error:
            log.error("filter not opened", condition=error.condition.name)
            return self._failed("the filter was damaged in storage; please store it again")
        if outcome.error is not None:
            return self._failed(str(outcome.error))
        return await self._decision(recipient, arrival, outcome)

    async def settle(self, recipient: Recipient, decision: Decision) -> list[Answer]:
        """Write down what a delivery that was stored leaves behind; returns what is to be sent.

        Raises:
            Transient: it is not written; the message is stored all the same.
        """
        account_id, now = recipient.identity.account, self._clock.now()
        if decision.remembered:
            seen = [(hash_, now + lasting) for hash_, lasting in decision.remembered]
            await self._store.sieve.remember(account_id, seen)
        if decision.failure is not None:
            fields = {"at": now.isoformat(), "text": decision.failure[:FAILURE_CHARACTERS]}
            value = sealed_setting(recipient.guard, Setting.FAILURE, fields)
            await self._store.sieve.set(account_id, Setting.FAILURE, value)
        answers = list(decision.notifies)
        if decision.vacation is not None and decision.vacation_claim is not None:
            hash_, lasting = decision.vacation_claim
            if await self._store.sieve.claim(account_id, hash_, now + lasting):
                answers.append(decision.vacation)
        return answers

    def forget(self, account_id: AccountId) -> None:
        """Drop what is at hand of an account that was erased."""
        self._programs.forget(account_id)

    async def _run(
        self, program: Program, account_id: AccountId, guard: AccountGuard, arrival: Arrival
    ) -> sieve.Outcome:
        """Run a program as often as it has questions."""
        first, *then = program.scripts
        answers: dict[Question, bool] = {}
        mailboxes = MailboxAnswers(self._store, account_id, guard)
        facts = self._facts(arrival)
        items = {"name": "Zegel", "location": "MDA", "phase": "during", **arrival.environment}
        included = {name: script.runnable for name, script in program.included.items()}
        while True:
            environment = sieve.Environment(items, answers, included)
            outcome = first.run(facts, environment, then, work=INLINE_WORK)
            if isinstance(outcome.error, sieve.TooMuchWork):
                outcome = await self._offload(first.run, facts, environment, then)
            question = outcome.question
            if question is None:
                return outcome
            if isinstance(question, SeenBefore):
                hash_ = _seen_hash(guard, question.handle, question.id)
                answers[question] = bool(await self._store.sieve.seen(account_id, [hash_]))
            else:
                answers[question] = await mailboxes.answer(question)

    def _facts(self, arrival: Arrival) -> sieve.Facts:
        return sieve.Facts(
            arrival.octets,
            str(arrival.sender) if arrival.sender else "",
            str(arrival.recipient),
            self._clock.now(),
            arrival.spam_percent,
            arrival.virus,
        )

    def _failed(self, reason: str) -> Decision:
        log.warning("filter failed")
        return Decision((Filed(None),), failure=reason)

    async def _decision(
        self, recipient: Recipient, arrival: Arrival, outcome: sieve.Outcome
    ) -> Decision:
        """Turn a script's actions into what delivery does."""
        account_id, guard = recipient.identity.account, recipient.guard
        mailboxes = MailboxAnswers(self._store, account_id, guard)
        keeps = [
            await filed(action, mailboxes)
            for action in outcome.actions
            if isinstance(action, Keep | FileInto)
        ]
        redirects, refused = await self._redirects(account_id, arrival, outcome)
        if refused and not keeps:
            keeps = [Filed(None)]
        missing = [f'there is no mailbox "{one.missing}"' for one in keeps if one.missing]
        rejects = [action for action in outcome.actions if isinstance(action, Reject)]
        message = Message(arrival.octets)
        vacation, claim = self._vacation(recipient, arrival, outcome, message)
        remembered = [
            (_seen_hash(guard, seen.handle, seen.id), timedelta(seconds=seen.seconds))
            for seen in outcome.seen
        ]
        return Decision(
            merged(keeps),
            tuple(redirects),
            rejects[0].reason if rejects else None,
            vacation,
            tuple(await self._notices(recipient, arrival, outcome, message)),
            "; ".join([*refused, *missing]) or None,
            tuple(remembered),
            claim,
        )

    async def _redirects(
        self, account_id: AccountId, arrival: Arrival, outcome: sieve.Outcome
    ) -> tuple[list[Onward], list[str]]:
        """Return where the message goes on to, and why it does not go elsewhere."""
        onward, refused = [], []
        for action in outcome.actions:
            if not isinstance(action, Redirect):
                continue
            target = Address.parse(action.address)
            if arrival.junk:
                refused.append("a message was taken for junk and not sent on")
            elif not await self._approved(account_id, target):
                refused.append(f"mail was not sent on to {target}: not approved, or not from here")
            else:
                octets = None if action.octets is None else Plaintext(action.octets)
                onward.append(Onward(target, octets))
        return onward, refused

    def _vacation(
        self, recipient: Recipient, arrival: Arrival, outcome: sieve.Outcome, message: Message
    ) -> tuple[Answer | None, tuple[bytes, timedelta] | None]:
        """Return the answer and what allows it once; nothing where there is to be none."""
        actions = [action for action in outcome.actions if isinstance(action, Vacation)]
        sender = arrival.sender
        if not actions or sender is None or arrival.junk or arrival.forged:
            return None, None
        action, reader = actions[0], _reader(recipient, arrival)
        if silence(message, sender, reader, action.addresses):
            return None, None
        answer = vacation_answer(action, message, sender, reader, self._stamp(reader))
        least = 0 if action.seconds == 0 else self._bounds.vacation_seconds
        lasting = timedelta(seconds=max(action.seconds, least))
        hash_ = recipient.guard.name_hash(f"vacation\0{action.handle}\0{sender.key}")
        return Answer(sender, Plaintext(answer)), (hash_, lasting)

    async def _notices(
        self, recipient: Recipient, arrival: Arrival, outcome: sieve.Outcome, message: Message
    ) -> list[Answer]:
        reader, answers = _reader(recipient, arrival), []
        for action in outcome.actions:
            if not isinstance(action, Notify) or arrival.junk:
                continue
            target = Address.parse(action.address)
            if not await self._approved(recipient.identity.account, target):
                continue
            octets = notice(action, message, reader, self._stamp(reader))
            if octets is not None:
                answers.append(Answer(target, Plaintext(octets)))
        return answers

    def _stamp(self, reader: Reader) -> Stamp:
        token = secrets.token_hex(16)
        return Stamp(self._clock.now(), f"{token}@{reader.address.domain}")


def _reader(recipient: Recipient, arrival: Arrival) -> Reader:
    """Return who answers: by the address that was written to, its detail left out."""
    local, _, _ = arrival.recipient.local.partition("+")
    address = Address(local or arrival.recipient.local, arrival.recipient.domain)
    keys = frozenset(own.key for own in recipient.addresses)
    if address.key not in keys and recipient.addresses:
        address = recipient.addresses[0]
    return Reader(address, keys | {arrival.recipient.key}, recipient.language)


def _seen_hash(guard: AccountGuard, handle: str, id_: str) -> bytes:
    return guard.name_hash(f"duplicate\0{handle}\0{id_}")
