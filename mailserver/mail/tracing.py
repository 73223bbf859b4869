"""What is noted of a traced account: addresses and steps of delivery, never a word of a letter.

For at most an hour, for one account, with a second administrator's consent and its owner's
knowledge (PRIVACY §11), to find out why mail does not come or go. `Step` has no place for content
or a subject. Nothing is noted of an account that is not traced; looking costs one dictionary.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailserver.mail.incoming import Incoming
from mailserver.mail.parcels import Due, Parcel
from mailserver.model.address import Address
from mailserver.model.envelope import RemoteReply
from mailserver.model.errors import Condition, MailError
from mailserver.model.ids import AccountId
from mailserver.runtime.clock import Clock, SystemClock

PENDING_STEPS = 10_000  # of all traces, until they are written, two seconds later


@dataclass(frozen=True, slots=True)
class Traced:
    """That an account is traced."""

    number: int
    until: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Step:
    """One step of a message; addresses in clear."""

    at: datetime
    step: str
    sender: str
    recipient: str
    peer: str = ""
    """Who handed it to us, or took it."""
    code: int = 0
    status: str = ""
    condition: str = ""
    octets: int = 0


class Tracer:
    """Notes steps of the accounts that are traced now; used on the event loop only."""

    def __init__(self, clock: Clock | None = None) -> None:
        """Trace nobody until told."""
        self._clock = clock or SystemClock()
        self.active: dict[AccountId, Traced] = {}
        self._pending: deque[tuple[AccountId, int, Step]] = deque(maxlen=PENDING_STEPS)

    def taken(self) -> list[tuple[AccountId, int, Step]]:
        """Return what was noted since the last call, with the number of each trace."""
        taken = list(self._pending)
        self._pending.clear()
        return taken

    def give_back(self, taken: Sequence[tuple[AccountId, int, Step]]) -> None:
        """Keep for the next call what could not be written."""
        self._pending.extendleft(reversed(taken))

    def arrived(
        self,
        message: Incoming,
        account_id: AccountId | None,
        recipient: Address,
        error: MailError | None,
    ) -> None:
        """Note what became of a message for an account of ours."""
        traced = self._traced(account_id)
        if traced is None or account_id is None:
            return
        self._note(
            account_id,
            traced,
            Step(
                at=self._clock.now(),
                step="delivered" if error is None else "refused",
                sender=_said(message.sender),
                recipient=str(recipient),
                peer="" if message.client is None else message.client.ip,
                condition="" if error is None else error.condition.name.lower(),
                octets=len(message.octets),
            ),
        )

    def full(self, account_id: AccountId, recipient: Address) -> None:
        """Note that mail waits outside because the mailbox is full."""
        traced = self._traced(account_id)
        if traced is not None:
            full = Condition.OVER_QUOTA.name.lower()
            step = Step(self._clock.now(), "refused", "", str(recipient), condition=full)
            self._note(account_id, traced, step)

    def queued(self, parcel: Parcel) -> None:
        """Note that an account's message goes to other servers."""
        account_id = parcel.origin.account_id
        traced = self._traced(account_id)
        if traced is None or account_id is None:
            return
        now, sender = self._clock.now(), _said(parcel.envelope.sender)
        for onward in parcel.recipients:
            octets = len(parcel.message)
            step = Step(now, "queued", sender, str(onward.address), octets=octets)
            self._note(account_id, traced, step)

    def tried(self, step: str, due: Due, reply: RemoteReply) -> None:
        """Note what another server said: its codes, for its words may quote anything."""
        traced = self._traced(due.account_id)
        if traced is None or due.account_id is None:
            return
        addresses = (_said(due.envelope.sender), str(due.recipient.address))
        now = self._clock.now()
        noted = Step(now, step, *addresses, reply.host, reply.code, reply.status)
        self._note(due.account_id, traced, noted)

    def _traced(self, account_id: AccountId | None) -> Traced | None:
        """Return an account's trace, unless its time is over."""
        if account_id is None or not self.active:
            return None
        traced = self.active.get(account_id)
        return None if traced is None or self._clock.now() >= traced.until else traced

    def _note(self, account_id: AccountId, traced: Traced, step: Step) -> None:
        self._pending.append((account_id, traced.number, step))


def _said(sender: Address | None) -> str:
    return "<>" if sender is None else str(sender)
