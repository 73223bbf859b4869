"""What JMAP changes about emails: where they are, how they are marked, new ones, gone ones.

An email is changed whole or not at all; blob and summary stay (RFC 8621 §4.6). What is new is
sealed under the owner's own key, drafts included.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailserver.mail import letter
from mailserver.mail.emails import Emails
from mailserver.mail.lessons import Lesson
from mailserver.mail.opened import Opened
from mailserver.model.email import Email
from mailserver.model.errors import Absent, Condition, MailError, Transient
from mailserver.model.ids import EmailId, MailboxId, Uid
from mailserver.model.message import Flag, Keywords
from mailserver.model.sealed import Plaintext
from mailserver.store.rearranging import UNCHANGED, Rearrangement, SetChange

ATTEMPTS = 4  # at an email that somebody else moves at the same moment

__all__ = ["Arranging", "Marks", "NewEmail", "Order", "SetChange"]


@dataclass(frozen=True, slots=True)
class Marks:
    r"""System flags without \Deleted, and keywords."""

    flags: Flag = Flag.NONE
    keywords: Keywords = frozenset()


@dataclass(frozen=True, slots=True)
class Order:
    """What one email shall have."""

    email_id: EmailId
    mailboxes: SetChange = UNCHANGED
    marks: Marks | None = None
    """In the place of all it has."""
    add: Marks = Marks()
    remove: Marks = Marks()
    destroy: bool = False


@dataclass(frozen=True, slots=True)
class NewEmail:
    """An email to be."""

    octets: Plaintext
    mailboxes: Sequence[MailboxId]
    """One at least."""
    marks: Marks = Marks()
    received_at: datetime | None = None
    """When we got it; now, where None."""


class Arranging:
    """The emails of one unlocked account, to be changed."""

    def __init__(self, opened: Opened, emails: Emails) -> None:
        self._opened = opened
        self._emails = emails

    async def change(self, orders: Sequence[Order]) -> list[MailError | None]:
        """Carry out orders, one an email; return None or why not for each, in order.

        An outcome is Absent (NO_SUCH_MESSAGE, NO_SUCH_MAILBOX), PeerFault (BAD_SYNTAX: it would be
        in no mailbox), Refused (LIMIT: too many keywords) or Transient (BUSY).
        """
        outcomes: list[MailError | None] = [None] * len(orders)
        left = list(range(len(orders)))
        for _ in range(ATTEMPTS):
            ready: list[tuple[int, Rearrangement]] = []
            for n in left:
                try:
                    ready.append((n, await self._rearrangement(orders[n])))
                except MailError as error:
                    outcomes[n] = error
            store = self._opened.store.emails
            done = await store.rearrange(self._opened.account_id, [each for _, each in ready])
            left = []
            for (n, _), outcome in zip(ready, done, strict=True):
                outcomes[n] = outcome
                if outcome is not None and outcome.condition is Condition.CHANGED_MEANWHILE:
                    left.append(n)
                elif outcome is None and not orders[n].mailboxes.is_none:
                    await self._learn(orders[n].email_id, ready)
            if not left:
                return outcomes
        for n in left:
            outcomes[n] = Transient(Condition.BUSY, "this email is being changed by others")
        return outcomes

    async def create(self, new: NewEmail) -> Email:
        """Store an email.

        Raises:
            Absent: NO_SUCH_MAILBOX.
            Refused: OVER_QUOTA; LIMIT, too many keywords.
            Transient: nothing is stored.
        """
        first, *also = new.mailboxes
        opened = self._opened
        sealed = await letter.seal(
            await letter.scan(new.octets.reveal(), opened.offload),
            await opened.owner_key(),
            opened.unlocked.guard,
            first,
            offload=opened.offload,
            internaldate=new.received_at or datetime.now(UTC),
            flags=new.marks.flags,
            keywords=await opened.keywords.numbers(new.marks.keywords),
        )
        appended = await opened.store.emails.append(letter.in_more(sealed, also))
        async for email in self._emails.get([appended.email_id]):
            return email
        raise Absent(Condition.NO_SUCH_MESSAGE, "this message was removed at once")

    async def _learn(self, email_id: EmailId, done: Sequence[tuple[int, Rearrangement]]) -> None:
        """Show what somebody says of a message by moving it."""
        origins = {
            place[0] for _, each in done if each.email_id == email_id for place in each.places
        }
        for mailbox_id, uid in await self._emails.places(email_id):
            if mailbox_id not in origins and origins:
                self._opened.show(Lesson(mailbox_id, [Uid(uid)], origin=min(origins)))

    async def _rearrangement(self, order: Order) -> Rearrangement:
        places = await self._emails.places(order.email_id, hidden=order.destroy)
        if not places:
            raise Absent(Condition.NO_SUCH_MESSAGE, "there is no such email")
        keywords = self._opened.keywords
        marks = order.marks
        return Rearrangement(
            order.email_id,
            [(mailbox_id, Uid(uid)) for mailbox_id, uid in places],
            order.mailboxes,
            SetChange(
                None if marks is None else _bits(marks.flags),
                _bits(order.add.flags),
                _bits(order.remove.flags),
            ),
            SetChange(
                None if marks is None else frozenset(await keywords.numbers(marks.keywords)),
                frozenset(await keywords.numbers(order.add.keywords)),
                frozenset(await keywords.known(order.remove.keywords)),
            ),
            order.destroy,
        )


def mailboxes_change(
    only: Iterable[MailboxId] | None = None,
    more: Iterable[MailboxId] = (),
    fewer: Iterable[MailboxId] = (),
) -> SetChange:
    """Say which mailboxes an email shall be in."""
    return SetChange(None if only is None else frozenset(only), frozenset(more), frozenset(fewer))


def _bits(flags: Flag) -> frozenset[int]:
    return frozenset(int(bit) for bit in flags)
