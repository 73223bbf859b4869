"""Mailboxes as JMAP shows them: a tree of names out of IMAP's paths (RFC 8621 §2). Pure.

A level that nobody created has no mailbox; what lies below it hangs on the next level above that
exists, under the rest of its path.
"""

from collections.abc import Mapping, Sequence

from mailserver.model.email import MailboxCounts
from mailserver.model.ids import MailboxId
from mailserver.model.mailbox import SEPARATOR, Mailbox, Role
from webui.jmap import ids
from webui.jmap.registry import Properties

PROPERTIES = (
    "id", "name", "parentId", "role", "sortOrder", "totalEmails", "unreadEmails", "totalThreads",
    "unreadThreads", "myRights", "isSubscribed",
)  # fmt: skip
COUNTS = ("totalEmails", "unreadEmails", "totalThreads", "unreadThreads")
ORDERS = {Role.INBOX: 1, Role.DRAFTS: 2, Role.SENT: 3, Role.ARCHIVE: 4, Role.JUNK: 5}
"""Of roles in lists; Trash is the last of them, and the others follow by name."""
_LAST_ROLE = 6
_OTHERS = 10


def parent(path: str, paths: Mapping[str, Mailbox]) -> Mailbox | None:
    """Return the mailbox that the one at `path` hangs on."""
    above = path.rpartition(SEPARATOR)[0]
    while above:
        found = paths.get(above)
        if found is not None:
            return found
        above = above.rpartition(SEPARATOR)[0]
    return None


def name(path: str, paths: Mapping[str, Mailbox]) -> str:
    """Return what is left of `path` below its parent."""
    above = parent(path, paths)
    return path if above is None else path[len(above.name) + len(SEPARATOR) :]


def sort_order(mailbox: Mailbox) -> int:
    """Return where the mailbox stands among others: where its owner put it, or by its use."""
    if mailbox.sort_order is not None:
        return mailbox.sort_order
    if mailbox.role is None:
        return _OTHERS
    return ORDERS.get(mailbox.role, _LAST_ROLE)


def rights(mailbox: Mailbox) -> Properties:
    """Return what the owner may do: everything, but for INBOX's place and name."""
    is_inbox = mailbox.role is Role.INBOX
    return {
        "mayReadItems": True,
        "mayAddItems": True,
        "mayRemoveItems": True,
        "maySetSeen": True,
        "maySetKeywords": True,
        "mayCreateChild": True,
        "mayRename": not is_inbox,
        "mayDelete": not is_inbox,
        "maySubmit": True,
    }


def shown(
    mailbox: Mailbox, paths: Mapping[str, Mailbox], counts: Mapping[MailboxId, MailboxCounts]
) -> Properties:
    """Return all properties of a mailbox."""
    above = parent(mailbox.name, paths)
    count = counts.get(mailbox.id, MailboxCounts())
    label = name(mailbox.name, paths)
    return {
        "id": ids.of_mailbox(mailbox.id),
        "name": "Inbox" if mailbox.role is Role.INBOX else label,
        "parentId": None if above is None else ids.of_mailbox(above.id),
        "role": None if mailbox.role is None else mailbox.role.value,
        "sortOrder": sort_order(mailbox),
        "totalEmails": count.emails,
        "unreadEmails": count.unread_emails,
        "totalThreads": count.threads,
        "unreadThreads": count.unread_threads,
        "myRights": rights(mailbox),
        "isSubscribed": mailbox.subscribed,
    }


def by_path(mailboxes: Sequence[Mailbox]) -> dict[str, Mailbox]:
    """Return mailboxes by their whole names."""
    return {mailbox.name: mailbox for mailbox in mailboxes}


def trash(mailboxes: Sequence[Mailbox]) -> MailboxId | None:
    """Return the mailbox with that role, if there is one."""
    return next((each.id for each in mailboxes if each.role is Role.TRASH), None)
