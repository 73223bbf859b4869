r"""How many emails and threads each mailbox shows (RFC 8621 §2).

A thread counts as unread in a mailbox if it has an email in it, and an unread one anywhere; what
lies in Trash and nowhere else does not count elsewhere, nor does the rest count in Trash. So all
that a change does to the counts is in the threads it touches: what those contributed is taken off
before it and added again after it.
"""

from collections.abc import Collection

from mailserver.mail.catalogue import DELETED, Catalogue
from mailserver.model.email import MailboxCounts
from mailserver.model.ids import EmailId, MailboxId
from mailserver.model.message import Flag
from mailserver.store.catalogue import News

READ = int(Flag.SEEN | Flag.DRAFT)
"""An email with either is not unread."""
MANY_THREADS = 4_000  # from there on counting everything anew is quicker


class Tally:
    """The counts of every mailbox, as its catalogue changes."""

    def __init__(self, catalogue: Catalogue, trash: MailboxId | None) -> None:
        """Count everything; `trash` is the mailbox with that role."""
        self.catalogue = catalogue
        self.trash = trash
        self._counts = {
            mailbox_id: [count.emails, count.unread_emails, count.threads, count.unread_threads]
            for mailbox_id, count in counted(catalogue, trash).items()
        }

    def apply(self, news: News) -> bool:
        """Bring the catalogue up to date, and the counts with it.

        False where that is too much: the catalogue is up to date, the counts are of no use.
        """
        threads = self.catalogue.touched(news)
        within_reach = len(threads) <= MANY_THREADS
        if within_reach:
            self._add(threads, -1)
        self.catalogue.apply(news)
        if within_reach:
            self._add(threads, 1)
        return within_reach

    def counts(self) -> dict[MailboxId, MailboxCounts]:
        """Return the counts of every mailbox that shows anything."""
        return {
            mailbox_id: MailboxCounts(*count)
            for mailbox_id, count in self._counts.items()
            if count[0]
        }

    def _add(self, threads: Collection[int], sign: int) -> None:
        for thread in threads:
            for mailbox_id, part in self._of_thread(thread).items():
                count = self._counts.setdefault(mailbox_id, [0, 0, 0, 0])
                for n, number in enumerate(part):
                    count[n] += sign * number

    def _of_thread(self, thread: int) -> dict[MailboxId, list[int]]:
        """Return what one thread contributes to each mailbox it is in."""
        found: dict[MailboxId, list[int]] = {}
        in_trash = elsewhere = False
        for email in self.catalogue.in_thread(thread):
            places = self.catalogue.visible(email)
            boxes = {mailbox_id for mailbox_id, _, _ in places}
            fresh = not any(flags & READ for _, _, (flags, _) in places)
            for mailbox_id in boxes:
                part = found.setdefault(mailbox_id, [0, 0, 1, 0])
                part[0] += 1
                part[1] += fresh
            if fresh:
                in_trash = in_trash or self.trash in boxes
                elsewhere = elsewhere or bool(boxes - {self.trash})
        for mailbox_id, part in found.items():
            part[3] = int(in_trash if mailbox_id == self.trash else elsewhere)
        return found


def unread(catalogue: Catalogue) -> set[int]:
    r"""Return the emails none of whose visible entries is \Seen or a draft."""
    fitting = {n for n, (flags, _) in enumerate(catalogue.states) if not flags & (READ | DELETED)}
    if not fitting:
        return set()
    found: set[int] = set()
    for box in catalogue.boxes.values():
        pairs = zip(box.emails, box.states, strict=True)
        found.update(email for email, state in pairs if state in fitting)
    return found - (catalogue.having(READ, None) if catalogue.shared else set())


def counted(catalogue: Catalogue, trash: MailboxId | None) -> dict[MailboxId, MailboxCounts]:
    """Count for every mailbox that shows anything; `trash` is the one with that role."""
    fresh, threads = unread(catalogue), catalogue.threads
    if trash is None:
        in_trash: set[int] = set()
        elsewhere = {threads[email] for email in fresh}
    else:
        discarded = fresh & catalogue.in_mailbox(trash)
        in_trash = {threads[email] for email in discarded}
        only = {
            email
            for email in discarded
            if all(place[0] == trash for place in catalogue.visible(EmailId(email)))
        }
        elsewhere = {threads[email] for email in fresh - only}
    found = {}
    for mailbox_id in catalogue.boxes:
        emails = catalogue.in_mailbox(mailbox_id)
        there = {threads[email] for email in emails}
        talking = in_trash if mailbox_id == trash else elsewhere
        if emails:
            found[mailbox_id] = MailboxCounts(
                len(emails), len(emails & fresh), len(there), len(there & talking)
            )
    return found
