"""A message, scanned once: everything that is sealed and counted at delivery or APPEND.

The result is the same for every recipient; what differs is the key it is sealed under.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from mailserver.index.document import Framer, SearchText
from mailserver.model.ids import MailboxId, new_object_id
from mailserver.model.message import Flag
from mailserver.protocol.mime import summary
from mailserver.runtime.offload import Offload
from mailserver.store.emails import NewEmail
from mailserver.vault.guard import AccountGuard
from mailserver.vault.seal import ContentKey

LARGE_OCTETS = 256 * 1024  # above this, scanning and sealing leave the event loop
REFERENCES = 20  # how many earlier messages a thread is looked up by

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_local = threading.local()


@dataclass(frozen=True, slots=True, repr=False)
class Letter:
    """One scanned message: its octets, encoded summary, search document and Message-IDs."""

    octets: bytes
    summary: bytes
    document: bytes
    message_ids: tuple[bytes, ...]
    """Its own first, then those it answers, the nearest first."""

    def __repr__(self) -> str:
        """Say the size, never the content."""
        return f"<letter, {len(self.octets)} octets>"


async def scan(octets: bytes, offload: Offload) -> Letter:
    """Scan a message; a large one in a thread."""
    if len(octets) > LARGE_OCTETS:
        return await offload(_scan, octets)
    return _scan(octets)


async def seal(
    letter: Letter,
    key: ContentKey,
    guard: AccountGuard,
    mailbox_id: MailboxId,
    *,
    offload: Offload,
    internaldate: datetime,
    flags: Flag = Flag.NONE,
    keywords: tuple[int, ...] = (),
) -> NewEmail:
    """Seal a letter under `key` as a new email of `mailbox_id`."""
    object_id = new_object_id()
    parts = (object_id, letter.summary, letter.octets, letter.document)
    if len(letter.octets) > LARGE_OCTETS:
        sealed = await offload(key.seal_email, *parts)
    else:
        sealed = key.seal_email(*parts)
    return NewEmail(
        account_id=key.account,
        mailbox_id=mailbox_id,
        object_id=object_id,
        epoch=sealed.epoch,
        size_octets=len(letter.octets),
        internaldate=internaldate,
        flags=flags,
        keywords=keywords,
        summary=sealed.summary,
        body=sealed.body,
        tail=sealed.tail,
        thread_hashes=tuple(guard.thread_hash(id_) for id_ in letter.message_ids[: REFERENCES + 1]),
    )


def in_more(email: NewEmail, mailboxes: Sequence[MailboxId]) -> NewEmail:
    """Have further mailboxes hold an email that is to be stored."""
    return replace(email, also=tuple(mailboxes)) if mailboxes else email


def framer() -> Framer:
    """Return this thread's document framer."""
    if not hasattr(_local, "framer"):
        _local.framer = Framer()
    made: Framer = _local.framer
    return made


def _scan(octets: bytes) -> Letter:
    built = summary.build(octets)
    text = built.text
    document = framer().frame(
        SearchText(
            from_=text.from_,
            to=text.to,
            cc=text.cc,
            bcc=text.bcc,
            subject=text.subject,
            sent=_sent_day(built.summary),
            headers=text.headers,
            body=text.body,
        )
    )
    return Letter(octets, built.summary, document, tuple(built.message_ids))


def _sent_day(encoded: bytes) -> date | None:
    """Return the day the sender's clock showed (SENTSINCE disregards time and zone)."""
    listed = summary.Summary(encoded)
    if listed.sent is None:
        return None
    try:
        return (EPOCH + timedelta(seconds=listed.sent, minutes=listed.sent_zone)).date()
    except OverflowError:
        return None
