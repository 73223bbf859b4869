"""Identifiers as clients see them; those of mail are IMAP's object ids (RFC 8620 §1.2, RFC 8474).

What nobody has is None, so that it is looked for and not found instead of being an error.
"""

import re
from typing import TypeVar

from mailserver.model.ids import EmailId, MailboxId, ThreadId

_ID = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
_NUMBER = re.compile(r"([A-Z])([1-9][0-9]{0,17})\Z")

IdT = TypeVar("IdT", EmailId, MailboxId, ThreadId)


def is_id(text: str) -> bool:
    """Say whether `text` has the form of an id."""
    return _ID.match(text) is not None


def _number(letter: str, text: str) -> int | None:
    found = _NUMBER.match(text)
    return int(found.group(2)) if found and found.group(1) == letter else None


def of_email(email_id: EmailId) -> str:
    """Write an Email's id."""
    return f"M{email_id}"


def email(text: str) -> EmailId | None:
    """Read an Email's id."""
    number = _number("M", text)
    return None if number is None else EmailId(number)


def of_thread(thread_id: ThreadId) -> str:
    """Write a Thread's id."""
    return f"T{thread_id}"


def thread(text: str) -> ThreadId | None:
    """Read a Thread's id."""
    number = _number("T", text)
    return None if number is None else ThreadId(number)


def of_mailbox(mailbox_id: MailboxId) -> str:
    """Write a Mailbox's id."""
    return f"F{mailbox_id}"


def mailbox(text: str) -> MailboxId | None:
    """Read a Mailbox's id."""
    number = _number("F", text)
    return None if number is None else MailboxId(number)
