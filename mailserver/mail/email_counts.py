r"""How many emails and threads each mailbox shows (RFC 8621 §2).

A thread counts as unread in a mailbox if it has an email in it, and an unread one anywhere; what
lies in Trash and nowhere else does not count elsewhere, nor does the rest count in Trash.
"""

from mailserver.mail.catalogue import DELETED, Catalogue
from mailserver.model.email import MailboxCounts
from mailserver.model.ids import EmailId, MailboxId
from mailserver.model.message import Flag

READ = int(Flag.SEEN | Flag.DRAFT)
"""An email with either is not unread."""


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


def counts(catalogue: Catalogue, trash: MailboxId | None) -> dict[MailboxId, MailboxCounts]:
    """Count for every mailbox that is not empty; `trash` is the one with that role."""
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
        found[mailbox_id] = MailboxCounts(
            len(emails), len(emails & fresh), len(there), len(there & talking)
        )
    return found
