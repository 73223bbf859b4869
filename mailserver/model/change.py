"""What happened in an account, in the order of its change counter."""

from dataclasses import dataclass, field

from mailserver.model.ids import AccountId, EmailId, MailboxId, ModSeq, Uid
from mailserver.model.message import EntryFlags


@dataclass(frozen=True, slots=True)
class MailboxChange:
    """Entries of one mailbox that came, went or changed flags under one MODSEQ."""

    mailbox_id: MailboxId
    appeared: list[Uid] = field(default_factory=list)
    vanished: list[Uid] = field(default_factory=list)
    flagged: list[EntryFlags] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Change:
    """One committed change of one account; published after the commit, never before."""

    account_id: AccountId
    modseq: ModSeq
    entries: list[MailboxChange] = field(default_factory=list)
    mailboxes: list[MailboxId] = field(default_factory=list)
    """Mailboxes that were created, renamed, deleted or (un)subscribed."""
    emails_destroyed: list[EmailId] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    """Kinds of what owners keep beside their mail, of which some changed (`model.record`)."""
