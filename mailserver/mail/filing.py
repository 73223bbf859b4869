"""Where a filter puts a message, found among the mailboxes that there are (RFC 5228 §4.1)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mailserver.mail.mailbox_answers import MailboxAnswers
from mailserver.mail.mailboxes import canonical_name
from mailserver.model.errors import PeerFault
from mailserver.model.ids import MailboxId
from mailserver.model.mailbox import INBOX
from mailserver.model.message import NO_KEYWORDS, Flag, Keywords
from mailserver.model.sealed import Plaintext
from mailserver.protocol.sieve.actions import FileInto, Flags, Keep

_SYSTEM = {
    "\\seen": Flag.SEEN,
    "\\answered": Flag.ANSWERED,
    "\\flagged": Flag.FLAGGED,
    "\\deleted": Flag.DELETED,
    "\\draft": Flag.DRAFT,
}


@dataclass(frozen=True, slots=True, repr=False)
class Filed:
    """One place in which a message is stored."""

    name: str | None
    """The mailbox's path; None where mail goes by default: INBOX, or Junk by the verdict."""
    mailbox_id: MailboxId | None = None
    """Which it is; None beside a name means that it is to be made first."""
    flags: Flag = Flag.NONE
    keywords: Keywords = NO_KEYWORDS
    octets: Plaintext | None = None
    """The message as edited for this place; None where it was not."""
    missing: str = ""
    """The mailbox that was meant and is not there, so that the message goes where mail goes."""

    @property
    def create(self) -> bool:
        """Whether the mailbox is to be made, with the levels above it."""
        return self.name is not None and self.mailbox_id is None


async def filed(action: Keep | FileInto, mailboxes: MailboxAnswers) -> Filed:
    """Find where an action stores; a mailbox that is not there and not to be made is INBOX."""
    octets = None if action.octets is None else Plaintext(action.octets)
    flags, keywords = split_flags(action.flags)
    if isinstance(action, Keep):
        return Filed(None, None, flags, keywords, octets)
    found = await mailboxes.with_id(action.mailbox_id) if action.mailbox_id else None
    if found is None and action.special_use:
        found = await mailboxes.used_for(action.special_use)
    if found is None:
        found = await mailboxes.named(action.mailbox)
    name = _canonical(action.mailbox)
    if found is None and (not action.create or name is None):
        return Filed(None, None, flags, keywords, octets, action.mailbox)
    return Filed(name or INBOX, found, flags, keywords, octets)


def merged(places: Sequence[Filed]) -> tuple[Filed, ...]:
    """Store once in one place, with the flags of all that meant it."""
    kept: dict[object, Filed] = {}
    for place in places:
        key = place.mailbox_id or place.name
        before = kept.get(key)
        kept[key] = place if before is None else _both(before, place)
    return tuple(kept.values())


def _both(first: Filed, second: Filed) -> Filed:
    return replace(
        first,
        flags=first.flags | second.flags,
        keywords=first.keywords | second.keywords,
        missing=first.missing or second.missing,
    )


def split_flags(flags: Flags) -> tuple[Flag, Keywords]:
    """Tell system flags from keywords."""
    system = Flag.NONE
    for flag in flags:
        system |= _SYSTEM.get(flag.lower(), Flag.NONE)
    return system, frozenset(flag for flag in flags if not flag.startswith("\\"))


def _canonical(name: str) -> str | None:
    try:
        return canonical_name(name.removesuffix("/"))
    except PeerFault:
        return None
